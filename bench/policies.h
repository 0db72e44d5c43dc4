/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policies that have a twin, and packets that stand for what they meet.
 */
#ifndef IOP_BENCH_POLICIES_H
#define IOP_BENCH_POLICIES_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

/* What a param that is a rate is set to: so much that no limit is ever met, what the policy
 * says, or one a second. */
enum rates { RATES_OPEN, RATES_DEFAULT, RATES_SLOW };

/* Cost of one request, as both sides keep it. */
struct rate_param {
	const char *iop, *twin; /* variables */
};

struct policy {
	const char *name;        /* of examples/NAME.iop and bench/twin/NAME.bpf.c */
	struct rate_param rates[3];
	const uint16_t *ports;   /* a list, 0 at its end */
	bool only_socket;        /* it has no stage rx: nothing that can be run without a socket */
};

extern const struct policy policies[];
extern const unsigned n_policies;

/* A packet for the stop watch. */
struct sample {
	const char *what;
	enum rates rates;
	void (*make)(struct frame_spec *s);
};

/* Each class of the policy, on each way that its packets can take. */
const struct sample *policy_samples(const struct policy *p, unsigned *n);

/* Traffic that no policy names. */
const struct sample *foreign_samples(unsigned *n);

#endif
