/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UDP sockets of this network namespace and the TCP sockets that listen, by inode, and
 * the order in which those of one port came to be.
 */
#ifndef IOP_RUNTIME_SOCKET_LIST_H
#define IOP_RUNTIME_SOCKET_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include <linux/types.h>

struct listed_socket {
	ino_t inode;
	__u32 protocol; /* IPPROTO_UDP, IPPROTO_TCP */
	__u32 port;
	__u32 family;      /* 4 or 6 */
	__u8 address[16];  /* that it is bound to; of IPv4 the first 4 bytes */
	__u32 order; /* among those of its protocol, family and port: less came earlier */
};

struct socket_list {
	struct listed_socket *sockets; /* by inode */
	size_t n;
};

/* Is the list to have sockets of this port? */
typedef bool socket_wanted(const void *context, __u32 protocol, __u32 port);

/* 0 or a negative errno. */
int socket_list_read(struct socket_list *list, socket_wanted *want, const void *context);
void socket_list_free(struct socket_list *list);

/* NULL: not in the list. */
const struct listed_socket *socket_list_find(const struct socket_list *list, ino_t inode);

/* One file in the format of /proc/net/udp and /proc/net/tcp; for tests. */
int socket_list_parse(struct socket_list *list, FILE *file, __u32 protocol, bool newest_first,
		      socket_wanted *want, const void *context);

#endif
