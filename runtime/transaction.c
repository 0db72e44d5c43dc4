/* SPDX-License-Identifier: BSD-2-Clause */
#include "transaction.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int transaction_add(struct transaction *t,
		    int (*apply)(void *context, __u32 subject, struct iop_report *report),
		    int (*revert)(void *context, __u32 subject, struct iop_report *report),
		    __u32 subject, const char *fmt, ...)
{
	struct transaction_step *grown = realloc(t->steps, (t->n + 1) * sizeof(*grown));
	va_list ap;

	if (!grown)
		return -ENOMEM;
	t->steps = grown;
	grown += t->n++;
	*grown = (struct transaction_step){ .apply = apply, .revert = revert, .subject = subject };
	va_start(ap, fmt);
	vsnprintf(grown->text, sizeof(grown->text), fmt, ap);
	va_end(ap);
	return 0;
}

void transaction_free(struct transaction *t)
{
	free(t->steps);
	t->steps = NULL;
	t->n = 0;
}

static void tell(const struct transaction *t, size_t i, enum iop_step_state state)
{
	struct iop_step_event event = { i + 1, t->n, state, t->steps[i].text };

	if (t->on_step)
		t->on_step(t->told, &event);
}

static int apply(const struct transaction *t, size_t i, struct iop_report *report)
{
	const struct transaction_step *step = &t->steps[i];
	int err;

	tell(t, i, IOP_STEP_BEGUN);
	err = step->apply(t->context, step->subject, report);
	tell(t, i, err ? IOP_STEP_FAILED : IOP_STEP_DONE);
	return err;
}

static void revert_from(const struct transaction *t, size_t begun, struct iop_report *report)
{
	for (size_t i = begun; i-- > 0;) {
		const struct transaction_step *step = &t->steps[i];

		if (!step->revert)
			continue;
		if (step->revert(t->context, step->subject, report))
			tell(t, i, IOP_STEP_FAILED);
		else
			tell(t, i, IOP_STEP_REVERTED);
	}
}

static int ask(const struct transaction *t, size_t i, struct iop_report *report)
{
	int err = t->before ? t->before(t->asked, i) : 0;

	if (!err)
		return 0;
	return report_error(report, err, IOP_CAUSE_ENVIRONMENT, "%s after step %zu of %zu: %s",
			    err == -EINTR ? "interrupted" : "stopped", i, t->n,
			    "what was done is taken back");
}

int transaction_run(const struct transaction *t, struct iop_report *report)
{
	size_t begun = 0;
	int err = 0;

	while (!err && begun < t->n) {
		err = ask(t, begun, report);
		if (!err)
			err = apply(t, begun++, report);
	}
	if (!err)
		err = ask(t, t->n, report);
	if (err)
		revert_from(t, begun, report);
	return err;
}

int transaction_run_all(const struct transaction *t, struct iop_report *report)
{
	int first = 0;

	for (size_t i = 0; i < t->n; i++) {
		int err = apply(t, i, report);

		first = first ? first : err;
	}
	return first;
}

void transaction_tell(const struct transaction *t)
{
	for (size_t i = 0; i < t->n; i++)
		tell(t, i, IOP_STEP_PLANNED);
}
