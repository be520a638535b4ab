// Latencies in buckets whose width grows with their value: 64 to each power of two, so within 1.6 %.
#pragma once
#include <stdint.h>

enum { SUB_BITS = 6, BUCKETS = (64 - SUB_BITS) << SUB_BITS };

struct histogram {
  uint64_t counts[BUCKETS];
  uint64_t total;
};

static int bucket_of(uint64_t ns) {
  if (ns < 1u << SUB_BITS) return (int)ns;
  int shift = 63 - __builtin_clzll(ns) - SUB_BITS;
  return (shift + 1) * (1 << SUB_BITS) + (int)((ns >> shift) & ((1u << SUB_BITS) - 1));
}

static uint64_t bucket_start(int bucket) {
  if (bucket < 1 << SUB_BITS) return bucket;
  int shift = (bucket >> SUB_BITS) - 1;
  return ((uint64_t)(1 << SUB_BITS) | (bucket & ((1 << SUB_BITS) - 1))) << shift;
}

static void record(struct histogram *h, uint64_t ns) {
  h->counts[bucket_of(ns)]++;
  h->total++;
}

// The value, in ms, below which that share of all recorded ones lies.
static double quantile(const struct histogram *h, double share) {
  uint64_t wanted = (uint64_t)(share * h->total), seen = 0;
  for (int i = 0; i < BUCKETS; i++) {
    seen += h->counts[i];
    if (seen > wanted) return bucket_start(i) / 1e6;
  }
  return 0;
}
