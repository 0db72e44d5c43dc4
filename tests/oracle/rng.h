/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that look random and are the same for the same seed on every machine
 * (SplitMix64), so that a difference can be found again by its seed.
 */
#ifndef IOP_TESTS_RNG_H
#define IOP_TESTS_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* 0 … n-1; n > 0 */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

/* lo … hi */
static inline uint32_t rng_in(struct rng *r, uint32_t lo, uint32_t hi)
{
	return lo + rng_below(r, hi - lo + 1);
}

static inline bool rng_percent(struct rng *r, uint32_t percent)
{
	return rng_below(r, 100) < percent;
}

/* A generator of its own for part `n` of what this one makes. */
static inline struct rng rng_split(uint64_t seed, uint64_t n)
{
	struct rng r = { seed ^ (n * 0xd1342543de82ef95ULL) };

	r.state = rng_next(&r);
	return r;
}

#endif
