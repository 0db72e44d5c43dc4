/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UDP sockets of this network namespace, by inode, and the order in which those
 * of one port were bound.
 */
#ifndef IOP_RUNTIME_UDP_LIST_H
#define IOP_RUNTIME_UDP_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include <linux/types.h>

struct udp_socket {
	ino_t inode;
	__u32 port;
	__u32 order; /* among those of its family and port: less is bound earlier */
};

struct udp_list {
	struct udp_socket *sockets; /* by inode */
	size_t n;
};

/* Reads those that want(context, port) wants; 0 or a negative errno. */
int udp_list_read(struct udp_list *list, bool (*want)(const void *context, __u32 port),
		  const void *context);
void udp_list_free(struct udp_list *list);

/* NULL: not in the list. */
const struct udp_socket *udp_list_find(const struct udp_list *list, ino_t inode);

/* One file in the format of /proc/net/udp; for tests. */
int udp_list_parse(struct udp_list *list, FILE *file, bool newest_first,
		   bool (*want)(const void *context, __u32 port), const void *context);

#endif
