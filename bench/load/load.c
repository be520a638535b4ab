// Load for a rooms server: opens clients over raw sockets, sends chat messages, counts every delivery at every client.
// One thread on one core, so that the server alone is what limits; prints one JSON object.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "histogram.h"
#include "process.h"
#include "protocols.h"
#include "websocket.h"

enum { TEXT_SIZE = 64, ID_SIZE = 22, CONNECTING_AT_ONCE = 100, DEADLINE_S = 60, DRAIN_S = 10, MOST_UNACKED = 1 << 14 };

struct client {
  int fd;
  int index;
  int step;
  bool upgraded, ready;
  char last_id[ID_SIZE + 1];
  uint64_t *dues; // when the messages were due whose acknowledgements have not come: these come in order
  uint32_t first_due, next_due;
  uint8_t *partial; // the beginning of a frame whose end has not come yet
  size_t partial_size;
};

static struct {
  const struct protocol *protocol;
  struct list ports, pids; // several nodes: each client connects to the next one
  int clients, rooms, senders, window;
  const char *prefix;
  double rate; // messages a second, of all senders together; 0 is a closed loop
  int warmup_ms, measure_ms, settle_ms;
} options = {.clients = 100, .rooms = 1, .window = 1, .prefix = "room"};

static struct client *clients;
static int ready_count, epoll, timer;
static bool sending, measuring;
static uint64_t sent, unsent, acked, delivered, delivered_in_window;
static struct histogram latencies, ack_latencies;
static uint8_t inbox[1 << 20];

_Noreturn static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

// ---- sending

static bool send_frame(struct client *client, enum opcode opcode, const char *payload, size_t length) {
  uint8_t frame[1024];
  size_t size = write_frame(frame, opcode, payload, length), done = 0;
  while (done < size) {
    ssize_t n = send(client->fd, frame + done, size - done, MSG_NOSIGNAL);
    if (n > 0) {
      done += n;
    } else if (errno != EAGAIN) {
      die("client %d cannot send: %s", client->index, strerror(errno));
    } else if (done == 0) {
      return false;
    } else {
      poll(&(struct pollfd){.fd = client->fd, .events = POLLOUT}, 1, -1);
    }
  }
  return true;
}

// 22 characters of base64url, as Roomful's client makes them of 128 random bits.
static void make_id(char *id) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (int i = 0; i < ID_SIZE; i++) id[i] = alphabet[rand() & 63];
  id[ID_SIZE] = 0;
}

static const char *room_of(const struct client *client) {
  static char room[32];
  snprintf(room, sizeof room, "%.16s-%d", options.prefix, client->index % options.rooms);
  return room;
}

static void expect_ack(struct client *client, uint64_t due) {
  if (!client->dues) client->dues = malloc(MOST_UNACKED * sizeof *client->dues);
  if (client->next_due - client->first_due == MOST_UNACKED)
    die("client %d waits for %d acknowledgements", client->index, MOST_UNACKED);
  client->dues[client->next_due++ % MOST_UNACKED] = due;
}

static void on_ack(struct client *client, uint64_t now) {
  acked++;
  if (client->first_due == client->next_due) die("client %d got an acknowledgement too many", client->index);
  uint64_t due = client->dues[client->first_due++ % MOST_UNACKED];
  if (measuring) record(&ack_latencies, now > due ? now - due : 0);
}

// The text carries its marker, the time it was due at, and its sender.
static void send_chat(struct client *client, uint64_t due) {
  char text[TEXT_SIZE + 1], id[ID_SIZE + 1], message[512];
  snprintf(text, sizeof text, "bench:%016lx:%06d:%.*s", due, client->index, TEXT_SIZE - 30,
           "the quick brown fox jumps over the lazy dog");
  make_id(id);
  int size = snprintf(message, sizeof message, options.protocol->chat, room_of(client), text, id);
  if (options.protocol->has_client_ids) {
    if (client->last_id[0])
      size += snprintf(message + size, sizeof message - size, ",\"after\":\"%s\"", client->last_id);
    message[size++] = '}';
  }
  if (!send_frame(client, OP_TEXT, message, size)) {
    unsent++;
    return;
  }
  memcpy(client->last_id, id, sizeof id);
  sent++;
  if (options.protocol->has_client_ids) expect_ack(client, due);
}

