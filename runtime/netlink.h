/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnetlink through libmnl: one request, its answers, its error.
 */
#ifndef IOP_RUNTIME_NETLINK_H
#define IOP_RUNTIME_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#define NETLINK_ROOM 8192

/* A request about traffic control of a device in `buffer`, which has NETLINK_ROOM bytes. */
struct nlmsghdr *netlink_tc(void *buffer, __u16 type, __u16 flags, __u32 index, __u32 parent,
			    __u32 handle);

/*
 * Sends it and waits for the end: a dump's last answer, or the acknowledgement that it
 * asks for. `each` (or NULL) is called with each answer. 0 or a negative errno, the
 * kernel's own words about it in `why` (NULL, or of NETLINK_WHY bytes; "": it has none).
 */
#define NETLINK_WHY 128
int netlink_talk(struct nlmsghdr *request, mnl_cb_t each, void *context, char *why);

#endif
