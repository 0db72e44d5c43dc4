/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The comparisons that are programs and not scripts.
 */
#ifndef IOP_BENCH_BENCH_H
#define IOP_BENCH_BENCH_H

#include <stdbool.h>

#include "report.h"

struct bench {
	const char *objects; /* folder with NAME.o and NAME.twin.o of each policy */
	const char *source;  /* folder of the project */
	const char *scratch; /* folder for what a run leaves behind */
	const char *iopc;
	unsigned pairs;
	bool json;
	bool brief; /* does it work? Less is measured, and goals are easy */
};

/* Exit codes of bench/run. */
enum outcome { OUTCOME_MET = 0, OUTCOME_MISSED = 1, OUTCOME_USAGE = 2, OUTCOME_FAILED = 3 };

/* Ends the report, of a comparison that came to its end or (!ok) did not. */
enum outcome outcome(struct report *r, bool ok);

enum outcome bench_codegen(const struct bench *b);
enum outcome bench_foreign(const struct bench *b);
enum outcome bench_compile(const struct bench *b);
enum outcome bench_scale(const struct bench *b);
enum outcome bench_tail(const struct bench *b);
enum outcome bench_steer(const struct bench *b);

#endif
