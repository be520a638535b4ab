import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'
import { isWellFormed } from '@roomful/protocol/wire'
import type {
  BroadcastOptions,
  ChatOptions,
  DeleteOptions,
  EditOptions,
  HistoryOptions,
  PublishOptions,
  SnapshotOptions,
} from '../handles/handles.js'
import type { ListOptions } from '../handles/listings.js'
import type { RestrictionOptions } from '../handles/restrictions.js'
import type { User } from '../hooks/authentication.js'
import { aReference, aTarget, someMentions } from './check-content.js'
import { isUserId } from './check-ids.js'

export const aCount = is.rule(
  'a whole number, 0 or more',
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
)

const aUserId = is.rule("a user id, which never begins with '@'", isUserId)
/** The form of the server's own connection ids; most user ids look different. */
const CONNECTION_ID = /^[\w-]{22}$/
const anAudience = is.rule(
  "a connection's id, as context.connection.id, or { user: 'ana' }",
  (value) =>
    (typeof value === 'string' && CONNECTION_ID.test(value)) ||
    (is.object.accepts(value) &&
      Object.keys(Object(value)).join() === 'user' &&
      isUserId(Object(value).user)),
)
const HISTORY: OptionRules<HistoryOptions> = {
  limit: aCount,
  before: aCount,
  after: aCount,
  around: aTarget,
}
const BROADCAST: OptionRules<BroadcastOptions> = {
  except: anAudience,
  coalesceKey: is.rule('a string', (value) => typeof value === 'string'),
}
const MAX_KEY_LENGTH = 256
const aKey = is.rule(
  `a string of 1 to ${MAX_KEY_LENGTH} characters, of valid Unicode`,
  (value) => is.text.accepts(value) && String(value).length <= MAX_KEY_LENGTH && isWellFormed(String(value)),
)
const RESTRICTION: OptionRules<RestrictionOptions> = { forMs: is.positive }
const PUBLISH: OptionRules<PublishOptions> = { key: aKey }
const anAuthor = is.rule(
  `${aUserId.expected}, or '@server'`,
  (value) => value === '@server' || isUserId(value),
)
const DELETE: OptionRules<DeleteOptions> = { as: anAuthor, key: aKey }
const EDIT: OptionRules<EditOptions> = {
  ...DELETE,
  data: is.rule('data as the chat schema of the protocol declares it', () => true),
}
const CHAT: OptionRules<ChatOptions> = { ...EDIT, replyTo: aReference, mentions: someMentions }

const SNAPSHOT: OptionRules<SnapshotOptions> = {
  as: is.rule(
    `${anAuthor.expected}, or a user, such as { id, data }`,
    (value) => anAuthor.accepts(value) || is.object.accepts(value),
  ),
  limit: aCount,
}
const USER: OptionRules<User> = {
  id: aUserId,
  profile: is.object,
  data: is.rule('data as authenticate returns it', () => true),
}

const MAX_LISTED = 1_000
const LIST: OptionRules<ListOptions> = {
  after: is.text,
  limit: is.rule(
    `a whole number from 1 to ${MAX_LISTED.toLocaleString('en')}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= MAX_LISTED,
  ),
}

/** @throws TypeError that names the option and says how to fix it */
export function assertHistoryOptions(options: HistoryOptions): void {
  assertOptions('history', options, HISTORY)
  const { before, after, around } = options
  if ([before, after, around].filter((one) => one !== undefined).length <= 1) return
  throw new TypeError('history: before, after and around select different pages; use only one of them')
}

export function assertListOptions(
  caller: 'listRooms' | 'listConnections' | 'listRestrictions',
  options: ListOptions,
): void {
  assertOptions(caller, options, LIST)
}

/** @throws TypeError that names the option and says how to fix it */
export function assertSnapshotOptions(options: SnapshotOptions): void {
  assertOptions('snapshot', options, SNAPSHOT)
  const { as } = options
  if (as === undefined)
    throw new TypeError(
      "snapshot: as is missing; name the user who will see it, or '@server' for the server itself",
    )
  if (typeof as === 'string') return
  const { data, ...user } = as
  assertOptions('snapshot', user, USER, 'as')
  if (as.id === undefined) throw new TypeError('snapshot: as.id is missing')
}

/** With a misspelt or wrong option, the message would reach those who must not get it. */
export function assertBroadcastOptions(options: BroadcastOptions): void {
  assertOptions('broadcast', options, BROADCAST)
}

export function assertBroadcastToAllOptions(options: { readonly exceptUser?: string }): void {
  assertOptions('broadcast', options, { exceptUser: aUserId })
}

/** With a misspelt or wrong option, it would last for ever. */
export function assertRestrictionOptions(caller: 'mute' | 'ban', options: RestrictionOptions): void {
  assertOptions(caller, options, RESTRICTION)
}

export function assertPublishOptions(options: PublishOptions): void {
  assertOptions('publish', options, PUBLISH)
}

export function assertChatOptions(options: ChatOptions): void {
  assertOptions('chat.send', options, CHAT)
}

export function assertEditOptions(options: EditOptions): void {
  assertOptions('chat.edit', options, EDIT)
}

/** Of the calls that take no text. */
export function assertDeleteOptions(caller: AmendingCall, options: DeleteOptions): void {
  assertOptions(caller, options, DELETE)
}

type AmendingCall = 'chat.edit' | 'chat.delete' | 'chat.react' | 'chat.unreact'

/** @throws TypeError */
export function assertTarget(caller: AmendingCall, target: unknown): void {
  if (!aTarget.accepts(target)) throw new TypeError(`${caller}: pass ${aTarget.expected}`)
}

/** @throws TypeError for a single id: the string would be read as a list of characters */
export function assertIds(caller: 'rooms' | 'users', ids: unknown): void {
  if (Array.isArray(ids)) return
  const one = caller === 'rooms' ? 'room' : 'user'
  throw new TypeError(`${caller}: pass a list of ids, such as ['general']; for a single one, use ${one}(id)`)
}
