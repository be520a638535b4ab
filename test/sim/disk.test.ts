import type { JsonObject } from '@roomful/protocol'
import { type RoomfulError, type Sender, silentLogger } from '@roomful/server'
import { VirtualClock } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { resolveSettings } from '../../packages/server/src/backplane/sqlite/options.js'
import { SharedStore } from '../../packages/server/src/backplane/sqlite/shared-store.js'
import { SqliteBackplane } from '../../packages/server/src/backplane/sqlite/sqlite-backplane.js'
import { StoreFile } from '../../packages/server/src/backplane/sqlite/store-file.js'
import type { ThreadListener } from '../../packages/server/src/backplane/sqlite/thread.js'
import { NEW_FILE, simulateDisk } from './disk/disk-world.js'
import { type Image, ModelDisk } from './disk/model-disk.js'
import { filesOn } from './disk/model-files.js'
import { SimThread } from './disk/sim-thread.js'
import { openOn } from './disk/sqlite.js'
import { Witness } from './disk/witness.js'
import { Oracle } from './oracle.js'
import { Random } from './random.js'
import { addTo, describeRun, newTotals } from './report.js'

const SEEDS = Number(process.env.SIM_DISK_SEEDS ?? 40)
const FIRST = Number(process.env.SIM_FIRST ?? 1)

/** Seeds of what a power cut leaves of the changes that were not synced. */
const POWER_CUTS = [1, 2, 3, 4, 5, 6, 7, 8]

function openedOn(disk: ModelDisk): StoreFile {
  const mount = { disk, isDead: false }
  return new StoreFile({ file: '/chat.db', sync: 'normal' }, () => openOn(mount), filesOn(mount))
}

/** Commits so much that tables get pages of a new level. */
function fill(file: StoreFile): void {
  for (let i = 0; i < 100; i++)
    file.commit(() =>
      file.driver.prepare('INSERT INTO meta (name, value) VALUES (?, ?)').run(`${i}`, 'x'.repeat(1_000)),
    )
}

function problemsOn(disk: ModelDisk): unknown[] {
  const { driver } = openedOn(disk)
  return driver
    .prepare('PRAGMA integrity_check')
    .all()
    .map(({ integrity_check: problem }) => problem)
}

