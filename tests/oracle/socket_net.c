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
#include <netinet/in.h>
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

static int open_socket(uint16_t port, bool tcp)
{
	int type = tcp ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int on = 1, off = 0;

	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) &&
	    !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) &&
	    !bind(fd, (struct sockaddr *)&any, sizeof(any)) && (!tcp || !listen(fd, 64)))
		return fd;
	fprintf(stderr, "no socket at port %u: %s\n", port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool net_group_open(struct net_group *g, uint16_t port, bool tcp, unsigned n)
{
	*g = (struct net_group){ .port = port, .tcp = tcp };
	while (g->n < n && g->n < NET_SOCKETS_MAX) {
		int fd = open_socket(port, tcp);

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

/* One thing that has arrived, taken away; false: nothing has. */
static bool take(const struct net_group *g, int fd)
{
	char byte;
	int connection;

	if (!g->tcp)
		return recv(fd, &byte, 1, MSG_TRUNC) >= 0;
	connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (connection < 0)
		return false;
	close(connection);
	return true;
}

int net_group_take(const struct net_group *g)
{
	int found = -1;

	for (unsigned i = 0; i < g->n; i++) {
		while (take(g, g->fd[i]))
			found = found == -1 ? (int)i : -2;
	}
	return found;
}

/* --- connections --- */

int net_tap(void)
{
	struct sockaddr_ll lo = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = LOOPBACK };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&lo, sizeof(lo)))
		return fd;
	fprintf(stderr, "the loopback device cannot be watched: %s\n", strerror(errno));
	return -1;
}

static void drain(int tap)
{
	uint8_t byte;

	while (recv(tap, &byte, 1, MSG_TRUNC) >= 0)
		;
}

/* The first SYN among the frames: nobody else opens connections here. */
static size_t read_syn(int tap, uint8_t *frame, size_t room)
{
	for (;;) {
		ssize_t n = recv(tap, frame, room, 0);
		size_t tcp;

		if (n < 0)
			return 0;
		tcp = 14 + (frame[12] == 0x86 ? 40 : (frame[14] & 15u) * 4);
		if (frame[frame[12] == 0x86 ? 20 : 23] == IPPROTO_TCP && (size_t)n >= tcp + 20 &&
		    (frame[tcp + 13] & 0x17) == 0x02)
			return (size_t)n;
	}
}

static socklen_t address(const struct frame_spec *s, bool source, struct sockaddr_storage *a)
{
	struct sockaddr_in *in = (struct sockaddr_in *)a;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)a;
	const uint8_t *from = source ? s->src : s->dst;
	uint16_t port = htons(source ? s->sport : s->dport);

	memset(a, 0, sizeof(*a));
	if (s->version == 6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		memcpy(&in6->sin6_addr, from, 16);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = port;
	memcpy(&in->sin_addr, from, 4);
	return sizeof(*in);
}

static bool prepare(int fd, const struct frame_spec *s)
{
	static const struct linger gone = { .l_onoff = 1 };
	int yes = 1, tos = s->tos, ttl = s->ttl;
	bool six = s->version == 6;
	int level = six ? IPPROTO_IPV6 : IPPROTO_IP;

	return !setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof(gone)) &&
	       !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) &&
	       !setsockopt(fd, level, six ? IPV6_FREEBIND : IP_FREEBIND, &yes, sizeof(yes)) &&
	       !setsockopt(fd, level, six ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos)) &&
	       !setsockopt(fd, level, six ? IPV6_UNICAST_HOPS : IP_TTL, &ttl, sizeof(ttl));
}

int net_connect(int tap, const struct frame_spec *s, uint8_t *frame, size_t room, size_t *len)
{
	struct sockaddr_storage from, to;
	socklen_t size = address(s, true, &from);
	int fd = socket(s->version == 6 ? AF_INET6 : AF_INET,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)address(s, false, &to);
	drain(tap);
	*len = 0;
	if (fd < 0 || !prepare(fd, s) || bind(fd, (struct sockaddr *)&from, size) ||
	    (connect(fd, (struct sockaddr *)&to, size) && errno != EINPROGRESS &&
	     errno != ECONNREFUSED)) {
		int err = errno;

		if (fd >= 0)
			close(fd);
		errno = err;
		return -1;
	}
	*len = read_syn(tap, frame, room);
	return fd;
}
