// What each server speaks: the path of its WebSocket, how a client gets into a room, and how it talks there.
#pragma once

// A client waits for a frame that contains `expect` (none: as soon as the socket is open), then sends `reply`.
// After the last `expect` it is ready. In a reply, %s stands for the room.
struct step {
  const char *expect;
  const char *reply;
};

struct protocol {
  const char *name;
  const char *path;
  struct step steps[4];
  int step_count;
  // A chat message: room, text. What follows is Roomful's alone: the client id, and the one before it.
  const char *chat;
  int has_client_ids;
};

static const struct protocol PROTOCOLS[] = {
    {
        .name = "roomful",
        .path = "/",
        .steps = {{"\"type\":\"system\"", "{\"type\":\"auth\",\"protocol\":1}"},
                  {"\"type\":\"authenticated\"", "{\"type\":\"join\",\"room_id\":\"%s\",\"ref\":\"1\"}"},
                  {"\"type\":\"joined\"", NULL}},
        .step_count = 3,
        .chat = "{\"type\":\"chat_message\",\"room_id\":\"%s\",\"message\":\"%s\",\"client_id\":\"%s\"",
        .has_client_ids = 1,
    },
    // A client that knows the base messages alone: it gets no acknowledgements.
    {
        .name = "roomful-base",
        .path = "/",
        .steps = {{"\"type\":\"system\"", "{\"type\":\"auth\",\"protocol\":1}"},
                  {"\"type\":\"authenticated\"", "{\"type\":\"join\",\"room_id\":\"%s\"}"},
                  {"\"type\":\"joined\"", NULL}},
        .step_count = 3,
        .chat = "{\"type\":\"chat_message\",\"room_id\":\"%s\",\"message\":\"%s\"}",
    },
    {
        .name = "plain",
        .path = "/",
        .steps = {{NULL, "{\"type\":\"join\",\"room_id\":\"%s\"}"}, {"\"type\":\"joined\"", NULL}},
        .step_count = 2,
        .chat = "{\"type\":\"chat_message\",\"room_id\":\"%s\",\"message\":\"%s\"}",
    },
    {
        .name = "socket.io",
        .path = "/socket.io/?EIO=4&transport=websocket",
        .steps = {{"0{", "40"}, {"40{", "42[\"join\",{\"room_id\":\"%s\"}]"}, {"42[\"joined\"", NULL}},
        .step_count = 3,
        .chat = "42[\"chat_message\",{\"room_id\":\"%s\",\"message\":\"%s\"}]",
    },
};
