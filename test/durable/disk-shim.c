// Preloaded into a server. Records in one order what is written to a write-ahead log, when a sync of it begins and ends, and
// what is sent to clients. Delays or fails syncs on demand. A message is recognised by its mark: "mark-" and six digits.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MARK_SIZE = 11 };
enum { PASS = 'p', HOLD = 'h', FAIL_ONCE = 'f' };

static int journal = -1;
static volatile char *control;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("DISK_SHIM_JOURNAL"), *switch_path = getenv("DISK_SHIM_CONTROL");
  if (!path || !switch_path) return;
  journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  int fd = open(switch_path, O_RDWR | O_CLOEXEC);
  if (fd >= 0) control = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

// Uses the system call directly, because this file intercepts the functions of that name.
static void note(const char *format, ...) {
  char line[160];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  syscall(SYS_write, journal, line, size);
}

static bool is_log(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path);
  return size > 4 && memcmp(path + size - 4, "-wal", 4) == 0;
}

static bool is_client(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  int saved = errno;
  bool found = getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
               (address.ss_family == AF_INET || address.ss_family == AF_INET6);
  errno = saved;
  return found;
}

static const char *next_mark(const char *from, const char *end) {
  for (; (from = memmem(from, end - from, "mark-", 5)); from++)
    if (end - from >= MARK_SIZE && strspn(from + 5, "0123456789") >= 6) return from;
  return NULL;
}

static void note_written(const char *bytes, size_t size) {
  pthread_mutex_lock(&order);
  for (const char *mark = bytes; (mark = next_mark(mark, bytes + size)); mark += MARK_SIZE)
    note("written %.*s\n", MARK_SIZE, mark);
  pthread_mutex_unlock(&order);
}

// Adds the type of the frame that contains the mark; every frame begins with its type.
static void note_sent(const char *bytes, size_t size) {
  static const char field[] = "{\"type\":\"";
  pthread_mutex_lock(&order);
  for (const char *mark = bytes; (mark = next_mark(mark, bytes + size)); mark += MARK_SIZE) {
    const char *type = NULL, *next = bytes;
    while ((next = memmem(next, mark - next, field, strlen(field)))) type = next += strlen(field);
    int length = type ? strcspn(type, "\"") : 0;
    note("sent %.*s %.*s\n", MARK_SIZE, mark, length, type ? type : "");
  }
  pthread_mutex_unlock(&order);
}

static void note_sent_parts(const struct iovec *parts, int count) {
  size_t size = 0;
  for (int i = 0; i < count; i++) size += parts[i].iov_len;
  char *whole = malloc(size + 1), *at = whole;
  for (int i = 0; i < count; i++) at = mempcpy(at, parts[i].iov_base, parts[i].iov_len);
  *at = 0;
  note_sent(whole, size);
  free(whole);
}

static void note_bytes(int fd, const void *bytes, size_t size) {
  if (journal < 0 || fd == journal || !memmem(bytes, size, "mark-", 5)) return;
  struct iovec whole = {(void *)bytes, size};
  if (is_client(fd)) note_sent_parts(&whole, 1);
  else if (is_log(fd)) note_written(bytes, size);
}

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

ssize_t write(int fd, const void *bytes, size_t size) {
  note_bytes(fd, bytes, size);
  return REAL(write)(fd, bytes, size);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
  note_bytes(fd, bytes, size);
  return REAL(send)(fd, bytes, size, flags);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  note_bytes(fd, bytes, size);
  return REAL(pwrite)(fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) {
  note_bytes(fd, bytes, size);
  return REAL(pwrite64)(fd, bytes, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (journal >= 0 && is_client(fd)) note_sent_parts(parts, count);
  return REAL(writev)(fd, parts, count);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  if (journal >= 0 && is_client(fd)) note_sent_parts(message->msg_iov, message->msg_iovlen);
  return REAL(sendmsg)(fd, message, flags);
}

static void tell(const char *what) {
  pthread_mutex_lock(&order);
  note("%s %ld\n", what, syscall(SYS_gettid));
  pthread_mutex_unlock(&order);
}

// Recorded before the call and after it: what is recorded in between may or may not be on the disk.
static int sync_log(int fd, int (*sync)(int)) {
  if (journal < 0 || !is_log(fd)) return sync(fd);
  tell("sync");
  while (control && *control == HOLD) nanosleep(&(struct timespec){0, 5000000}, NULL);
  if (control && *control == FAIL_ONCE) {
    *control = PASS;
    tell("failed");
    errno = EIO;
    return -1;
  }
  int result = sync(fd);
  int saved = errno;
  tell(result == 0 ? "synced" : "failed");
  errno = saved;
  return result;
}

int fsync(int fd) { return sync_log(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_log(fd, REAL(fdatasync)); }

// Recorded too, because a log that is closed and opened again belongs to another connection.
int close(int fd) {
  if (journal >= 0 && is_log(fd)) tell("closed");
  return REAL(close)(fd);
}
