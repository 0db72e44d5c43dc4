/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_flood ADDRESS PORT RATE SECONDS HEX: sends the same datagram RATE times a second,
 * from many ports, and never looks at an answer: open loop, as a flood is. What does not
 * fit into the device's queue is lost and counted as sent, as on a wire.
 *
 * Prints what was sent; exits with 0 when that was at least nine tenths of RATE, 3 when
 * this machine could not send so much.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hex.h"

#define SOCKETS 64
#define BATCH 32
#define NAP_NS 500000 /* between looks at the clock */

struct flood {
	int fd[SOCKETS];
	unsigned char bytes[HEX_MAX];
	int size;
	unsigned next; /* socket */
};

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Answers are dropped as they come: no room for them. */
static int open_sockets(struct flood *f, const struct sockaddr_in *to)
{
	const int least = 1;

	for (int i = 0; i < SOCKETS; i++) {
		f->fd[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (f->fd[i] < 0 || connect(f->fd[i], (const struct sockaddr *)to, sizeof(*to)))
			return -1;
		(void)setsockopt(f->fd[i], SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	}
	return 0;
}

static void send_some(struct flood *f, unsigned n)
{
	struct iovec part = { f->bytes, (size_t)f->size };
	struct mmsghdr m[BATCH];

	for (unsigned i = 0; i < n; i++)
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &part, .msg_iovlen = 1 } };
	/* What was refused (a full queue, an ICMP error of an earlier one) is lost. */
	(void)sendmmsg(f->fd[f->next], m, n, MSG_DONTWAIT);
	f->next = (f->next + 1) % SOCKETS;
}

static double run(struct flood *f, double rate, double seconds)
{
	const struct timespec nap = { 0, NAP_NS };
	double begin = now(), sent = 0, missed = 0;

	for (double t = 0; t < seconds; t = now() - begin) {
		double due = rate * t - sent - missed;

		/* After a pause (another process had the core) what was missed is not
		 * made up for: a burst of it would be another load. */
		if (due > rate / 20) {
			missed += due - rate / 20;
			due = rate / 20;
		}
		while (due >= 1 && now() - begin < seconds) {
			unsigned n = due < BATCH ? (unsigned)due : BATCH;

			send_some(f, n);
			sent += n;
			due -= n;
		}
		(void)nanosleep(&nap, NULL);
	}
	return sent;
}

int main(int argc, char **argv)
{
	static struct flood f;
	struct sockaddr_in to = { .sin_family = AF_INET };
	double rate, seconds, sent;

	if (argc != 6 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 ||
	    (rate = strtod(argv[3], NULL)) < 1 || (seconds = strtod(argv[4], NULL)) <= 0 ||
	    (f.size = hex_read(argv[5], f.bytes)) < 1) {
		fputs("usage: udp_flood ADDRESS PORT RATE SECONDS HEX\n", stderr);
		return 2;
	}
	to.sin_port = htons((unsigned short)strtoul(argv[2], NULL, 10));
	if (open_sockets(&f, &to)) {
		perror("udp_flood");
		return 3;
	}
	sent = run(&f, rate, seconds);
	printf("%.0f sent, %.0f/s\n", sent, sent / seconds);
	return sent < 0.9 * rate * seconds ? 3 : 0;
}
