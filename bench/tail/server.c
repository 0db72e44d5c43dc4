/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kvstored [-w WORKERS] [-g GET_US] [-s SCAN_US]: a key-value store as far as its
 * callers can tell. Each worker is a thread with a UDP socket of its own at one port
 * (SO_REUSEPORT), bound in the order of the workers; it takes a request, is busy with it for
 * as long as its kind takes, and answers. Being busy is sleeping: so are threads that wait for
 * storage, and two cores can show what six workers do. Says `ready` when all are.
 *
 * It knows nothing of policies: the same program runs in every comparison.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

#define MAX_WORKERS 64
#define ROOM (8 << 20) /* bytes of requests that may wait at a socket: none is lost for that */

struct worker {
	int fd;
	unsigned number;
	struct timespec service[TAIL_SCAN + 1];
};

static int bind_port(void)
{
	const int on = 1, off = 0, room = ROOM;
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(TAIL_PORT) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at))) {
		perror("kvstored");
		exit(3);
	}
	/* Without the privilege: as much as the machine allows. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static void *serve(void *context)
{
	const struct worker *w = context;

	for (;;) {
		struct tail_request request;
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(w->fd, &request, sizeof(request), 0, (struct sockaddr *)&from,
				     &size);

		if (n < 0 && errno != EINTR)
			return NULL;
		if (n != sizeof(request) || request.op < TAIL_GET || request.op > TAIL_SCAN)
			continue;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &w->service[request.op], NULL);
		request.op = (uint8_t)w->number;
		(void)sendto(w->fd, &request, sizeof(request), 0, (const struct sockaddr *)&from,
			     size);
	}
}

static struct timespec microseconds(unsigned long us)
{
	return (struct timespec){ (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
}

int main(int argc, char **argv)
{
	static struct worker workers[MAX_WORKERS];
	unsigned long n = 6, get = 200, scan = 14000;
	int option;

	while ((option = getopt(argc, argv, "w:g:s:")) != -1) {
		switch (option) {
		case 'w': n = strtoul(optarg, NULL, 10); break;
		case 'g': get = strtoul(optarg, NULL, 10); break;
		case 's': scan = strtoul(optarg, NULL, 10); break;
		default: n = 0; break;
		}
	}
	if (optind != argc || n < 1 || n > MAX_WORKERS) {
		fputs("usage: kvstored [-w WORKERS] [-g GET_US] [-s SCAN_US]\n", stderr);
		return 2;
	}
	(void)prctl(PR_SET_TIMERSLACK, 1UL); /* sleep as long as asked */
	for (unsigned i = 0; i < n; i++) {
		workers[i] = (struct worker){ .fd = bind_port(), .number = i };
		workers[i].service[TAIL_GET] = microseconds(get);
		workers[i].service[TAIL_SCAN] = microseconds(scan);
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, serve, &workers[i])) {
			perror("kvstored");
			return 3;
		}
	}
	puts("ready");
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}
