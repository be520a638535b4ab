import type { Event, Page } from './history.js'
import type { RecordedClient } from './recorded-client.js'
import type { Recording } from './recording.js'

/** Lets a new client read its room from the first entry to the last. Losses are judged by what it reads. */
export async function readThrough(auditor: RecordedClient, recording: Recording): Promise<void> {
  await recording.until(() => auditor.isLive, `${auditor.name} has joined`)
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: Page = await pageAfter(after, auditor, recording)
    after = page.more ? page.entries.at(-1)?.offset : undefined
  }
}

async function pageAfter(after: number, auditor: RecordedClient, recording: Recording): Promise<Page> {
  const { events } = recording
  const isAnswer = (event: Event): event is Page =>
    event.kind === 'page' && event.client === auditor.name && event.after === after
  auditor.page({ after, limit: 1_000 })
  await recording.until(() => events.some(isAnswer), `${auditor.name} has its page after ${after}`)
  const page = events.find(isAnswer)
  if (!page) throw new Error(`${auditor.name} lost its page after ${after}`)
  return page
}
