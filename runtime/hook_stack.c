/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack stage: a program of the cores' threads, which is put into the cpumap when that is filled.
 * So nothing is left to attach; what is to be told before is where the packets come from.
 */
#include <string.h>

#include "hook.h"
#include "stack.h"

static int stack_probe(struct load *l, struct iop_report *report)
{
	size_t n = l->options->n_devices;
	_cleanup_free_ struct device *devices = calloc(n + 1, sizeof(*devices));
	size_t found = 0;

	if (!devices)
		return report_no_memory(report);
	/* That a device is not there is the rx stage's to tell. */
	for (size_t i = 0; i < n; i++)
		if (!device_look(l->options->devices[i], &devices[found], NULL))
			found++;
	l->stack.slept = stack_slept_offset();
	if (!stack_find_rows(devices, found, &l->stack))
		report_warning(report,
			       "these devices have too many receive queues to tell them all apart: flows of "
			       "different ones may get out of order when a core is taken or given back");
	return stack_check(l->is.description, l->pools, report);
}

static __u32 stack_count(const struct installed *i)
{
	(void)i;
	return 0;
}

static void stack_describe(const struct installed *i, __u32 subject, bool attach, char *text,
			   size_t size)
{
	(void)i;
	(void)subject;
	(void)attach;
	snprintf(text, size, "nothing");
}

static int stack_attach(struct load *l, __u32 subject, struct iop_report *report)
{
	(void)l;
	(void)subject;
	(void)report;
	return 0;
}

static int stack_detach(const struct installed *i, __u32 subject, struct iop_report *report)
{
	(void)i;
	(void)subject;
	(void)report;
	return 0;
}

const struct hook hook_stack = {
	.probe = stack_probe,
	.count = stack_count,
	.describe = stack_describe,
	.attach = stack_attach,
	.detach = stack_detach,
};
