/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text to object, within this process: all that the compiler makes on the way
 * is kept, so that a decision can be looked up in it.
 */
#ifndef IOP_TESTS_COMPILE_H
#define IOP_TESTS_COMPILE_H

#include <stdbool.h>
#include <stddef.h>

#include "plan/plan.h"
#include "sema/policy.h"

enum compile_result {
	COMPILED,
	REFUSED, /* by sema, for one of the reasons that random policies give */
	BROKEN,  /* anything else: a fault of the generator or of the compiler */
};

struct compiled {
	struct arena *arena;
	const struct policy *policy;
	const struct plan *plan;
	const void *object;
	size_t size;
	char *messages; /* rendered; the caller frees it with the rest */
};

enum compile_result compile_text(const char *text, size_t size, struct compiled *c);
void compiled_free(struct compiled *c);

#endif
