/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steer_flood ADDRESS SECONDS: sends datagrams of 64 bytes as fast as one core can, from many
 * ports in turns, on core 0: so does the driver's program, which then runs in its context.
 */
#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define PORT 9000
#define FLOWS 16
#define BATCH 32

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	static char bytes[64];
	struct iovec part = { bytes, sizeof(bytes) };
	struct mmsghdr messages[BATCH] = { 0 };
	double end = argc == 3 ? now() + strtod(argv[2], NULL) : 0;
	int flows[FLOWS];
	cpu_set_t zero;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fputs("usage: steer_flood ADDRESS SECONDS\n", stderr);
		return 2;
	}
	CPU_ZERO(&zero);
	CPU_SET(0, &zero);
	if (sched_setaffinity(0, sizeof(zero), &zero)) {
		perror("steer_flood: core 0");
		return 3;
	}
	for (unsigned i = 0; i < FLOWS; i++) {
		flows[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (flows[i] < 0 ||
		    connect(flows[i], (const struct sockaddr *)&to, sizeof(to))) {
			perror("steer_flood: a socket");
			return 3;
		}
	}
	for (unsigned i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
	for (unsigned i = 0; now() < end; i++)
		(void)sendmmsg(flows[i % FLOWS], messages, BATCH, MSG_DONTWAIT);
	return 0;
}
