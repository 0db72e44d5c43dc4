/* SPDX-License-Identifier: BSD-2-Clause */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

static void close_socket(struct mnl_socket *s)
{
	if (s)
		(void)mnl_socket_close(s);
}
DEFINE_CLEANUP(cleanup_mnl_socket, struct mnl_socket *, close_socket)

struct nlmsghdr *netlink_tc(void *buffer, __u16 type, __u16 flags, __u32 index, __u32 parent,
			    __u32 handle)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct tcmsg *tc;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = 1;
	tc = mnl_nlmsg_put_extra_header(h, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)index;
	tc->tcm_parent = parent;
	tc->tcm_handle = handle;
	return h;
}

/* The sentence that the kernel has put behind its acknowledgement. */
static void words_of(const char *answer, size_t size, char *why)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
	const struct nlmsgerr *e;
	const struct nlattr *a;
	size_t offset;

	if (size < MNL_NLMSG_HDRLEN + sizeof(*e) || h->nlmsg_type != NLMSG_ERROR ||
	    !(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	e = mnl_nlmsg_get_payload(h);
	offset = sizeof(*e);
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		offset += MNL_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	mnl_attr_for_each(a, h, (unsigned)offset)
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG &&
		    !mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
			snprintf(why, NETLINK_WHY, "%s", mnl_attr_get_str(a));
}

int netlink_talk(struct nlmsghdr *request, mnl_cb_t each, void *context, char *why)
{
	_cleanup_(cleanup_mnl_socket) struct mnl_socket *s =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char answer[4 * NETLINK_ROOM];
	int yes = 1, result = 1;

	if (why)
		why[0] = '\0';
	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* Words are a help, and older kernels have none. */
	(void)mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &yes, sizeof(yes));
	if (mnl_socket_sendto(s, request, request->nlmsg_len) < 0)
		return -errno;
	while (result > 0) {
		ssize_t n = mnl_socket_recvfrom(s, answer, sizeof(answer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (why)
			words_of(answer, (size_t)n, why);
		result = mnl_cb_run(answer, (size_t)n, request->nlmsg_seq,
				    mnl_socket_get_portid(s), each, context);
	}
	return result < 0 ? -errno : 0;
}