// Open loop: the senders take turns, each message at the time that the rate says.
static void send_what_is_due(uint64_t now) {
  static uint64_t due, turn;
  if (!sending || options.rate == 0) return;
  if (!due) due = now;
  for (; due <= now; due += (uint64_t)(1e9 / options.rate))
    send_chat(&clients[turn++ % options.senders], due);
}

// ---- receiving

static void advance(struct client *client, const struct frame *frame) {
  const struct protocol *protocol = options.protocol;
  const char *expect = protocol->steps[client->step].expect;
  if (expect && !(frame && memmem(frame->payload, frame->length, expect, strlen(expect)))) return;
  const char *reply = protocol->steps[client->step++].reply;
  if (reply) {
    char message[256];
    int size = snprintf(message, sizeof message, reply, room_of(client));
    send_frame(client, OP_TEXT, message, size);
  }
  if (client->step < protocol->step_count) return;
  client->ready = true;
  ready_count++;
}

// The marker mostly stands where it stood in the frame before.
static const char *find_text(const struct frame *frame) {
  static size_t at;
  const char *payload = (const char *)frame->payload;
  if (at + TEXT_SIZE <= frame->length && memcmp(payload + at, "bench:", 6) == 0) return payload + at;
  const char *found = memmem(payload, frame->length, "bench:", 6);
  if (found) at = found - payload;
  return found;
}

