import type { Issue } from '@roomful/protocol'
import { is } from '@roomful/protocol/options'
import { isWellFormed, MAX_MENTIONS, MAX_USER_ID_LENGTH, TOKEN, truncate } from '@roomful/protocol/wire'

/** An entry of a log that a message refers to. Other fields are ignored, so that the whole message will do. */
export const aTarget = is.rule(
  'a message of the log, or its { offset, id }',
  (value) =>
    is.object.accepts(value) &&
    Number.isSafeInteger(Object(value).offset) &&
    Object(value).offset >= 0 &&
    is.text.accepts(Object(value).id),
)

/** What a message answers. Nobody looks for it, so clients would get a wrong one, and show nothing of the message. */
export const aReference = is.rule(
  aTarget.expected,
  (value) => aTarget.accepts(value) && TOKEN.test(Object(value).id),
)

export const someMentions = is.rule(
  `a list of at most ${MAX_MENTIONS} user ids`,
  (value) => Array.isArray(value) && value.length <= MAX_MENTIONS && value.every(isMention),
)

const BLANK = /^\p{White_Space}*$/u
const CONTROL = /\p{Cc}/u

/** What is wrong with what an anonymous user shows to others. */
export function profileIssues(
  profile: { readonly name?: string; readonly avatar?: string },
  maxBytes: number,
): Issue[] {
  const { name, avatar } = profile
  const issues: Issue[] = []
  if (name !== undefined && (BLANK.test(name) || CONTROL.test(name)))
    issues.push({ path: 'profile.name', message: 'Expected a text on one line that is not blank' })
  if (avatar !== undefined && !isHttpUrl(avatar))
    issues.push({ path: 'profile.avatar', message: 'Expected a URL that begins with https: or http:' })
  if (Buffer.byteLength(JSON.stringify(profile)) > maxBytes)
    issues.push({ path: 'profile', message: `Expected at most ${maxBytes} bytes of JSON` })
  return issues
}

/** Others show it: a URL of another kind could be a script. */
function isHttpUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text)
}

function isMention(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value !== '' &&
    truncate(value, MAX_USER_ID_LENGTH) === value &&
    isWellFormed(value)
  )
}
