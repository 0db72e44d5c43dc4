/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random packets for a policy: most of them nearly of some class, some with
 * something odd about them.
 */
#ifndef IOP_TESTS_MAKE_PACKET_H
#define IOP_TESTS_MAKE_PACKET_H

#include "hints.h"
#include "packet.h"

struct packet_maker {
	const struct policy *policy;
	struct hints *hints; /* by workload id */
};

void packet_maker_init(struct packet_maker *m, struct arena *a, const struct policy *p);

/* Any frame. */
void make_packet(const struct packet_maker *m, struct rng *r, struct frame_spec *s);

/* A datagram for workload `w` that a kernel delivers, from and to addresses of 10.0.0.0/8 or
 * fd00::/8. */
void make_datagram(const struct packet_maker *m, struct rng *r, const struct workload *w,
		   struct frame_spec *s);

/* make_payload.c: what the workload's header describes, more or less; returns its length. */
unsigned make_payload(const struct packet_maker *m, struct rng *r, const struct workload *w,
		      const struct class *class, uint8_t *out, unsigned max);

#endif
