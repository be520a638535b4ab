// Frames of RFC 6455, a client's side.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum opcode { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

struct frame {
  enum opcode opcode;
  const uint8_t *payload;
  size_t length;
  size_t total; // header included
};

// Reads the frame that begins at `bytes`; 0 if it is not complete yet. A server's frames are not masked.
static int read_frame(const uint8_t *bytes, size_t available, struct frame *frame) {
  if (available < 2) return 0;
  size_t header = 2, length = bytes[1] & 127;
  if (length == 126) {
    if (available < 4) return 0;
    length = (size_t)bytes[2] << 8 | bytes[3];
    header = 4;
  } else if (length == 127) {
    if (available < 10) return 0;
    length = 0;
    for (int i = 2; i < 10; i++) length = length << 8 | bytes[i];
    header = 10;
  }
  *frame = (struct frame){bytes[0] & 15, bytes + header, length, header + length};
  return available >= frame->total;
}

// Writes a masked frame of at most 65,535 bytes; returns its size. `out` holds the payload and 8 bytes more.
static size_t write_frame(uint8_t *out, enum opcode opcode, const void *payload, size_t length) {
  size_t header = 2;
  out[0] = 128 | opcode;
  if (length < 126) {
    out[1] = 128 | length;
  } else {
    out[1] = 128 | 126;
    out[2] = length >> 8;
    out[3] = length;
    header = 4;
  }
  uint8_t mask[4];
  for (int i = 0; i < 4; i++) mask[i] = rand();
  memcpy(out + header, mask, 4);
  for (size_t i = 0; i < length; i++) out[header + 4 + i] = ((const uint8_t *)payload)[i] ^ mask[i & 3];
  return header + 4 + length;
}
