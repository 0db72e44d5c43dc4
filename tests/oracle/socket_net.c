/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See socket_net.h.
 */
#include "socket_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOPBACK 1 /* the first interface of a namespace */

static bool run(char *const argv[])
{
	static char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environment) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "%s %s %s: failed\n", argv[0], argv[1], argv[2]);
		return false;
	}
	return true;
}

static bool set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	if (fd >= 0)
		close(fd);
	if (!ok)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return ok;
}

bool net_enter(void)
{
	static char *const up[] = { "ip", "link", "set", "lo", "up", NULL };
	static char *const v4[] = {
		"ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo", NULL
	};
	static char *const v6[] = { "ip",       "-6",  "route", "add", "local",
				    "fd00::/8", "dev", "lo",    NULL };

	if (unshare(CLONE_NEWNET)) {
		fprintf(stderr, "no network namespace: %s\n", strerror(errno));
		return false;
	}
	/* Sources are addresses of this machine as well. */
	return run(up) && run(v4) && run(v6) && set("/proc/sys/net/ipv4/conf/all/rp_filter", "0") &&
	       set("/proc/sys/net/ipv4/conf/lo/rp_filter", "0") &&
	       set("/proc/sys/net/ipv4/conf/all/accept_local", "1") &&
	       set("/proc/sys/net/ipv4/conf/lo/accept_local", "1");
}

int net_wire(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
}

bool net_send(int wire, const uint8_t *frame, size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = LOOPBACK,
				  .sll_protocol = (uint16_t)(frame[12] | frame[13] << 8),
				  .sll_halen = 6 };

	return sendto(wire, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len;
}

static int open_socket(uint16_t port)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int on = 1, off = 0;

	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) &&
	    !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) &&
	    !bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return fd;
	fprintf(stderr, "no socket at port %u: %s\n", port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool net_group_open(struct net_group *g, uint16_t port, unsigned n)
{
	*g = (struct net_group){ .port = port };
	while (g->n < n && g->n < NET_SOCKETS_MAX) {
		int fd = open_socket(port);

		if (fd < 0) {
			net_group_close(g);
			return false;
		}
		g->fd[g->n++] = fd;
	}
	return true;
}

void net_group_close(struct net_group *g)
{
	while (g->n)
		close(g->fd[--g->n]);
}

int net_group_take(const struct net_group *g)
{
	int found = -1;
	char byte;

	for (unsigned i = 0; i < g->n; i++) {
		while (recv(g->fd[i], &byte, 1, MSG_TRUNC) >= 0)
			found = found == -1 ? (int)i : -2;
	}
	return found;
}
