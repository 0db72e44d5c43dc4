/* SPDX-License-Identifier: BSD-2-Clause */
/* A change is looked for by the cookie of its namespace: names and numbers are given again. */
#include "offload.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "netns.h"

/* What is to be done in the peer's namespace, and what came of it. */
struct errand {
	struct record_offload *row;
	int number;   /* of the namespace that is looked for; DEVICE_SAME_NS */
	int set;      /* 0, 1; -1: only ask */
	int value;    /* what the peer does, afterwards */
	bool found;
	int err;
};

static int ethtool(int fd, const char *name, __u32 command, __u32 *data)
{
	struct ethtool_value value = { .cmd = command, .data = *data };
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = (void *)&value;
	if (ioctl(fd, SIOCETHTOOL, &request))
		return -errno;
	*data = value.data;
	return 0;
}

/* Runs in the peer's namespace. -ENODEV: no such device, -ESTALE: another one. */
static int talk_to_peer(struct errand *e)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };
	__u32 data;
	int err;

	if (fd < 0)
		return -errno;
	request.ifr_ifindex = (int)e->row->index;
	if (ioctl(fd, SIOCGIFNAME, &request))
		return -errno;
	if (e->row->name[0] && strncmp(e->row->name, request.ifr_name, sizeof(e->row->name)) != 0)
		return -ESTALE;
	snprintf(e->row->name, sizeof(e->row->name), "%s", request.ifr_name);
	if (e->set >= 0) {
		data = (__u32)e->set;
		err = ethtool(fd, request.ifr_name, ETHTOOL_STXCSUM, &data);
		if (err)
			return err;
	}
	data = 0;
	err = ethtool(fd, request.ifr_name, ETHTOOL_GTXCSUM, &data);
	e->value = data != 0;
	return err;
}

/* --- at load: the peer's namespace by its number here --- */

static int plan_there(void *context)
{
	struct errand *e = context;
	int err = netns_cookie(&e->row->netns);

	return err ? err : talk_to_peer(e);
}

static int visit_by_number(void *context, int ns, const char *name)
{
	struct errand *e = context;

	(void)name;
	/* The first one that is visited is our own. */
	if (e->number != DEVICE_SAME_NS && device_ns_number(ns) != e->number)
		return 0;
	e->found = true;
	e->err = netns_run(ns, plan_there, e);
	return 1;
}

int offload_plan(const struct device *d, struct record_offload *row, struct iop_report *report)
{
	struct errand e = { .row = row, .number = d->peer_ns, .set = -1 };
	int err;

	memset(row, 0, sizeof(*row));
	if (!d->is_veth)
		return 0;
	row->index = d->peer;
	snprintf(row->device, sizeof(row->device), "%s", d->name);
	err = d->peer ? netns_each(visit_by_number, &e) : 0;
	if (err < 0 || !e.found || e.err) {
		err = report_error(
			report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT,
			"%s is a veth device whose peer %s%sis out of reach%s%s, and packets that "
			"are steered would be lost: the peer leaves their checksums to others",
			d->name, d->peer_name, d->peer_name[0] ? " " : "", e.err ? ": " : "",
			e.err ? strerror(-e.err) : "");
		report_help(report,
			    "load the policy from where the peer's network namespace can "
			    "be seen; there, too: ethtool -K %s tx off",
			    d->peer_name[0] ? d->peer_name : "PEER");
		return err;
	}
	row->before = (__u32)e.value;
	if (!e.value)
		row->netns = 0;
	return 0;
}

/* --- later: by its cookie --- */

static int run_there(void *context)
{
	struct errand *e = context;
	__u64 cookie;
	int err = netns_cookie(&cookie);

	if (err || cookie != e->row->netns)
		return err;
	e->found = true;
	return talk_to_peer(e);
}

static int visit_by_cookie(void *context, int ns, const char *name)
{
	struct errand *e = context;

	(void)name;
	e->err = netns_run(ns, run_there, e);
	return e->found;
}

/* A copy of the row, so that it is only read. */
static int talk(const struct record_offload *row, int set, int *value)
{
	struct record_offload copy = *row;
	struct errand e = { .row = &copy, .set = set };
	int err = netns_each(visit_by_cookie, &e);

	*value = e.value;
	if (!e.found)
		return err < 0 ? err : -ENODEV;
	return e.err;
}

static int change(const struct record_offload *row, __u32 to, struct iop_report *report)
{
	int value, err;

	if (!row->netns)
		return 0;
	err = talk(row, (int)to, &value);
	if (!err && value == (int)to)
		return 0;
	err = report_error(report, err ? err : -EIO, IOP_CAUSE_ENVIRONMENT,
			   "tx checksumming of %s, the peer of %s, cannot be turned %s: %s",
			   row->name, row->device, to ? "on" : "off",
			   err ? strerror(-err) : "the device keeps it as it is");
	report_help(report, "in its network namespace: ethtool -K %s tx %s", row->name,
		    to ? "on" : "off");
	return err;
}

int offload_apply(const struct record_offload *row, struct iop_report *report)
{
	return change(row, row->after, report);
}

int offload_revert(const struct record_offload *row, struct iop_report *report)
{
	int value;

	/* The device is gone, or its namespace: so is what we have changed. */
	if (row->netns && (talk(row, -1, &value) == -ENODEV || talk(row, -1, &value) == -ESTALE))
		return 0;
	return change(row, row->before, report);
}

int offload_now(const struct record_offload *row)
{
	int value, err = row->netns ? talk(row, -1, &value) : -ENODEV;

	return err ? err : value;
}