static uint64_t parse_hex(const char *digits) {
  uint64_t value = 0;
  for (int i = 0; i < 16; i++) value = value << 4 | (digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
  return value;
}

static void on_delivery(struct client *client, const char *text, uint64_t now) {
  delivered++;
  uint64_t sent_at = parse_hex(text + 6);
  if (measuring) {
    delivered_in_window++;
    record(&latencies, now > sent_at ? now - sent_at : 0);
  }
  bool is_own = client->index < options.senders && atoi(text + 23) == client->index;
  if (is_own && sending && options.rate == 0) send_chat(client, now);
}

static bool begins_with(const struct frame *frame, const char *prefix) {
  return frame->length >= strlen(prefix) && memcmp(frame->payload, prefix, strlen(prefix)) == 0;
}

static void on_text(struct client *client, const struct frame *frame, uint64_t now) {
  const char *text = find_text(frame);
  if (text) on_delivery(client, text, now);
  else if (begins_with(frame, "{\"type\":\"ack\"")) on_ack(client, now);
  else if (begins_with(frame, "{\"type\":\"error\"")) die("%.*s", (int)frame->length, frame->payload);
  else if (frame->length == 1 && frame->payload[0] == '2') send_frame(client, OP_TEXT, "3", 1); // Engine.IO's ping
}

static void on_frame(struct client *client, const struct frame *frame, uint64_t now) {
  switch (frame->opcode) {
    case OP_CLOSE:
      die("the server closed client %d with %d", client->index, frame->payload[0] << 8 | frame->payload[1]);
    case OP_PING:
      send_frame(client, OP_PONG, (const char *)frame->payload, frame->length);
      break;
    case OP_TEXT:
      if (client->ready) on_text(client, frame, now);
      else advance(client, frame);
      break;
    default:
      break;
  }
}

// Returns how many bytes the HTTP response takes, 0 if it is not complete yet.
static size_t read_upgrade(struct client *client, const uint8_t *bytes, size_t size) {
  const uint8_t *end = memmem(bytes, size, "\r\n\r\n", 4);
  if (!end) return 0;
  if (!memmem(bytes, 16, " 101 ", 5)) die("no upgrade: %.*s", (int)(end - bytes), bytes);
  client->upgraded = true;
  advance(client, NULL);
  return end + 4 - bytes;
}

static void on_readable(struct client *client) {
  size_t size = client->partial_size, used = 0;
  if (size > sizeof inbox / 2) die("a frame is larger than %zu bytes", sizeof inbox / 2);
  memcpy(inbox, client->partial, size);
  ssize_t got = recv(client->fd, inbox + size, sizeof inbox - size, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) die("client %d lost its connection", client->index);
  size += got;
  uint64_t now = now_ns();
  if (!client->upgraded) used = read_upgrade(client, inbox, size);
  struct frame frame;
  while (client->upgraded && read_frame(inbox + used, size - used, &frame)) {
    on_frame(client, &frame, now);
    used += frame.total;
  }
  free(client->partial);
  client->partial = NULL;
  client->partial_size = size - used;
  if (client->partial_size) client->partial = memcpy(malloc(size - used), inbox + used, size - used);
}

static void turn(void) {
  struct epoll_event events[256];
  int count = epoll_wait(epoll, events, 256, 10);
  for (int i = 0; i < count; i++) {
    uint64_t expirations;
    if (events[i].data.ptr) on_readable(events[i].data.ptr);
    else if (read(timer, &expirations, sizeof expirations) < 0) die("timer: %s", strerror(errno));
    if (options.rate > 0) send_what_is_due(now_ns());
  }
}

static void run_for(uint64_t ns) {
  for (uint64_t end = now_ns() + ns; now_ns() < end;) turn();
}

// ---- the run

static void open_client(struct client *client, int index) {
  int port = options.ports.values[index % options.ports.size];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  *client = (struct client){.index = index, .fd = socket(AF_INET, SOCK_STREAM, 0)};
  if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0)
    die("client %d cannot connect: %s", index, strerror(errno));
  setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  // Closed by reset at the end: tens of thousands of ports in TIME_WAIT would starve the runs that follow.
  setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
  dprintf(client->fd,
          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cm9vbWZ1bCBiZW5jaG1hcg==\r\n\r\n",
          options.protocol->path, port);
  fcntl(client->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
  epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static void connect_all(void) {
  uint64_t deadline = now_ns() + DEADLINE_S * 1000000000ull;
  for (int opened = 0; ready_count < options.clients; turn()) {
    while (opened < options.clients && opened - ready_count < CONNECTING_AT_ONCE) {
      open_client(&clients[opened], opened);
      opened++;
    }
    if (now_ns() > deadline) die("only %d of %d clients joined in %d s", ready_count, options.clients, DEADLINE_S);
  }
}

static void start_sending(void) {
  sending = true;
  if (options.rate > 0) {
    long period = (long)(1e9 / options.rate);
    struct itimerspec every = {{period / 1000000000, period % 1000000000}, {0, 1}};
    timerfd_settime(timer, 0, &every, NULL);
    return;
  }
  uint64_t now = now_ns();
  for (int i = 0; i < options.senders * options.window; i++) send_chat(&clients[i % options.senders], now);
}

// What is still under way arrives, or is lost.
static uint64_t drain(uint64_t *unacked) {
  sending = false;
  uint64_t expected = sent * (options.clients / options.rooms), end = now_ns() + DRAIN_S * 1000000000ull;
  uint64_t acks = options.protocol->has_client_ids ? sent : 0;
  while ((delivered < expected || acked < acks) && now_ns() < end) turn();
  *unacked = acks - acked;
  return expected - delivered;
}

static void parse_options(int count, char **arguments) {
  static const struct option names[] = {
      {"protocol", 1, 0, 'P'}, {"port", 1, 0, 'p'},    {"pid", 1, 0, 'i'},  {"clients", 1, 0, 'c'},
      {"rooms", 1, 0, 'r'},    {"senders", 1, 0, 's'}, {"window", 1, 0, 'w'}, {"rate", 1, 0, 'R'},
      {"warmup-ms", 1, 0, 'u'}, {"measure-ms", 1, 0, 'm'},
      {"settle-ms", 1, 0, 'S'}, {"prefix", 1, 0, 'x'}, {0}};
  for (int name; (name = getopt_long(count, arguments, "", names, NULL)) != -1;) {
    switch (name) {
      case 'P':
        for (size_t i = 0; i < sizeof PROTOCOLS / sizeof *PROTOCOLS; i++)
          if (strcmp(PROTOCOLS[i].name, optarg) == 0) options.protocol = &PROTOCOLS[i];
        break;
      case 'p': options.ports = parse_list(optarg); break;
      case 'i': options.pids = parse_list(optarg); break;
      case 'c': options.clients = atoi(optarg); break;
      case 'x': options.prefix = optarg; break;
      case 'r': options.rooms = atoi(optarg); break;
      case 's': options.senders = atoi(optarg); break;
      case 'w': options.window = atoi(optarg); break;
      case 'R': options.rate = atof(optarg); break;
      case 'u': options.warmup_ms = atoi(optarg); break;
      case 'm': options.measure_ms = atoi(optarg); break;
      case 'S': options.settle_ms = atoi(optarg); break;
      default: exit(2);
    }
  }
  if (!options.protocol || !options.ports.size || !options.pids.size) die("--protocol, --port and --pid are required");
  if (options.clients % options.rooms) die("--clients must be a multiple of --rooms");
}

int main(int count, char **arguments) {
  parse_options(count, arguments);
  clients = calloc(options.clients, sizeof *clients);
  epoll = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN});

  double rss_before = sum(options.pids, rss_of), cpu_before = sum(options.pids, cpu_of);
  uint64_t begun = now_ns();
  connect_all();
  double connect_s = (now_ns() - begun) / 1e9, connect_cpu = sum(options.pids, cpu_of) - cpu_before;

  if (options.senders > 0) start_sending();
  run_for(options.warmup_ms * 1000000ull);
  double server_cpu = sum(options.pids, cpu_of), load_cpu = own_cpu(), waited = sum(options.pids, wait_of);
  uint64_t started = now_ns(), sent_before = sent;
  measuring = true;
  run_for(options.measure_ms * 1000000ull);
  measuring = false;
  double seconds = (now_ns() - started) / 1e9;
  server_cpu = sum(options.pids, cpu_of) - server_cpu;
  load_cpu = own_cpu() - load_cpu;
  waited = sum(options.pids, wait_of) - waited;
  uint64_t sent_in_window = sent - sent_before;
  double rss_after = sum(options.pids, rss_of);
  uint64_t unacked, lost = drain(&unacked);

  printf("{\"clients\":%d,\"connectSeconds\":%.4f,\"connectCpu\":%.3f,\"rssBefore\":%.0f,\"rssAfter\":%.0f,"
         "\"seconds\":%.4f,\"delivered\":%lu,\"sent\":%lu,\"serverCpu\":%.3f,\"p50\":%.3f,\"p99\":%.3f,"
         "\"ackP50\":%.3f,\"ackP99\":%.3f,\"lost\":%lu,\"unacked\":%lu,\"unsent\":%lu,\"loadShare\":%.3f,\"waitShare\":%.3f}\n",
         options.clients, connect_s, connect_cpu, rss_before, rss_after, seconds, delivered_in_window, sent_in_window,
         server_cpu, quantile(&latencies, 0.5), quantile(&latencies, 0.99), quantile(&ack_latencies, 0.5),
         quantile(&ack_latencies, 0.99), lost, unacked, unsent, load_cpu / seconds,
         waited / seconds);
  if (!options.settle_ms) return 0;
  fflush(stdout);
  run_for(options.settle_ms * 1000000ull);
  printf("{\"rssSettled\":%.0f}\n", sum(options.pids, rss_of));
}
