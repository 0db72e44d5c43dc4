/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A log-linear histogram of times: of each power of two 64 parts, so that what is read
 * from it is at most 1.6 % too much.
 */
#ifndef IOP_BENCH_TAIL_HISTOGRAM_H
#define IOP_BENCH_TAIL_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PARTS 64u
#define HISTOGRAM_SLOTS (59 * HISTOGRAM_PARTS)

struct histogram {
	uint64_t n;
	uint64_t slots[HISTOGRAM_SLOTS];
};

/* Below 64 a slot a number; from there on the six bits behind the first tell the part. */
static inline unsigned histogram_slot(uint64_t v)
{
	unsigned shift = v < HISTOGRAM_PARTS ? 0 : 57 - (unsigned)__builtin_clzll(v);

	return shift * HISTOGRAM_PARTS + (unsigned)(v >> shift);
}

/* The greatest number in the slot. */
static inline uint64_t histogram_most(unsigned slot)
{
	unsigned shift = slot < 2 * HISTOGRAM_PARTS ? 0 : slot / HISTOGRAM_PARTS - 1;

	return ((uint64_t)(slot - shift * HISTOGRAM_PARTS + 1) << shift) - 1;
}

static inline void histogram_add(struct histogram *h, uint64_t v)
{
	h->n++;
	h->slots[histogram_slot(v)]++;
}

/* What `per_mille` of all do not exceed; 0 of none. */
static inline uint64_t histogram_at(const struct histogram *h, unsigned per_mille)
{
	uint64_t wanted = (h->n * per_mille + 999) / 1000, seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++) {
		seen += h->slots[i];
		if (seen >= wanted && seen)
			return histogram_most(i);
	}
	return 0;
}

#endif
