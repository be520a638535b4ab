// Derived from server-messages.ts by test/server-shapes.test.ts; do not edit.

/** Objects within messages. */
export const partShapes: Readonly<Record<string, string>> = {
  "entry": "type room_id id:token epoch:token offset:natural",
  "member": "user_id profile?:object state?:object",
  "author": "user_id profile:object",
  "limits": "text_length?:number|null frame_bytes?:number|null messages_per_second?:number|null messages_burst?:number|null bytes_per_second?:number|null joins_per_second?:number|null joins_burst?:number|null history_per_second?:number|null rooms?:number|null dedupe_window_ms?:number|null",
  "issue": "path message",
  "target": "offset:natural id:token",
  "covers": "from:natural to:natural",
  "reaction_count": "reaction count:natural",
  "own_reactions": "offset:natural reactions:string[]",
  "cursor": "epoch:token offset:natural id:token",
  "mark": "user_id epoch:token offset:natural id:token",
  "head": "room_id epoch:token offset:natural unread:natural more?:boolean mentions?:natural"
}

export const serverShapes: Readonly<Record<string, string>> = {
  "system": "message timestamp protocol?:integer connection_id?:token ping_interval_ms?:duration limits?:limits",
  "authenticated": "user_id session expires_in_ms?:duration ref?:token",
  "joined": "room_id message timestamp epoch?:token offset?:natural id?:token messages?:entry[] more?:boolean covers?:covers count?:natural members?:member[] users?:author[] presence_version?:natural mark?:cursor unread?:natural mentions?:natural marks?:mark[] recovered?:boolean reason? own_reactions?:own_reactions[] ref?:token",
  "left": "room_id reason? retry_after_ms?:duration ref?:token",
  "user_joined": "message count:natural room_id? user_id?",
  "user_left": "message count:natural room_id? user_id?",
  "chat_message": "message timestamp user_id room_id? id?:token client_id?:token epoch?:token offset?:natural data?:object reply_to?:target mentions?:string[] edited_at? edited_by? version?:natural deleted?:boolean reactions?:reaction_count[]",
  "message_edited": "message data?:object deleted?:boolean target:target user_id timestamp room_id id:token epoch:token offset:natural client_id?:token",
  "message_deleted": "target:target user_id timestamp room_id id:token epoch:token offset:natural client_id?:token",
  "messages_erased": "user_id through:natural timestamp room_id id:token epoch:token offset:natural",
  "reaction_added": "reaction deleted?:boolean target:target user_id timestamp room_id id:token epoch:token offset:natural client_id?:token",
  "reaction_removed": "reaction deleted?:boolean target:target user_id timestamp room_id id:token epoch:token offset:natural client_id?:token",
  "reactions_erased": "reactions:reaction_count[] target:target user_id timestamp room_id id:token epoch:token offset:natural client_id?:token",
  "read_marked": "room_id user_id epoch:token offset:natural id:token counted?:natural unread?:natural mentions?:natural ref?:token",
  "room_heads": "rooms:head[] denied?:string[] ref?:token",
  "user_typing": "user_id timestamp room_id?",
  "user_stopped_typing": "user_id timestamp room_id?",
  "pong": "timestamp id?:token|number",
  "ack": "client_id:token id:token room_id epoch:token offset:natural timestamp duplicate:boolean durability:~memory|buffered|disk|primary|replicated ref?:token",
  "history": "room_id epoch:token messages:entry[] users?:author[] more:boolean more_after?:boolean covers?:covers oldest_offset:natural truncated:boolean own_reactions?:own_reactions[] ref?:token",
  "reactions": "room_id target:target reaction users:string[] more:boolean next?:natural ref?:token",
  "presence": "room_id version:natural event:~update|enter|leave|snapshot members:member[]",
  "resync": "room_id reason epoch:token offset:natural id:token",
  "draining": "reconnect_after_ms:duration",
  "reply": "ref:token data:unknown",
  "error": "message timestamp code? ref?:token client_id?:token room_id? retry_after_ms?:duration issues?:issue[]"
}
