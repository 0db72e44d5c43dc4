/* SPDX-License-Identifier: BSD-2-Clause */
#include "egress.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_arp.h>
#include <linux/pkt_sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "libbpf_log.h"
#include "netlink.h"
#include "pin.h"
#include "program.h"

/* Of the filter, so that it is found again: nobody else's is at this place by accident. */
#define FILTER_PRIORITY 0x10f
#define FILTER_HANDLE 0x10f

int egress_check(const struct device *d, struct iop_report *report)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", d->name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request))
		return report_error(report, -errno, IOP_CAUSE_KERNEL,
				    "cannot tell what kind of device %s is: %s", d->name,
				    strerror(errno));
	if (request.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
	    request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK)
		return 0;
	return report_error(report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT,
			    "what %s sends has no Ethernet header: the tx stage cannot read it",
			    d->name);
}

int egress_link_path(const struct installed *i, const struct record_egress *row,
		     char path[PIN_PATH])
{
	char name[NAME_MAX + 1];

	pin_name_of_device(row->name, name);
	return pin_path(path, i->name, "/links/tx_%s", name);
}

int egress_link(int program, __u32 index)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BPF_F_BEFORE);
	int link = bpf_link_create(program, (int)index, BPF_TCX_EGRESS, &opts);

	return link < 0 ? -errno : link;
}

/* --- kernels without TCX --- */

static struct bpf_tc_hook hook_of_row(const struct record_egress *row)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
				     .ifindex = (int)row->index,
				     .attach_point = BPF_TC_EGRESS };
}

int egress_filter(const struct installed *i, struct record_row *row, int program,
		  struct iop_report *report)
{
	_cleanup_libbpf_log_ struct libbpf_log *log = libbpf_log_begin();
	struct bpf_tc_hook hook = hook_of_row(&row->egress);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program, .priority = FILTER_PRIORITY,
		    .handle = FILTER_HANDLE);
	int err;

	row->egress.mode = RECORD_FILTER;
	row->egress.program = program_id(program);
	err = record_write(&i->record, row, report);
	if (err)
		return err;
	err = bpf_tc_hook_create(&hook);
	if (!err) {
		row->egress.made_qdisc = 1;
		err = record_write(&i->record, row, report);
		if (err)
			return err;
	} else if (err != -EEXIST) {
		return report_error(report, err, IOP_CAUSE_KERNEL,
				    "%s cannot get a clsact qdisc for the tx program: %s",
				    row->egress.name, strerror(-err));
	}
	err = bpf_tc_attach(&hook, &opts);
	return err ? report_error(report, err, IOP_CAUSE_KERNEL,
				  "the tx program cannot be attached to %s as a tc filter: %s (%s)",
				  row->egress.name, strerror(-err), libbpf_log_last(log))
		   : 0;
}

/* Is the filter at our place ours? */
static bool filter_is_ours(const struct record_egress *row)
{
	struct bpf_tc_hook hook = hook_of_row(row);
	LIBBPF_OPTS(bpf_tc_opts, opts, .priority = FILTER_PRIORITY, .handle = FILTER_HANDLE);

	return !bpf_tc_query(&hook, &opts) && opts.prog_id == row->program;
}

static int note_filter(const struct nlmsghdr *h, void *context)
{
	bool *found = context;

	(void)h;
	*found = true;
	return MNL_CB_OK;
}

/* Has the device filters of others by now, at this end or the other? Then the qdisc stays. */
static bool filters_left(const struct record_egress *row)
{
	static const __u32 ends[] = { TC_H_MIN_INGRESS, TC_H_MIN_EGRESS };
	bool found = false;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char buffer[NETLINK_ROOM];
		struct nlmsghdr *h = netlink_tc(buffer, RTM_GETTFILTER, NLM_F_DUMP, row->index,
						TC_H_MAKE(TC_H_CLSACT, ends[i]), 0);

		(void)netlink_talk(h, note_filter, &found, NULL);
	}
	return found;
}

int egress_filter_remove(const struct record_egress *row, struct iop_report *report)
{
	_cleanup_libbpf_log_ struct libbpf_log *log = libbpf_log_begin();
	struct bpf_tc_hook hook = hook_of_row(row);
	LIBBPF_OPTS(bpf_tc_opts, opts, .priority = FILTER_PRIORITY, .handle = FILTER_HANDLE);
	int err = 0;

	if (filter_is_ours(row))
		err = bpf_tc_detach(&hook, &opts);
	if (!err && row->made_qdisc && !filters_left(row)) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		err = bpf_tc_hook_destroy(&hook);
	}
	/* The device is gone, or somebody was here before us. */
	if (!err || err == -ENODEV || err == -ENOENT || err == -EINVAL)
		return 0;
	err = report_error(report, err, IOP_CAUSE_KERNEL,
			   "the tx program cannot be taken from %s: %s (%s)", row->name,
			   strerror(-err), libbpf_log_last(log));
	report_help(report, "tc filter del dev %s egress pref %u", row->name, FILTER_PRIORITY);
	return err;
}

/* --- status --- */

bool egress_is_attached(const struct installed *i, const struct record_egress *row)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	_cleanup_fd_ int link = -1;
	char path[PIN_PATH];

	if (row->mode == RECORD_FILTER)
		return filter_is_ours(row);
	if (egress_link_path(i, row, path))
		return false;
	link = bpf_obj_get(path);
	/* A link whose device has gone away is at index 0. */
	return link >= 0 && !bpf_link_get_info_by_fd(link, &info, &size) &&
	       info.type == BPF_LINK_TYPE_TCX && info.tcx.ifindex;
}
