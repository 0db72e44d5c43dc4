/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a policy's conditions look at, as values that make a difference: each
 * constant, where it stands and what it is compared with. Packets are made
 * from them.
 */
#ifndef IOP_TESTS_HINTS_H
#define IOP_TESTS_HINTS_H

#include "base/arena.h"
#include "rng.h"
#include "sema/policy.h"

enum hint_kind { HINT_NUMBER, HINT_PREFIX, HINT_STRING, HINT_PLACE };

struct hint {
	struct field_ref field;
	const struct class *class; /* whose condition has it; NULL: the header's */
	enum hint_kind kind;
	uint64_t number;          /* NUMBER; PLACE: how many bytes are looked through */
	struct prefix prefix;     /* PREFIX */
	struct bytes string;      /* STRING */
	bool anywhere;            /* STRING: may stand anywhere in the field */
};

struct hints {
	struct hint *v;
	size_t n, cap;
};

/* One of these per workload. */
void hints_of(struct arena *a, const struct workload *w, struct hints *out);

/* A hint of a kind for a field, rather one of `class`; NULL: there is none. */
const struct hint *hint_pick(const struct hints *h, struct rng *r, const struct field_ref *f,
			     enum hint_kind kind, const struct class *class);

/* A number for a field of so many bits: a constant, one beside it, or any. */
uint64_t hint_number(const struct hints *h, struct rng *r, const struct field_ref *f, unsigned bits,
		     const struct class *class);

#endif
