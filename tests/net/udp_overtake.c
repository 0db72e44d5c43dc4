/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_overtake ADDRESS PORT HEX BULK SIZE COUNT: sends COUNT datagrams that begin with the bytes
 * BULK and have SIZE bytes, and behind them one with the bytes HEX. Tells how many replies had
 * come before the one to HEX, how many came in all, the ms from the first datagram sent to the last
 * reply, and the mark that the reply to HEX had (on the loopback device, where marks get through).
 */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hex.h"

#define PATIENCE_MS 1500 /* after the last reply */
#define BYTES 2048

#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif

static long now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int connect_to(const char *address, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
					.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	const int room = 4 << 20, yes = 1;
	struct addrinfo *to;
	int fd;

	if (getaddrinfo(address, port, &hints, &to))
		return -1;
	fd = socket(to->ai_family, SOCK_DGRAM, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVMARK, &yes, sizeof(yes));
	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen))
		return -1;
	return fd;
}

static ssize_t receive(int fd, unsigned char *bytes, unsigned *mark)
{
	struct iovec iov = { bytes, BYTES };
	char control[64];
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, 0);

	*mark = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); n >= 0 && c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_MARK)
			memcpy(mark, CMSG_DATA(c), sizeof(*mark));
	return n;
}

int main(int argc, char **argv)
{
	unsigned char urgent[BYTES], bulk[BYTES] = { 0 }, got[BYTES];
	long size, count, before = -1, n = 0, first, last = 0;
	ssize_t urgent_size;
	unsigned mark, marked = 0;
	int fd;

	if (argc != 7)
		return 2;
	fd = connect_to(argv[1], argv[2]);
	urgent_size = hex_read(argv[3], urgent);
	size = strtol(argv[5], NULL, 10);
	count = strtol(argv[6], NULL, 10);
	if (fd < 0 || urgent_size < 0 || hex_read(argv[4], bulk) < 0 || size > BYTES - 1) {
		fputs("udp_overtake: what is this?\n", stderr);
		return 2;
	}
	first = now_ms();
	for (long i = 0; i < count; i++) {
		(void)send(fd, bulk, (size_t)size, 0);
		(void)usleep(100);
	}
	(void)send(fd, urgent, (size_t)urgent_size, 0);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t bytes;

		if (poll(&p, 1, PATIENCE_MS) <= 0)
			break;
		bytes = receive(fd, got, &mark);
		if (bytes < 0)
			continue;
		if (bytes == urgent_size + 1) {
			before = n;
			marked = mark;
		}
		last = now_ms();
		n++;
	}
	printf("%ld %ld %ld %u\n", before, n, n ? last - first : 0, marked);
	return 0;
}
