/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One packet, decided twice: by the program in the kernel and by the
 * interpreter. All that the program does is looked at: its verdict, which
 * class counted, each of that class's counters, and the chosen core.
 */
#ifndef IOP_TESTS_COMPARE_H
#define IOP_TESTS_COMPARE_H

#include <stdio.h>

#include "kernel.h"

/* What came out of a run, for the summary: that each way was taken often. */
struct tally {
	unsigned long decisions, foreign, unclassed, passed, dropped, limited, given, fallback,
		unsure, short_frames;
};

/* False: they differ, and `out` says how. */
bool compare_rx(struct kernel *k, const struct compiled *c, const uint8_t *frame, size_t len,
		struct tally *t, FILE *out);

/* After the last packet: did any other counter rise than those that were expected to? */
bool compare_rest(struct kernel *k, const struct compiled *c, FILE *out);

/* What differs is told with these. */
void say_decision(const struct policy *p, const struct decision *d, FILE *out);
void say_rise(const struct counters *c, const uint64_t *rise, FILE *out);
const char *class_word(const struct policy *p, uint32_t gid);

#endif
