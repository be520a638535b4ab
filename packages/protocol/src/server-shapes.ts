// Derived from server-messages.ts by test/server-shapes.test.ts; do not edit.
import type { Shape } from './shape.js'

export const serverShapes: Readonly<Record<string, Shape>> = {
  "system": {
    "fields": {
      "type": "=system",
      "message": "string",
      "timestamp": "string",
      "protocol?": "integer",
      "connection_id?": "token",
      "ping_interval_ms?": "duration",
      "limits?": {
        "fields": {
          "text_length?": {
            "any": [
              "number",
              "null"
            ]
          },
          "frame_bytes?": {
            "any": [
              "number",
              "null"
            ]
          },
          "messages_per_second?": {
            "any": [
              "number",
              "null"
            ]
          },
          "messages_burst?": {
            "any": [
              "number",
              "null"
            ]
          },
          "bytes_per_second?": {
            "any": [
              "number",
              "null"
            ]
          },
          "joins_per_second?": {
            "any": [
              "number",
              "null"
            ]
          },
          "joins_burst?": {
            "any": [
              "number",
              "null"
            ]
          },
          "history_per_second?": {
            "any": [
              "number",
              "null"
            ]
          },
          "rooms?": {
            "any": [
              "number",
              "null"
            ]
          },
          "dedupe_window_ms?": {
            "any": [
              "number",
              "null"
            ]
          }
        }
      }
    }
  },
  "authenticated": {
    "fields": {
      "type": "=authenticated",
      "user_id": "string",
      "session": "string",
      "expires_in_ms?": "duration",
      "ref?": "token"
    }
  },
  "joined": {
    "fields": {
      "type": "=joined",
      "room_id": "string",
      "message": "string",
      "timestamp": "string",
      "epoch?": "token",
      "offset?": "natural",
      "id?": "token",
      "messages?": [
        {
          "fields": {
            "type": "string",
            "room_id": "string",
            "id": "token",
            "epoch": "token",
            "offset": "natural"
          }
        }
      ],
      "more?": "boolean",
      "count?": "natural",
      "members?": [
        {
          "fields": {
            "user_id": "string",
            "profile?": "object",
            "state?": "object"
          }
        }
      ],
      "presence_version?": "natural",
      "recovered?": "boolean",
      "reason?": "string",
      "ref?": "token"
    }
  },
  "left": {
    "fields": {
      "type": "=left",
      "room_id": "string",
      "reason?": "string",
      "ref?": "token"
    }
  },
  "user_joined": {
    "fields": {
      "type": "=user_joined",
      "message": "string",
      "count": "natural",
      "room_id?": "string",
      "user_id?": "string"
    }
  },
  "user_left": {
    "fields": {
      "type": "=user_left",
      "message": "string",
      "count": "natural",
      "room_id?": "string",
      "user_id?": "string"
    }
  },
  "chat_message": {
    "fields": {
      "type": "=chat_message",
      "message": "string",
      "timestamp": "string",
      "user_id": "string",
      "room_id?": "string",
      "id?": "token",
      "client_id?": "token",
      "epoch?": "token",
      "offset?": "natural",
      "data?": "object"
    }
  },
  "user_typing": {
    "fields": {
      "type": "=user_typing",
      "user_id": "string",
      "timestamp": "string",
      "room_id?": "string"
    }
  },
  "user_stopped_typing": {
    "fields": {
      "type": "=user_stopped_typing",
      "user_id": "string",
      "timestamp": "string",
      "room_id?": "string"
    }
  },
  "pong": {
    "fields": {
      "type": "=pong",
      "timestamp": "string",
      "id?": {
        "any": [
          "token",
          "number"
        ]
      }
    }
  },
  "ack": {
    "fields": {
      "type": "=ack",
      "client_id": "token",
      "id": "token",
      "room_id": "string",
      "epoch": "token",
      "offset": "natural",
      "timestamp": "string",
      "duplicate": "boolean",
      "durability": "=memory|primary|replicated",
      "ref?": "token"
    }
  },
  "history": {
    "fields": {
      "type": "=history",
      "room_id": "string",
      "epoch": "token",
      "messages": [
        {
          "fields": {
            "type": "string",
            "room_id": "string",
            "id": "token",
            "epoch": "token",
            "offset": "natural"
          }
        }
      ],
      "more": "boolean",
      "oldest_offset": "natural",
      "truncated": "boolean",
      "ref?": "token"
    }
  },
  "presence": {
    "fields": {
      "type": "=presence",
      "room_id": "string",
      "version": "natural",
      "event": "=snapshot|enter|update|leave",
      "members": [
        {
          "fields": {
            "user_id": "string",
            "profile?": "object",
            "state?": "object"
          }
        }
      ]
    }
  },
  "resync": {
    "fields": {
      "type": "=resync",
      "room_id": "string",
      "reason": "string",
      "epoch": "token",
      "offset": "natural",
      "id": "token"
    }
  },
  "draining": {
    "fields": {
      "type": "=draining",
      "reconnect_after_ms": "duration"
    }
  },
  "reply": {
    "fields": {
      "type": "=reply",
      "ref": "token",
      "data": "unknown"
    }
  },
  "error": {
    "fields": {
      "type": "=error",
      "message": "string",
      "timestamp": "string",
      "code?": "string",
      "ref?": "token",
      "client_id?": "token",
      "room_id?": "string",
      "retry_after_ms?": "duration",
      "issues?": [
        {
          "fields": {
            "path": "string",
            "message": "string"
          }
        }
      ]
    }
  }
}
