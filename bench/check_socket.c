/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel has no test run for sk_reuseport programs, so both meet real
 * datagrams: four sockets share a port of a namespace of our own, first the one
 * program picks among them and then the other, and the same datagrams come from
 * the same addresses.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define WORKERS SIDE_WORKERS
#define STUCK_S 0.8 /* longer than that, workers that do not answer may count as stuck */
#define TRIES 20
#define WAIT_MS 2000
#define HUGE 20000 /* lies in page fragments, where the programs cannot look */

struct stage {
	int sockets[WORKERS];
	uint16_t port;
};

/* What became of a datagram. */
struct fate {
	int worker; /* -1: nobody got it */
	struct counters counters;
};

static bool fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return false;
}

/* --- the server --- */

static void close_stage(struct stage *s)
{
	for (int i = 0; i < WORKERS; i++) {
		if (s->sockets[i] >= 0)
			(void)close(s->sockets[i]);
		s->sockets[i] = -1;
	}
}

/* Sockets of both families, the last of which is no worker if `without_last`. */
static bool open_stage(struct stage *s, const struct side *side, bool without_last)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(s->port) };
	int yes = 1, no = 0, prog = bpf_program__fd(side->programs[HOOK_SOCKET]);
	int map = bpf_map__fd(side_workers(side));

	for (int i = 0; i < WORKERS; i++)
		s->sockets[i] = -1;
	for (uint32_t i = 0; i < WORKERS; i++) {
		int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		uint64_t value = (uint64_t)fd;

		s->sockets[i] = fd;
		if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) ||
		    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) ||
		    bind(fd, (const struct sockaddr *)&at, sizeof(at)))
			return fail("a worker's socket");
		if (!(without_last && i == WORKERS - 1) &&
		    bpf_map_update_elem(map, &i, &value, BPF_ANY))
			return fail("a worker in its map");
	}
	if (setsockopt(s->sockets[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)))
		return fail("attaching the program");
	return true;
}

/* Who has got something? Takes it away. */
static int receiver(const struct stage *s)
{
	struct pollfd fds[WORKERS];
	char nothing;

	for (int i = 0; i < WORKERS; i++)
		fds[i] = (struct pollfd){ .fd = s->sockets[i], .events = POLLIN };
	if (poll(fds, WORKERS, WAIT_MS) <= 0)
		return -1;
	for (int i = 0; i < WORKERS; i++) {
		if (fds[i].revents & POLLIN) {
			(void)recv(fds[i].fd, &nothing, sizeof(nothing), 0);
			return i;
		}
	}
	return -1;
}

/* --- the clients --- */

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

/* Where datagram `i` comes from and goes to: in 127.0.0.0/8 each address is ours. */
static socklen_t address_of(union address *a, const struct frame_spec *spec, uint32_t host,
			    uint16_t port)
{
	memset(a, 0, sizeof(*a));
	if (spec->version == 6) {
		a->six = (struct sockaddr_in6){ .sin6_family = AF_INET6,
						.sin6_port = htons(port),
						.sin6_addr = in6addr_loopback };
		return sizeof(a->six);
	}
	a->four = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(0x7f000001 + host % 0xfffffd) };
	return sizeof(a->four);
}

static bool send_one(const struct stage *s, const struct frame_spec *spec, unsigned i)
{
	static const char huge[HUGE];
	union address src, dst;
	socklen_t len = address_of(&src, spec, i * 40503, (uint16_t)(20000 + i));
	const void *payload = i % 100 == 99 ? (const void *)huge : spec->payload;
	size_t size = i % 100 == 99 ? sizeof(huge) : spec->payload_len;
	int fd = socket(src.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	(void)address_of(&dst, spec, i * 257, s->port);
	ok = fd >= 0 && !bind(fd, &src.any, len) &&
	     sendto(fd, payload, size, 0, &dst.any, len) == (ssize_t)size;
	if (!ok)
		(void)fail("a datagram");
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool run_side(const struct side *side, const struct frame_spec *specs, unsigned n,
		     bool without_last, uint16_t port, struct fate *fates)
{
	struct stage s = { .port = port };
	bool ok = open_stage(&s, side, without_last);

	for (unsigned i = 0; ok && i < n; i++) {
		ok = send_one(&s, &specs[i], i);
		fates[i].worker = receiver(&s);
		ok = ok && side_counters(side, HOOK_SOCKET, &fates[i].counters);
	}
	close_stage(&s);
	return ok;
}

static uint64_t rise(const struct fate *fates, unsigned i, unsigned counter)
{
	return fates[i].counters.n[counter] - (i ? fates[i - 1].counters.n[counter] : 0);
}

/* The first of each are left out: the counters began somewhere. */
static void compare(struct check *c, const struct fate *ours, const struct fate *theirs, unsigned n,
		    const char *how)
{
	for (unsigned i = 1; i < n; i++) {
		(void)snprintf(c->shown, sizeof(c->shown), "datagram %u, %s", i, how);
		c->compared++;
		if (ours[i].worker != theirs[i].worker)
			check_differs(c, "worker", ours[i].worker, theirs[i].worker);
		for (unsigned k = 0; k < ours[i].counters.used; k++) {
			if (rise(ours, i, k) != rise(theirs, i, k))
				check_differs(c, "a counter", (int)rise(ours, i, k),
					      (int)rise(theirs, i, k));
		}
		if (ours[i].counters.unseen - ours[i - 1].counters.unseen !=
		    theirs[i].counters.unseen - theirs[i - 1].counters.unseen)
			check_differs(c, "unseen", (int)ours[i].counters.unseen,
				      (int)theirs[i].counters.unseen);
	}
	if (ours[0].counters.used != theirs[0].counters.used || !ours[n - 1].counters.unseen)
		check_differs(c, "size of the counters, or nothing unseen", 0, 0);
}

bool check_socket(struct check *c, const struct frame_spec *specs, unsigned n)
{
	struct fate *fates[2] = { calloc(n, sizeof(struct fate)), calloc(n, sizeof(struct fate)) };
	bool ok = fates[0] && fates[1];

	for (int without_last = 0; ok && without_last < 2; without_last++) {
		double longest = STUCK_S;

		/* Nobody answers here: both sides must be done before that is noticed. */
		for (int tries = 0; ok && longest >= STUCK_S && tries < TRIES; tries++) {
			longest = 0;
			for (int i = 0; ok && i < 2; i++) {
				double start = seconds();

				ok = side_rest(&c->sides[i]) &&
				     run_side(&c->sides[i], specs, n, without_last,
					      c->policy->ports[0], fates[i]);
				if (seconds() - start > longest)
					longest = seconds() - start;
			}
		}
		if (ok)
			compare(c, fates[0], fates[1], n,
				without_last ? "the last worker is not there"
					     : "all workers there");
	}
	free(fates[0]);
	free(fates[1]);
	return ok;
}
