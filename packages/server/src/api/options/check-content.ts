import { is } from '@roomful/protocol/options'
import { isWellFormed, MAX_MENTIONS, MAX_USER_ID_LENGTH, truncate } from '@roomful/protocol/wire'

/** An entry of a log that a message refers to. Other fields are ignored, so that the whole message will do. */
export const aTarget = is.rule(
  'a message of the log, or its { offset, id }',
  (value) =>
    is.object.accepts(value) &&
    Number.isSafeInteger(Object(value).offset) &&
    Object(value).offset >= 0 &&
    is.text.accepts(Object(value).id),
)

export const someMentions = is.rule(
  `a list of at most ${MAX_MENTIONS} user ids`,
  (value) => Array.isArray(value) && value.length <= MAX_MENTIONS && value.every(isMention),
)

function isMention(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value !== '' &&
    truncate(value, MAX_USER_ID_LENGTH) === value &&
    isWellFormed(value)
  )
}
