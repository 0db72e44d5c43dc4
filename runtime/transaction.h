/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading as a list that can be read, printed and taken back: each step says what it
 * does, does it, and knows how to undo it.
 */
#ifndef IOP_RUNTIME_TRANSACTION_H
#define IOP_RUNTIME_TRANSACTION_H

#include <linux/types.h>

#include "report.h"

struct transaction_step {
	char text[200];
	int (*apply)(void *context, __u32 subject, struct iop_report *report);
	/* NULL: there is nothing to undo. It is called for a step that has failed as well, and
	 * undoes what that has done so far, which may be nothing. */
	int (*revert)(void *context, __u32 subject, struct iop_report *report);
	__u32 subject;
};

struct transaction {
	struct transaction_step *steps;
	size_t n;
	void *context; /* of the steps */
	/* Asked before each step i < n and, with i = n, behind the last: a negative errno makes
	 * the transaction fail there. NULL: nobody asks. */
	int (*before)(void *asked, size_t i);
	void *asked;
	void (*on_step)(void *told, const struct iop_step_event *event); /* or NULL */
	void *told;
};

/* Appends a step; -ENOMEM. The text is cut where it is too long. */
int transaction_add(struct transaction *t,
		    int (*apply)(void *context, __u32 subject, struct iop_report *report),
		    int (*revert)(void *context, __u32 subject, struct iop_report *report),
		    __u32 subject, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void transaction_free(struct transaction *t);

/*
 * Applies all steps in their order. When one fails, it and those before it are
 * reverted in the opposite order, and its error is returned; errors of reverting are
 * reported and do not stop it.
 */
int transaction_run(const struct transaction *t, struct iop_report *report);

/* Applies all steps, whatever becomes of each; returns the first error. Nothing is reverted:
 * for taking away, where going on leaves less behind. */
int transaction_run_all(const struct transaction *t, struct iop_report *report);

/* Tells on_step of each step and does nothing. */
void transaction_tell(const struct transaction *t);

#endif
