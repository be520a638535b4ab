import { type Check, compileShape } from '@roomful/protocol/wire'

const PARTS = {
  position: 'id epoch offset:natural',
  entry: 'type room_id id epoch offset:natural',
  member: 'user_id profile?:object state?:object',
  room: 'room_id count:natural connections:natural',
  restriction: 'user_id muted?:object banned?:object',
  own: 'offset:natural reactions:string[]',
}

/** The answers of the HTTP API, as far as this client relies on them. A newer server may add fields. */
export const SHAPES = {
  published: compileShape(`${PARTS.position} duplicate:boolean`),
  page: compileShape('messages:entry[] more:boolean more_after?:boolean truncated:boolean', PARTS),
  snapshot: compileShape(
    'messages:entry[] more:boolean members?:member[] count:natural cursor:position own_reactions?:own[] last_event_id',
    PARTS,
  ),
  room: compileShape('room_id count:natural head:position', PARTS),
  members: compileShape('count:natural members?:member[]', PARTS),
  restrictions: compileShape('restrictions:restriction[] more:boolean', PARTS),
  rooms: compileShape('rooms:room[] more:boolean', PARTS),
} satisfies Readonly<Record<string, Check>>