describe('the deterministic simulation of a server on a model of a disk', () => {
  it(`[M10] [M11] [H3] [H13] [D1] [D7] the deterministic simulation of a server on a model of a disk loses nothing that was acknowledged, or tells, for ${SEEDS} seeds`, {
    timeout: 60_000 + SEEDS * 2_000,
  }, async () => {
    const failures: string[] = []
    const totals = newTotals()
    let lost = 0
    for (let seed = FIRST; seed < FIRST + SEEDS && failures.length < 3; seed++) {
      const run = await simulateDisk(seed)
      if (run.violations.length > 0) failures.push(describeRun(run, 'disk'))
      addTo(totals, run)
      lost += run.lost
    }
    console.log(JSON.stringify({ ...totals, lost }))
    expect(failures.join('\n\n')).toBe('')
    expect(totals.acked, 'a simulation in which nothing is sent proves nothing').toBeGreaterThan(SEEDS * 50)
    expect(totals.amended).toBeGreaterThan(SEEDS * 10)
  })

  it('the deterministic simulation of a server on a model of a disk replays a seed to the byte', async () => {
    const first = await simulateDisk(7)
    const second = await simulateDisk(7)
    expect(second.digest).toBe(first.digest)
    expect(second.schedule).toEqual(first.schedule)
  })

  it.each(POWER_CUTS)(
    'a journal whose sync failed is written again before its pages are moved, so a power cut damages nothing (%i)',
    (cut) => {
      const disk = new ModelDisk(NEW_FILE, new Random(cut))
      const file = openedOn(disk)
      fill(file)
      disk.failingSyncs = 1
      expect(() => file.checkpoint(true)).toThrow('disk I/O error')
      file.checkpoint(true)
      disk.cut(disk.now - 0.1)
      expect(problemsOn(disk)).toEqual(['ok'])
    },
  )

  it.each(POWER_CUTS)(
    'a start that cannot write the journal again moves none of its pages, so a power cut damages nothing (%i)',
    (cut) => {
      const disk = new ModelDisk(NEW_FILE, new Random(cut))
      fill(openedOn(disk))
      disk.failingSyncs = 1
      expect(() => openedOn(disk)).toThrow('the disk: io')
      disk.cut(disk.now - 0.1)
      expect(problemsOn(disk)).toEqual(['ok'])
    },
  )

  it('a message of the server itself is in doubt once the sync of its commit has failed, and a client can repeat its own', async () => {
    const clock = new VirtualClock()
    const disk = new ModelDisk(NEW_FILE, new Random(1))
    const settings = resolveSettings({ file: '/chat.db' })
    const witness = new Witness(new Oracle({ historyCount: 10, refusals: new Set() }))
    const startThread = async (listener: ThreadListener) =>
      new SimThread(clock, disk, settings, witness, listener)
    const store = new SharedStore(startThread, clock, silentLogger, () => {})
    const opened = store.open(() => {})
    await clock.advance(100)
    await opened
    const codeOf = async (id: string, sender?: Sender) => {
      disk.failingSyncs = 1
      const request = { kind: 'publish', stream: 'r', id, open: '{"type":"notice"', timestampMs: 1 } as const
      const outcome = store
        .publish({ ...request, author: undefined, sender, idempotency: undefined, amends: undefined })
        .catch(({ code }: RoomfulError) => code)
      await clock.advance(100)
      return outcome
    }
    expect(await codeOf('a')).toBe('outcome_unknown')
    expect(await codeOf('b', { userId: 'ana', clientId: 'c1', fingerprint: 1 })).toBe('unavailable')
  })

  it('the witness of a simulated disk knows what an old backup brings back, also where retention has dropped the place at which the log forked', async () => {
    const clock = new VirtualClock()
    const disk = new ModelDisk(NEW_FILE, new Random(1))
    const settings = resolveSettings({ file: '/chat.db', retention: { count: 2 } })
    const oracle = new Oracle({ historyCount: 2, refusals: new Set() })
    const witness = new Witness(oracle)
    const restore = (image: Image) => {
      disk.restore(image)
      witness.mayLose = true
    }
    /** A process that publishes these, and is killed once the oldest are dropped. */
    const live = async (...texts: readonly string[]) => {
      let thread: SimThread | undefined
      const startThread = async (listener: ThreadListener) => {
        thread = new SimThread(clock, disk, settings, witness, listener)
        return thread
      }
      const backplane = new SqliteBackplane(
        settings,
        (link) => new SharedStore(startThread, link.clock, link.logger, () => {}),
      )
      const newId = () => `id of ${texts[0]}`
      const link = { clock, logger: silentLogger, graceMs: 1, listedMembers: 1, newId, receive: () => {} }
      void backplane.start(link)
      await clock.advance(100)
      for (const text of texts) {
        const message = { type: 'notice', text: `${text}:0` }
        void backplane.publish('r', { id: text, message, timestampMs: 1, sender: undefined })
        await clock.advance(100)
      }
      await clock.advance(5_000)
      const image = disk.image(clock.now())
      thread?.kill()
      return image
    }
    const idsOf = () => witness.logOf('r').map(({ id }) => id)

    const backup = await live('a', 'b', 'c', 'd')
    restore(NEW_FILE)
    await live('x', 'y')
    expect(idsOf()).toEqual(['x', 'y'])
    restore(backup)
    await live()
    expect(idsOf()).toEqual(['a', 'b', 'c', 'd'])
    expect(['a', 'x'].map((id) => oracle.isLost(id))).toEqual([false, true])
    oracle.check()
    expect(oracle.violations).toEqual([])
  })

  it('the witness of a simulated disk knows what an edit said that is committed together with the deletion of its message', async () => {
    const clock = new VirtualClock()
    const disk = new ModelDisk(NEW_FILE, new Random(1))
    const settings = resolveSettings({ file: '/chat.db' })
    const oracle = new Oracle({ historyCount: 10, refusals: new Set() })
    const witness = new Witness(oracle)
    const startThread = async (listener: ThreadListener) =>
      new SimThread(clock, disk, settings, witness, listener)
    const backplane = new SqliteBackplane(
      settings,
      (link) => new SharedStore(startThread, link.clock, link.logger, () => {}),
    )
    const newId = () => 'an epoch'
    void backplane.start({ clock, logger: silentLogger, graceMs: 1, listedMembers: 1, newId, receive() {} })
    await clock.advance(100)
    const target = { offset: 1, id: 'a' }
    const draft = (id: string, message: JsonObject) => ({
      ...{ id, timestampMs: 1, sender: undefined },
      message: { ...message, user_id: 'ana', id },
    })
    const amending = { target, userId: 'ana', moderates: false }
    void backplane.publish('r', draft('a', { type: 'chat_message', message: 'ana:0' }))
    await clock.advance(100)
    void backplane.publish('r', {
      ...draft('b', { type: 'message_edited', target, message: 'ana:0:e' }),
      amends: { kind: 'edit', message: 'ana:0:e', ...amending },
    })
    void backplane.publish('r', {
      ...draft('c', { type: 'message_deleted', target }),
      amends: { kind: 'delete', ...amending },
    })
    await clock.advance(100)
    expect(witness.logOf('r').map(({ text }) => text)).toEqual(['ana:0', 'ana:0:e', ''])
    expect(oracle.violations).toEqual([])
  })
})
