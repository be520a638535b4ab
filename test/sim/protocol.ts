import { defineProtocol } from '@roomful/protocol'
import * as z from 'zod/mini'

/** Messages of the simulated application. */
export const protocol = defineProtocol({ server: { notice: z.object({ text: z.string() }) } })

export type SimProtocol = typeof protocol

/** Text of a logged message, whoever wrote it; empty if it is deleted. */
export function textIn(message: { readonly message?: unknown; readonly text?: unknown }): string {
  return String(message.message ?? message.text ?? '')
}
