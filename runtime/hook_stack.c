/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack stage: a program of the cores' threads, which is put into the cpumap when that is filled.
 * What is left to do are its subjects: the interrupts of the devices (irq.h).
 */
#include <string.h>

#include "hook.h"
#include "irq.h"
#include "stack.h"

#define MAX_IRQS 2048 /* of a device */

static struct record_row *row_of(const struct installed *i, __u32 index)
{
	struct record_row *row;
	__u32 at = 0;

	do
		row = record_next(&i->record, RECORD_IRQ, &at);
	while (row && index--);
	return row;
}

static __u32 stack_count(const struct installed *i)
{
	__u32 n = 0, at = 0;

	while (record_next(&i->record, RECORD_IRQ, &at))
		n++;
	return n;
}

static void stack_describe(const struct installed *i, __u32 subject, bool attach, char *text,
			   size_t size)
{
	const struct record_irq *irq = &row_of(i, subject)->irq;

	snprintf(text, size, "send interrupt %u of %s %sto cores %s", irq->irq, irq->device,
		 attach ? "" : "back ", attach ? irq->after : irq->before);
}

/* --- probe --- */

/* The cores of stack_receivers(), as the kernel will write them. */
static int receivers(const struct load *l, char text[RECORD_IRQ_CORES], struct iop_report *report)
{
	struct core_list list;

	if (stack_receivers(l->is.description, l->pools, &list))
		return report_no_memory(report);
	irq_list(list.cores, list.n, text);
	free(list.cores);
	return 0;
}

static int probe_irq(struct load *l, const char *device, unsigned irq, const char *to,
		     struct iop_report *report)
{
	struct record_irq what = { .irq = irq };
	struct record_row *row;
	int err = irq_read(IRQ_ROOT, irq, what.before);

	if (err)
		return report_error(report, err, IOP_CAUSE_ENVIRONMENT,
				    "cannot tell which cores serve interrupt %u of %s: %s", irq, device,
				    strerror(-err));
	if (!strcmp(what.before, to))
		return 0; /* it is there already */
	snprintf(what.device, sizeof(what.device), "%s", device);
	snprintf(what.after, sizeof(what.after), "%s", to);
	row = record_add(&l->is.record, RECORD_IRQ);
	if (!row)
		return report_no_memory(report);
	row->irq = what;
	return 0;
}

static int probe_irqs(struct load *l, const char *device, const char *to, struct iop_report *report)
{
	_cleanup_free_ unsigned *irqs = calloc(MAX_IRQS, sizeof(*irqs));
	char bus[64];
	int n, err = 0;

	if (!irqs)
		return report_no_memory(report);
	irq_bus_of(device, bus, sizeof(bus));
	n = irq_find(IRQ_ROOT, bus, irqs, MAX_IRQS);
	if (n < 0)
		return report_error(report, n, IOP_CAUSE_ENVIRONMENT,
				    "the interrupts of %s cannot be found: %s", device, strerror(-n));
	if (!n)
		report_note(report,
			    "%s has no interrupts of its own: whoever sends to it decides which core "
			    "receives",
			    device);
	for (int i = 0; !err && i < n; i++)
		err = probe_irq(l, device, irqs[i], to, report);
	if (n && irq_balancer_runs()) {
		report_warning(report, "irqbalance is running, and will move the interrupts of %s again",
			       device);
		report_help(report, "tell it to leave them alone (--banirq=%u …), or stop it",
			    irqs[0]);
	}
	return err;
}

static int stack_probe(struct load *l, struct iop_report *report)
{
	size_t n = l->options->n_devices, found = 0;
	_cleanup_free_ struct device *devices = calloc(n + 1, sizeof(*devices));
	char to[RECORD_IRQ_CORES];
	int result, err;

	if (!devices || !l->pools)
		return report_no_memory(report);
	result = stack_check(l->is.description, l->pools, report);
	err = result ? 0 : receivers(l, to, report);
	/* That a device is not there is the rx stage's to tell. */
	for (size_t i = 0; !result && !err && i < n; i++) {
		if (device_look(l->options->devices[i], &devices[found], NULL))
			continue;
		err = probe_irqs(l, devices[found++].name, to, report);
	}
	l->stack.slept = stack_slept_offset();
	if (!stack_find_rows(devices, found, &l->stack))
		report_warning(report,
			       "these devices have too many receive queues to tell them all apart: flows of "
			       "different ones may get out of order when a core is taken or given back");
	return result ? result : err;
}

/* --- attach --- */

static int stack_attach(struct load *l, __u32 subject, struct iop_report *report)
{
	struct record_row *row = row_of(&l->is, subject);
	int err = irq_apply(IRQ_ROOT, &row->irq);
	char now[RECORD_IRQ_CORES];

	/* The kernel keeps some where the driver has put them. */
	if (err == -EIO || err == -EPERM) {
		report_note(report, "interrupt %u of %s stays on core %s: the kernel does not let it be "
				    "moved",
			    row->irq.irq, row->irq.device, row->irq.before);
		row->irq.fixed = 1;
		return record_write(&l->is.record, row, report);
	}
	if (err)
		return report_error(report, err, IOP_CAUSE_ENVIRONMENT,
				    "interrupt %u of %s cannot be sent to core %s: %s", row->irq.irq,
				    row->irq.device, row->irq.after, strerror(-err));
	/* In the kernel's own words, to be known again. */
	if (irq_read(IRQ_ROOT, row->irq.irq, now))
		return 0;
	memcpy(row->irq.after, now, sizeof(now));
	return record_write(&l->is.record, row, report);
}

static int stack_detach(const struct installed *i, __u32 subject, struct iop_report *report)
{
	return irq_revert(IRQ_ROOT, &row_of(i, subject)->irq, report);
}

const struct hook hook_stack = {
	.probe = stack_probe,
	.count = stack_count,
	.describe = stack_describe,
	.attach = stack_attach,
	.detach = stack_detach,
};
