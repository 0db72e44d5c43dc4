/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The hash of the selectors and of a limit's keys: part of what a policy
 * promises (the same key, the same worker), so the stage library and the
 * interpreter share it. One 64-bit word at a time:
 *
 *   h = iop_hash_start();  h = iop_hash_word(h, word); …;  iop_hash_end(h)
 *
 * The mixer is the 64-bit finalizer of SplitMix64 (Steele, Lea, Flood: "Fast
 * splittable pseudorandom number generators", OOPSLA 2014; constants: D.
 * Stafford's variant 13).
 */
#ifndef IOP_ABI_HASH_H
#define IOP_ABI_HASH_H

#include <linux/types.h>

static inline __attribute__((always_inline)) __u64 iop_hash_start(void)
{
	return 0x9e3779b97f4a7c15ULL;
}

static inline __attribute__((always_inline)) __u64 iop_hash_word(__u64 h, __u64 word)
{
	h = (h ^ word) * 0xbf58476d1ce4e5b9ULL;
	return h ^ (h >> 32);
}

static inline __attribute__((always_inline)) __u32 iop_hash_end(__u64 h)
{
	h *= 0x94d049bb133111ebULL;
	return (__u32)(h >> 32);
}

/* A hash spread over 0 … n-1 without a division (Lemire: "Fast random integer
 * generation in an interval", 2019). n > 0. */
static inline __attribute__((always_inline)) __u32 iop_hash_scale(__u32 hash, __u32 n)
{
	return (__u32)(((__u64)hash * n) >> 32);
}

/*
 * What the words are:
 *   a number or MAC    its value
 *   an address         IPv4: the 32 bits as a number; IPv6: the first 8 bytes as a big-endian
 *                      number, then the last 8
 *   bytes              the first IOP_HASH_BYTES bytes in little-endian words of 8, the last
 *                      one filled up with zero bytes; then the length of what was taken
 *   flow               source address, destination address, then
 *                      source port << 16 | destination port
 *   a missing field    IOP_HASH_MISSING
 */
#define IOP_HASH_BYTES 64
#define IOP_HASH_MISSING 0x6d697373696e67ULL

#endif
