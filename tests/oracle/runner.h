/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both oracles are: a loop over random policies, each compiled and handed
 * to a function that tries it; what differs is reported and kept.
 */
#ifndef IOP_TESTS_RUNNER_H
#define IOP_TESTS_RUNNER_H

#include "compare.h"
#include "make_policy.h"
#include "packet.h"

struct run {
	const char *name; /* of the program */
	struct make_options options;
	uint64_t seed;
	unsigned long policies, packets;
	const char *keep; /* folder for reproducers */
	const char *file; /* a policy of the user's */
	bool show;        /* print the policies */
	struct machine machine;
	struct tally tally;
	unsigned long compiled, refused, differences, too_large;
	double loading; /* seconds */
};

/* Tries a policy; false: `out` says what differs. */
typedef bool try_policy(struct run *run, uint64_t seed, const struct compiled *c, FILE *out);

/*
 * The whole of main(): options, policies, summary; returns the exit code.
 *
 * NAME [--seed S] [--policies N] [--packets M] [--keep FOLDER] [--show] [--policy FILE]
 *
 * Policy i of a run has seed S + i, so `--seed S+i --policies 1` is that policy
 * alone with the same packets. With --policy it is the file's instead of a
 * random one, N times with other packets.
 *
 * Exit: 0 no difference, 1 some, 2 usage, 77 this machine cannot run it.
 */
int run_main(struct run *run, int argc, char **argv, try_policy *try);

enum loading {
	LOADED,
	TOO_LARGE, /* beyond the million instructions that the verifier looks at: no difference
		      unless it is more than one policy in TOO_LARGE_OF */
	NOT_LOADED,
};
#define TOO_LARGE_OF 100

/* kernel_load(), with its time taken, and a log that is told in `out`. */
enum loading run_load(struct run *run, struct kernel *k, const struct compiled *c,
		      enum iop_hook hook, uint64_t seed, struct rng *r, FILE *out);

void say_packet(const struct frame *f, unsigned long number, FILE *out);

#endif
