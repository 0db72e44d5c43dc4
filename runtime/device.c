/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnetlink by hand: two requests do not make a library worth depending on, and
 * sysfs shows the devices of the namespace that it was mounted in, not of ours.
 */
#include "device.h"

#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

union message {
	struct nlmsghdr header;
	char bytes[16384];
};

static void put(union message *m, unsigned short type, const void *data, size_t size)
{
	struct rtattr *a = (struct rtattr *)(m->bytes + NLMSG_ALIGN(m->header.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(a), data, size);
	m->header.nlmsg_len = (__u32)(NLMSG_ALIGN(m->header.nlmsg_len) + RTA_LENGTH(size));
}

/* Sends *m and puts the answer in its place; 0 or a negative errno. */
static int ask(union message *m)
{
	_cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;

	m->header.nlmsg_flags = NLM_F_REQUEST;
	if (fd < 0 || send(fd, m, m->header.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, m, sizeof(*m), 0);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(&m->header, (size_t)n))
		return -EBADMSG;
	if (m->header.nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = NLMSG_DATA(&m->header);

		return e->error ? e->error : -EBADMSG;
	}
	return 0;
}

/* The attribute of a list, NULL if it is not there. */
static const struct rtattr *find(const struct rtattr *a, size_t size, unsigned short type)
{
	for (; RTA_OK(a, size); a = RTA_NEXT(a, size))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static const struct rtattr *find_in(const union message *m, size_t fixed, unsigned short type)
{
	size_t start = NLMSG_LENGTH(NLMSG_ALIGN(fixed));

	if (m->header.nlmsg_len < start)
		return NULL;
	return find((const struct rtattr *)(m->bytes + start), m->header.nlmsg_len - start, type);
}

static bool number_of(const struct rtattr *a, int *number)
{
	if (!a || RTA_PAYLOAD(a) < sizeof(*number))
		return false;
	memcpy(number, RTA_DATA(a), sizeof(*number));
	return true;
}

/* Asks for a device by index, of the namespace that has the number `ns` here. */
static int ask_link(union message *m, __u32 index, int ns)
{
	struct ifinfomsg *info = NLMSG_DATA(&m->header);

	memset(m, 0, sizeof(*m));
	m->header.nlmsg_type = RTM_GETLINK;
	m->header.nlmsg_len = NLMSG_LENGTH(sizeof(*info));
	info->ifi_index = (int)index;
	if (ns != DEVICE_SAME_NS)
		put(m, IFLA_TARGET_NETNSID, &ns, sizeof(ns));
	return ask(m);
}

static const struct rtattr *link_attribute(const union message *m, unsigned short type)
{
	return find_in(m, sizeof(struct ifinfomsg), type);
}

static bool link_is_veth(const union message *m)
{
	const struct rtattr *info = link_attribute(m, IFLA_LINKINFO);
	const struct rtattr *kind =
		info ? find(RTA_DATA(info), RTA_PAYLOAD(info), IFLA_INFO_KIND) : NULL;

	return kind && RTA_PAYLOAD(kind) >= sizeof("veth") - 1 &&
	       !strncmp(RTA_DATA(kind), "veth", RTA_PAYLOAD(kind));
}

static void look_at_peer(struct device *d)
{
	union message m;
	const struct rtattr *name;

	if (!d->peer || ask_link(&m, d->peer, d->peer_ns))
		return;
	name = link_attribute(&m, IFLA_IFNAME);
	if (name)
		snprintf(d->peer_name, sizeof(d->peer_name), "%.*s", (int)RTA_PAYLOAD(name),
			 (const char *)RTA_DATA(name));
}

int device_look(const char *name, struct device *d, struct iop_report *report)
{
	union message m;
	int err, peer, queues;

	memset(d, 0, sizeof(*d));
	d->peer_ns = DEVICE_SAME_NS;
	d->index = strlen(name) < sizeof(d->name) ? if_nametoindex(name) : 0;
	if (!d->index)
		return report_error(report, -ENODEV, IOP_CAUSE_ENVIRONMENT,
				    "there is no device %s in this network namespace", name);
	err = ask_link(&m, d->index, DEVICE_SAME_NS);
	if (err)
		return report_error(report, err, IOP_CAUSE_ENVIRONMENT,
				    "device %s cannot be looked at: %s", name, strerror(-err));
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->n_queues = number_of(link_attribute(&m, IFLA_NUM_RX_QUEUES), &queues) && queues > 0
			      ? (__u32)queues
			      : 1;
	d->is_veth = link_is_veth(&m);
	if (!d->is_veth)
		return 0;
	if (number_of(link_attribute(&m, IFLA_LINK), &peer) && peer > 0)
		d->peer = (__u32)peer;
	(void)number_of(link_attribute(&m, IFLA_LINK_NETNSID), &d->peer_ns);
	look_at_peer(d);
	return 0;
}

int device_ns_number(int ns)
{
	union message m = { 0 };
	struct rtgenmsg *generic = NLMSG_DATA(&m.header);
	int number;

	m.header.nlmsg_type = RTM_GETNSID;
	m.header.nlmsg_len = NLMSG_LENGTH(sizeof(*generic));
	generic->rtgen_family = AF_UNSPEC;
	put(&m, NETNSA_FD, &ns, sizeof(ns));
	if (ask(&m) || !number_of(find_in(&m, sizeof(*generic), NETNSA_NSID), &number))
		return -1;
	return number;
}
