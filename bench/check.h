/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is a twin the same policy? What the parts of that check share.
 */
#ifndef IOP_BENCH_CHECK_H
#define IOP_BENCH_CHECK_H

#include "rng.h"
#include "side.h"

struct check {
	const struct policy *policy;
	struct side sides[2]; /* what iopc made, and the twin */
	struct rng rng;
	unsigned compared, different;
	char shown[512]; /* what was done, for the message about a difference */
};

/* Did both count the same since the last time? A difference is told and noted. */
struct tally {
	struct counters last[2];
};
bool tally_begin(struct tally *t, const struct check *c, enum hook h);
bool tally_same(struct tally *t, struct check *c, enum hook h);

/* Notes a difference. */
void check_differs(struct check *c, const char *what, int ours, int theirs);

/* check_frame.c: something odd is done to a frame. */
void mutate_spec(const struct policy *p, struct rng *r, struct frame_spec *s);
void mutate_frame(struct rng *r, struct frame *f);
void mutate_payload(struct rng *r, struct frame_spec *s);

/* check_socket.c: the socket programs, with real sockets; false: it could not be done. */
bool check_socket(struct check *c, const struct frame_spec *specs, unsigned n);

#endif
