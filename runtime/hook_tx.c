/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tx stage: a program at each device's egress, and the device's queue (qdisc.h). A TCX link where the kernel has it,
 * before all others that are there, so that none of them ends the run before ours has seen the
 * packet; ours hands each packet on to the next. Older kernels get a tc filter, for which
 * a clsact qdisc is added if the device has none.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "device.h"
#include "egress.h"
#include "hook.h"
#include "pin.h"
#include "qdisc.h"

/* Subject `index` among the rows of a kind. */
static struct record_row *row_of(const struct installed *i, enum record_kind kind, __u32 index)
{
	struct record_row *row;
	__u32 at = 0;

	do
		row = record_next(&i->record, kind, &at);
	while (row && index--);
	return row;
}

static __u32 rows_of(const struct installed *i, enum record_kind kind)
{
	__u32 n = 0, at = 0;

	while (record_next(&i->record, kind, &at))
		n++;
	return n;
}

/* Queues come first: what the program decides is done by them. */
static struct record_row *subject_row(const struct installed *i, __u32 subject)
{
	__u32 queues = rows_of(i, RECORD_QDISC);

	return subject < queues ? row_of(i, RECORD_QDISC, subject)
				: row_of(i, RECORD_EGRESS, subject - queues);
}

static __u32 tx_count(const struct installed *i)
{
	return rows_of(i, RECORD_QDISC) + rows_of(i, RECORD_EGRESS);
}

static void tx_describe(const struct installed *i, __u32 subject, bool attach, char *text,
			size_t size)
{
	const struct record_row *row = subject_row(i, subject);
	char name[64];

	if (row->kind == RECORD_QDISC)
		snprintf(text, size, "make the queue of %s %s", row->qdisc.name,
			 attach ? qdisc_name(&row->qdisc, name) : row->qdisc.before);
	else
		snprintf(text, size, "%s %s",
			 attach ? "attach the tx program to" : "detach the tx program from",
			 row->egress.name);
}

/* --- probe --- */

static int probe_queue(struct load *l, const struct device *d, struct iop_report *report)
{
	const struct iop_desc_stage *stage = program_stage(l->is.description, IOP_HOOK_TX);
	struct record_qdisc qdisc;
	struct record_row *row;
	int err = qdisc_plan(d, stage->bands, stage->paces, &qdisc, report);

	if (err || qdisc.is == QDISC_NONE)
		return err;
	row = record_add(&l->is.record, RECORD_QDISC);
	if (!row)
		return report_no_memory(report);
	row->qdisc = qdisc;
	return 0;
}

static int probe_device(struct load *l, const char *name, struct iop_report *report)
{
	const struct record_row *other;
	struct record_row *row;
	struct device d;
	int err = device_look(name, &d, report);

	if (err)
		return err;
	/* What is given twice is said where the rx stage looks, if there is one. */
	for (__u32 at = 0; (other = record_next(&l->is.record, RECORD_EGRESS, &at));)
		if (other->egress.index == d.index)
			return program_stage(l->is.description, IOP_HOOK_RX)
				       ? 0
				       : report_error(report, -EINVAL, IOP_CAUSE_USAGE,
						      "device %s is given twice", name);
	err = egress_check(&d, report);
	if (err)
		return err;
	row = record_add(&l->is.record, RECORD_EGRESS);
	if (!row)
		return report_no_memory(report);
	row->egress.index = d.index;
	snprintf(row->egress.name, sizeof(row->egress.name), "%s", d.name);
	return probe_queue(l, &d, report);
}

static int tx_probe(struct load *l, struct iop_report *report)
{
	const struct iop_object *o = l->is.description;
	int result = 0;

	/* An rx stage asks that itself. */
	if (!l->options->n_devices && !program_stage(o, IOP_HOOK_RX))
		return report_error_at(
			report, -EINVAL, IOP_CAUSE_USAGE,
			report_place(o, &program_stage(o, IOP_HOOK_TX)->place),
			"policy %s has a tx stage: on which devices shall it run? (--dev DEVICE)",
			l->is.name);
	for (size_t i = 0; i < l->options->n_devices; i++) {
		int err = probe_device(l, l->options->devices[i], report);

		result = err ? err : result;
	}
	return result;
}

/* --- attach, detach --- */

struct writing {
	struct load *load;
	struct record_row *row;
	struct iop_report *report;
};

static int write_row(void *context)
{
	const struct writing *w = context;

	return record_write(&w->load->is.record, w->row, w->report);
}

static int attach_program(struct load *l, struct record_row *row, struct iop_report *report)
{
	int program = program_fd(l->policy, l->is.description, IOP_HOOK_TX), link, err;
	char path[PIN_PATH];

	err = egress_link_path(&l->is, &row->egress, path);
	if (err)
		return report_error(report, err, IOP_CAUSE_ENVIRONMENT, "the name of %s is too long",
				    row->egress.name);
	link = egress_link(program, row->egress.index);
	if (link >= 0) {
		row->egress.mode = RECORD_TCX;
		err = pin_object(link, path, report);
		cleanup_fd(&link);
		return err ? err : record_write(&l->is.record, row, report);
	}
	if (link != -EINVAL && link != -EOPNOTSUPP)
		return report_error(report, link, IOP_CAUSE_KERNEL,
				    "the tx program cannot be attached to %s: %s", row->egress.name,
				    strerror(-link));
	report_note(report, "this kernel has no TCX: the tx program of %s is a tc filter",
		    row->egress.name);
	return egress_filter(&l->is, row, program, report);
}

static int tx_attach(struct load *l, __u32 subject, struct iop_report *report)
{
	struct record_row *row = subject_row(&l->is, subject);
	struct writing w = { l, row, report };

	return row->kind == RECORD_QDISC ? qdisc_install(&row->qdisc, write_row, &w, report)
					 : attach_program(l, row, report);
}

static int tx_detach(const struct installed *i, __u32 subject, struct iop_report *report)
{
	const struct record_row *of = subject_row(i, subject);
	const struct record_egress *row = &of->egress;
	char path[PIN_PATH];
	_cleanup_fd_ int link = -1;

	if (of->kind == RECORD_QDISC)
		return qdisc_remove(&of->qdisc, report);
	if (row->mode == RECORD_FILTER)
		return egress_filter_remove(row, report);
	if (egress_link_path(i, row, path))
		return 0;
	link = bpf_obj_get(path);
	if (link < 0)
		return 0;
	/* Others may hold it open; a device that is gone has detached it already. */
	(void)bpf_link_detach(link);
	return pin_remove(path, report);
}

const struct hook hook_tx = {
	.probe = tx_probe,
	.count = tx_count,
	.describe = tx_describe,
	.attach = tx_attach,
	.detach = tx_detach,
};
