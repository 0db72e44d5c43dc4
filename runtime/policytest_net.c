/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses for the loopback device of a network namespace that is all ours. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "policytest_fate.h"

#define LO_INDEX 1 /* of every network namespace */

int lo_up(void)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		return -errno;
	return 0;
}

/* The kernel's answer to one request. */
static int answer(int fd)
{
	char buffer[1024] __attribute__((aligned(__alignof__(struct nlmsghdr))));
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
	const struct nlmsghdr *h = (const struct nlmsghdr *)buffer;

	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || h->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
}

/*
 * IPv6 inserts the address's own route from a work queue, some time later. Without the
 * prefix's route sending to it fails until then; with it a packet would be lost.
 */
int lo_add(const struct sockaddr_storage *address)
{
	_cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	__u32 size = address->ss_family == AF_INET ? 4 : 16;
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg message;
		struct rtattr flags_are;
		__u32 flags;
		struct rtattr address_is;
		__u8 address[16]; /* as many as it has are sent */
	} request = {
		.header = { .nlmsg_len = (__u32)offsetof(__typeof__(request), address) + size,
			    .nlmsg_type = RTM_NEWADDR,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL },
		.message = { .ifa_family = (__u8)address->ss_family,
			     .ifa_prefixlen = (__u8)(size * 8),
			     .ifa_index = LO_INDEX },
		.flags_are = { RTA_LENGTH(sizeof(__u32)), IFA_FLAGS },
		.flags = address->ss_family == AF_INET ? 0 : IFA_F_NODAD | IFA_F_NOPREFIXROUTE,
		.address_is = { (unsigned short)RTA_LENGTH(size), IFA_LOCAL },
	};
	int err;

	if (fd < 0)
		return -errno;
	memcpy(request.address, datagram_address(address), size);
	if (send(fd, &request, request.header.nlmsg_len, 0) < 0)
		return -errno;
	err = answer(fd);
	return err == -EEXIST ? 0 : err;
}
