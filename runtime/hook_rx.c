/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rx stage: XDP on each device, by a link that is pinned. Its subjects are the
 * settings that steering needs (offload.h), then the devices.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <string.h>

#include "hook.h"
#include "offload.h"
#include "pin.h"
#include "stack.h"

static __u32 rows_of(const struct installed *i, enum record_kind kind)
{
	__u32 n = 0, at = 0;

	while (record_next(&i->record, kind, &at))
		n++;
	return n;
}

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

/* The row behind a subject: settings first. */
static struct record_row *subject_row(const struct installed *i, __u32 subject)
{
	__u32 settings = rows_of(i, RECORD_OFFLOAD);

	return subject < settings ? row_of(i, RECORD_OFFLOAD, subject)
				  : row_of(i, RECORD_DEVICE, subject - settings);
}

static __u32 rx_count(const struct installed *i)
{
	return rows_of(i, RECORD_OFFLOAD) + rows_of(i, RECORD_DEVICE);
}

static void rx_describe(const struct installed *i, __u32 subject, bool attach, char *text,
			size_t size)
{
	const struct record_row *row = subject_row(i, subject);

	if (row->kind == RECORD_OFFLOAD)
		snprintf(text, size, "turn tx checksumming of %s, the peer of %s, %s",
			 row->offload.name, row->offload.device,
			 (attach ? row->offload.after : row->offload.before) ? "on" : "off");
	else
		snprintf(text, size, "%s %s",
			 attach ? "attach the rx program to" : "detach the rx program from",
			 row->device.name);
}

/* --- probe --- */

static bool steers(const struct iop_object *o)
{
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MAPS); i++)
		if (object_map(o, i)->role == IOP_MAP_CPUS)
			return true;
	return false;
}

/* The name of a program, where we may ask for it. */
static void name_of_program(__u32 id, char name[BPF_OBJ_NAME_LEN])
{
	_cleanup_fd_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &size))
		info.name[0] = '\0';
	snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name);
}

static int check_foreign(const struct load *l, const struct device *d, struct iop_report *report)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	char owner[IOP_NAME_MAX + 1], name[BPF_OBJ_NAME_LEN];
	__u32 id;
	int err = bpf_xdp_query((int)d->index, 0, &query);

	if (err)
		return report_error(report, err, IOP_CAUSE_KERNEL,
				    "cannot tell whether an XDP program is attached to %s: %s",
				    d->name, strerror(-err));
	/* With programs at several modes there is no single id. */
	id = query.prog_id       ? query.prog_id
	     : query.drv_prog_id ? query.drv_prog_id
	     : query.skb_prog_id ? query.skb_prog_id
				 : query.hw_prog_id;
	if (!id || installed_with_program(id, "", owner)) {
		if (!id || !strcmp(owner, l->is.name))
			return 0; /* our own, of a load that was interrupted */
		err = report_error_at(
			report, -EBUSY, IOP_CAUSE_ENVIRONMENT,
			report_place(l->is.description,
				     &program_stage(l->is.description, IOP_HOOK_RX)->place),
			"policy %s is loaded on %s; policy %s cannot be, too", owner, d->name,
			l->is.name);
		hook_tell_owner(owner, IOP_HOOK_RX, report);
		return err;
	}
	name_of_program(id, name);
	err = report_error(report, -EBUSY, IOP_CAUSE_ENVIRONMENT,
			   "an XDP program that is not ours is attached to %s: %s (id %u)", d->name,
			   name[0] ? name : "it has no name", id);
	report_help(report,
		    "see who needs it: bpftool net show dev %s; ip link set dev %s xdp off "
		    "removes it",
		    d->name, d->name);
	return err;
}

static int probe_offload(struct load *l, const struct device *d, struct iop_report *report)
{
	struct record_offload offload;
	struct record_row *row;
	int err = offload_plan(d, &offload, report);

	if (err || !offload.netns)
		return err;
	row = record_add(&l->is.record, RECORD_OFFLOAD);
	if (!row)
		return report_no_memory(report);
	row->offload = offload;
	return 0;
}

