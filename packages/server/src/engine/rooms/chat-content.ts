import type { ClientMessageOf, Issue, JsonObject, Target } from '@roomful/protocol'
import { aReference, someMentions } from '../../api/options/check-content.js'
import type { Limits } from '../../api/options/limits.js'
import { fingerprint } from '../../backplane/log/fingerprint.js'

/** What somebody writes. */
export interface ChatBody {
  readonly message: string
  readonly data?: JsonObject | undefined
  readonly replyTo?: Target | undefined
  readonly mentions?: readonly string[] | undefined
}

/** What somebody does with the chat of a room. */
export type ChatContent =
  | { readonly kind: 'send'; readonly body: ChatBody }
  | { readonly kind: 'edit'; readonly target: Target; readonly body: ChatBody }
  | { readonly kind: 'delete'; readonly target: Target }
  | ReactionContent

export interface ReactionContent {
  readonly kind: 'react' | 'unreact'
  readonly target: Target
  readonly reaction: string
}

/** Content with a text. */
export type WrittenContent = Extract<ChatContent, { readonly body: ChatBody }>

/** A client's message that does so. */
export type ChatRequest = ClientMessageOf<'chat_message'> | AmendRequest
export type AmendRequest = ClientMessageOf<
  'edit_message' | 'delete_message' | 'add_reaction' | 'remove_reaction'
>

export function contentOf(request: ChatRequest): ChatContent {
  switch (request.type) {
    case 'chat_message': {
      const { message, data, reply_to: replyTo, mentions } = request
      return { kind: 'send', body: bodyOf({ message, data, replyTo, mentions }) }
    }
    case 'edit_message': {
      const { message, data, target } = request
      return { kind: 'edit', target, body: bodyOf({ message, data }) }
    }
    case 'delete_message':
      return { kind: 'delete', target: request.target }
    case 'add_reaction':
      return { kind: 'react', target: request.target, reaction: request.reaction }
    case 'remove_reaction':
      return { kind: 'unreact', target: request.target, reaction: request.reaction }
  }
}

/** Without the fields that are absent. */
function bodyOf({ message, data, replyTo, mentions }: ChatBody): ChatBody {
  return { message, ...(data && { data }), ...(replyTo && { replyTo }), ...(mentions && { mentions }) }
}

/** Tells a repeat from another message under the same id. */
export function digest(content: ChatContent): number {
  if (content.kind === 'send') return fingerprint(digestText(content.body))
  const { offset, id } = content.target
  const rest = 'body' in content ? digestText(content.body) : ''
  return fingerprint(`${content.kind} ${offset} ${id}\n${rest}`)
}

function digestText({ message, data, replyTo, mentions }: ChatBody): string {
  const text = data ? `${message}\n${JSON.stringify(data)}` : message
  return replyTo || mentions ? `${text}\n${JSON.stringify([replyTo, mentions])}` : text
}

/**
 * The handler's version of a chat message.
 * @throws TypeError if it returned anything else, which types cannot prevent in JavaScript
 */
export function rewritten(result: unknown, sent: ChatBody): ChatBody {
  const { message, data, replyTo, mentions } = (result ?? sent) as Partial<ChatBody>
  if (typeof message !== 'string')
    throw new TypeError("handle.chat_message must return the chat message, but its 'message' is not a string")
  if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data)))
    throw new TypeError("handle.chat_message returned 'data' that is not an object")
  if (replyTo !== undefined && !aReference.accepts(replyTo))
    throw new TypeError(`handle.chat_message returned a 'replyTo' that is not ${aReference.expected}`)
  if (mentions !== undefined && !someMentions.accepts(mentions))
    throw new TypeError(`handle.chat_message returned 'mentions' that are not ${someMentions.expected}`)
  return bodyOf({ message, data, replyTo, mentions })
}

/** Why a reaction is refused, before its message is looked for. */
export function reactionFault(
  reaction: string,
  { reactionBytes }: Pick<Limits, 'reactionBytes'>,
): Issue | undefined {
  const isLong = Buffer.byteLength(reaction) > reactionBytes
  if (!isLong && reaction.trim() !== '') return undefined
  return {
    path: 'reaction',
    message: isLong ? `Expected at most ${reactionBytes} bytes` : 'Expected a text to see',
  }
}
