/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network of this process' own, with loopback alone: every address of
 * 10.0.0.0/8 and fd00::/8 is there, frames are put on the wire as they are, and
 * groups of sockets receive them.
 */
#ifndef IOP_TESTS_SOCKET_NET_H
#define IOP_TESTS_SOCKET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

#define NET_SOCKETS_MAX 16

/* Sockets of one SO_REUSEPORT group, of both families. */
struct net_group {
	int fd[NET_SOCKETS_MAX];
	unsigned n;
	uint16_t port;
	bool tcp;
};

/* Moves this process into a new network namespace. False: it says why. */
bool net_enter(void);
/* A socket that takes frames from the Ethernet header on, or -1. */
int net_wire(void);
bool net_send(int wire, const uint8_t *frame, size_t len);

/* `tcp`: sockets that listen. */
bool net_group_open(struct net_group *g, uint16_t port, bool tcp, unsigned n);
void net_group_close(struct net_group *g);

/* The socket that received something, which is taken out of it; -1: none did. More than one
 * datagram in the group is -2. */
int net_group_take(const struct net_group *g);

/* A socket that sees all frames of the loopback device, or -1. */
int net_tap(void);
/*
 * Opens a connection with what of the description is not the kernel's to choose, and closes it
 * with the descriptor that is returned; -1: not opened. The SYN as it was sent is copied to
 * `frame`, up to `room` bytes of it; *len is 0 if it was not seen.
 */
int net_connect(int tap, const struct frame_spec *s, uint8_t *frame, size_t room, size_t *len);

#endif