static int probe_device(struct load *l, const char *name, struct iop_report *report)
{
	const struct record_row *other;
	struct record_row *row;
	struct device d;
	int err = device_look(name, &d, report), later;

	if (err)
		return err;
	for (__u32 at = 0; (other = record_next(&l->is.record, RECORD_DEVICE, &at));)
		if (other->device.index == d.index)
			return report_error(report, -EINVAL, IOP_CAUSE_USAGE,
					    "device %s is given twice", name);
	row = record_add(&l->is.record, RECORD_DEVICE);
	if (!row)
		return report_no_memory(report);
	row->device.index = d.index;
	snprintf(row->device.name, sizeof(row->device.name), "%s", d.name);
	err = check_foreign(l, &d, report);
	if (!steers(l->is.description))
		return err;
	later = probe_offload(l, &d, report);
	return err ? err : later;
}

static int rx_probe(struct load *l, struct iop_report *report)
{
	int result = 0;

	if (!l->options->n_devices)
		return report_error_at(
			report, -EINVAL, IOP_CAUSE_USAGE,
			report_place(l->is.description,
				     &program_stage(l->is.description, IOP_HOOK_RX)->place),
			"policy %s has an rx stage: on which devices shall it run? (--dev DEVICE)",
			l->is.name);
	for (size_t i = 0; i < l->options->n_devices; i++) {
		int err = probe_device(l, l->options->devices[i], report);

		result = err ? err : result;
	}
	return result;
}

/* --- attach --- */

static int link_path(const struct installed *i, const struct record_device *d, char path[PIN_PATH])
{
	char name[NAME_MAX + 1];

	pin_name_of_device(d->name, name);
	return pin_path(path, i->name, "/links/rx_%s", name);
}

static int try_link(int program, __u32 index, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int link = bpf_link_create(program, (int)index, BPF_XDP, &opts);

	return link < 0 ? -errno : link;
}

static bool is_occupied(int err)
{
	return err == -EBUSY || err == -EEXIST;
}

static int attach_device(struct load *l, struct record_row *row, struct iop_report *report)
{
	const struct iop_object *o = l->is.description;
	int program = program_fd(l->policy, o, IOP_HOOK_RX), native;
	_cleanup_fd_ int link = native = try_link(program, row->device.index, XDP_FLAGS_DRV_MODE);
	const char *name = row->device.name;
	char path[PIN_PATH];
	int err;

	row->device.mode = IOP_XDP_NATIVE;
	if (native < 0 && !is_occupied(native)) {
		if (o->desc->flags & IOP_DESC_REQUIRE_NATIVE_XDP)
			return report_error(report, native, IOP_CAUSE_ENVIRONMENT,
					    "the policy requires native XDP, and the driver of %s "
					    "refuses: %s",
					    name, strerror(-native));
		err = stack_note_generic(o, l->policy, report);
		if (err)
			return err;
		link = try_link(program, row->device.index, XDP_FLAGS_SKB_MODE);
		row->device.mode = IOP_XDP_GENERIC;
	}
	if (link < 0)
		return report_error(report, link, IOP_CAUSE_KERNEL,
				    "the rx program cannot be attached to %s: %s", name,
				    is_occupied(link) ? "another XDP program is" : strerror(-link));
	if (row->device.mode == IOP_XDP_GENERIC)
		report_note(report,
			    "XDP is generic on %s: its driver refuses native XDP (%s). Each packet "
			    "costs an allocation before the policy sees it",
			    name, strerror(-native));
	err = link_path(&l->is, &row->device, path);
	if (!err)
		err = pin_object(link, path, report);
	return err ? err : record_write(&l->is.record, row, report);
}

static int rx_attach(struct load *l, __u32 subject, struct iop_report *report)
{
	struct record_row *row = subject_row(&l->is, subject);

	return row->kind == RECORD_OFFLOAD ? offload_apply(&row->offload, report)
					   : attach_device(l, row, report);
}

static int rx_detach(const struct installed *i, __u32 subject, struct iop_report *report)
{
	const struct record_row *row = subject_row(i, subject);
	char path[PIN_PATH];
	_cleanup_fd_ int link = -1;

	if (row->kind == RECORD_OFFLOAD)
		return offload_revert(&row->offload, report);
	if (link_path(i, &row->device, path))
		return 0;
	link = bpf_obj_get(path);
	if (link < 0)
		return 0;
	/* Others may hold the link open; detached it is harmless. A device that is gone has
	 * done it already. */
	(void)bpf_link_detach(link);
	return pin_remove(path, report);
}

const struct hook hook_rx = {
	.probe = rx_probe,
	.count = rx_count,
	.describe = rx_describe,
	.attach = rx_attach,
	.detach = rx_detach,
};
