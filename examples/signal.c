/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signal POLICY SIGNAL PORT LOAD: one worker of a UDP server that tells how much it has to
 * do. It sends back what it gets, LOAD in front; run several to have several workers. A
 * policy chooses among them:
 *
 *	signal depth : u32 per worker;
 *	…	stage socket { all -> workers all by min(depth); }
 *
 * Telling is one store. Here it is always the same number; a real server would store the
 * length of its queue, whenever that changes.
 *
 *	cc signal.c -liop -lbpf -lelf -lz -lhwloc
 */
#include <errno.h>
#include <iop.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RETRY_MS 200

static int bind_port(unsigned port)
{
	const int on = 1;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((in_port_t)port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at))) {
		perror("signal");
		exit(3);
	}
	return fd;
}

static void answer(int fd, unsigned char load)
{
	unsigned char bytes[2048];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, bytes + 1, sizeof(bytes) - 1, 0, (struct sockaddr *)&from, &size);

	if (n < 0)
		return;
	bytes[0] = load;
	(void)sendto(fd, bytes, (size_t)n + 1, 0, (const struct sockaddr *)&from, size);
}

int main(int argc, char **argv)
{
	struct iop_signal *signal = NULL;
	struct pollfd p = { .events = POLLIN };
	unsigned load;

	if (argc != 5) {
		fputs("usage: signal POLICY SIGNAL PORT LOAD\n", stderr);
		return 2;
	}
	load = (unsigned)strtoul(argv[4], NULL, 10);
	p.fd = bind_port((unsigned)strtoul(argv[3], NULL, 10));
	puts("ready");
	(void)fflush(stdout);
	for (;;) {
		/* The policy may be loaded later than the server is started. */
		if (!signal && !iop_signal_open(argv[1], argv[2], p.fd, sizeof(uint32_t), &signal,
						NULL)) {
			*(volatile uint32_t *)iop_signal_slot(signal) = load;
			puts("told");
			(void)fflush(stdout);
		}
		if (poll(&p, 1, signal ? -1 : RETRY_MS) < 0 && errno != EINTR)
			return 3;
		if (p.revents & POLLIN)
			answer(p.fd, (unsigned char)load);
	}
}
