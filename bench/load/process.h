// What the kernel knows of a process: its CPU time and its memory.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MOST_NODES = 8 };

struct list {
  int size, values[MOST_NODES];
};

static struct list parse_list(const char *text) {
  struct list list = {0};
  for (char *end; *text && list.size < MOST_NODES; text = *end ? end + 1 : end)
    list.values[list.size++] = strtol(text, &end, 10);
  return list;
}

static double sum(struct list pids, double (*of)(int pid)) {
  double total = 0;
  for (int i = 0; i < pids.size; i++) total += of(pids.values[i]);
  return total;
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void read_proc(int pid, const char *name, char *text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  FILE *file = fopen(path, "r");
  if (!file) {
    fprintf(stderr, "load: the server (pid %d) is gone\n", pid);
    exit(1);
  }
  text[fread(text, 1, size - 1, file)] = 0;
  fclose(file);
}

// User and system time of a process and all its threads, in seconds.
static double cpu_of(int pid) {
  char text[1024];
  unsigned long user, system;
  read_proc(pid, "stat", text, sizeof text);
  // The name before ")" may hold blanks; utime and stime are the 14th and 15th fields.
  sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return (double)(user + system) / sysconf(_SC_CLK_TCK);
}

// How long the process's main thread was ready to run while its core served others, in seconds.
static double wait_of(int pid) {
  char text[128];
  unsigned long ns;
  read_proc(pid, "schedstat", text, sizeof text);
  sscanf(text, "%*u %lu", &ns);
  return ns / 1e9;
}

static double rss_of(int pid) {
  char text[256];
  unsigned long pages;
  read_proc(pid, "statm", text, sizeof text);
  sscanf(text, "%*u %lu", &pages);
  return (double)pages * sysconf(_SC_PAGESIZE);
}

static double own_cpu(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}
