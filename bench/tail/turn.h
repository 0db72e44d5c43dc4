/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One turn of the tail comparison: a fresh server, one of four ways to choose its workers, a
 * load, and what its requests took.
 */
#ifndef IOP_BENCH_TAIL_TURN_H
#define IOP_BENCH_TAIL_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"
#include "tail/hosts.h"

#define TAIL_WORKERS 6

enum tail_side { TAIL_HASH, TAIL_ROUND_ROBIN, TAIL_SITA, TAIL_POLICY, TAIL_SIDES };
enum tail_kind { TAIL_GETS, TAIL_SCANS, TAIL_KINDS };
enum tail_part { TAIL_P50, TAIL_P99, TAIL_P999, TAIL_PARTS };

struct tail_times {
	uint64_t n, lost;
	uint64_t ns[TAIL_PARTS];
};

struct tail_field {
	const struct bench *bench;
	struct hosts hosts;
	char policy[64];  /* its name, of this run alone */
	char object[512]; /* of the policy */
	char server[512], load[512], steer[512], iopctl[512];
};

/* Hosts, and the policy compiled. False, with a message on standard error, if that cannot be done;
 * field_close() in any case, which leaves nothing behind. */
bool field_open(struct tail_field *f, const struct bench *b);
void field_close(struct tail_field *f);

/* `seed` gives the same requests at the same moments to every side. */
bool field_turn(struct tail_field *f, enum tail_side side, unsigned rate, double seconds,
		unsigned seed, struct tail_times out[TAIL_KINDS]);

#endif
