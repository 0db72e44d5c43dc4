// SPDX-License-Identifier: BSD-2-Clause
//
// Does each flow arrive whole and in order? One end sends numbered datagrams from many
// ports, each of which is a flow, at a rate that changes from phase to phase; the other one
// says what has become of them.
//
//   udp_order receive PORT
//       until nothing has come for a second: "received N flows N late N twice N", where late
//       is behind a later one of its flow. It prints "ready" when it is bound.
//   udp_order send ADDRESS PORT FLOWS RATE:MS…
//       RATE datagrams a second for MS milliseconds each; RATE 0 is silence. Says "sent N".
//   udp_order send --random ADDRESS PORT FLOWS RATE:MS…
//       at random, not in turns: flows have pauses of different lengths.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FLOWS 4096
#define FIRST_PORT 20000
#define BATCH 64

struct datagram {
	uint32_t flow, number;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int open_socket(uint16_t port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 256 << 20, yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here))) {
		perror("udp_order: socket");
		exit(1);
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

/* --- receiving --- */

static struct {
	uint32_t next; // the number behind the highest that has come
	bool *come;
	uint32_t room;
} flows[MAX_FLOWS];

static struct {
	uint64_t received, flows, late, twice;
} counts;

static void take(const struct datagram *d)
{
	if (d->flow >= MAX_FLOWS)
		return;
	typeof(&flows[0]) f = &flows[d->flow];

	if (!f->next)
		counts.flows++;
	if (d->number >= f->room) {
		uint32_t room = 2 * d->number + 1024;

		f->come = realloc(f->come, room);
		if (!f->come)
			abort();
		memset(f->come + f->room, 0, room - f->room);
		f->room = room;
	}
	counts.received++;
	counts.twice += f->come[d->number];
	counts.late += d->number + 1 < f->next && !f->come[d->number];
	f->come[d->number] = true;
	if (d->number >= f->next)
		f->next = d->number + 1;
}

static int receive(int argc, char **argv)
{
	struct datagram buffers[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
	int fd = open_socket((uint16_t)atoi(argv[2]));
	struct pollfd poll_for = { .fd = fd, .events = POLLIN };
	bool begun = false;

	(void)argc;
	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ &buffers[i], sizeof(buffers[i]) };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	puts("ready");
	fflush(stdout);
	while (poll(&poll_for, 1, begun ? 1500 : 20000) > 0) {
		int n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);

		begun = true;
		for (int i = 0; i < n; i++)
			if (messages[i].msg_len == sizeof(struct datagram))
				take(&buffers[i]);
	}
	printf("received %llu flows %llu late %llu twice %llu\n",
	       (unsigned long long)counts.received, (unsigned long long)counts.flows,
	       (unsigned long long)counts.late, (unsigned long long)counts.twice);
	return 0;
}

/* --- sending --- */

struct sender {
	int fds[MAX_FLOWS];
	uint32_t numbers[MAX_FLOWS], n, turn;
	bool random;
	struct sockaddr_in to;
	uint64_t sent;
};

static void send_one(struct sender *s)
{
	uint32_t flow = s->random ? (uint32_t)random() % s->n : s->turn++ % s->n;
	struct datagram d = { flow, s->numbers[flow] };

	while (sendto(s->fds[flow], &d, sizeof(d), 0, (struct sockaddr *)&s->to, sizeof(s->to)) < 0)
		if (errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) {
			perror("udp_order: sendto");
			exit(1);
		}
	s->numbers[flow]++;
	s->sent++;
}

static void phase(struct sender *s, uint64_t rate, int64_t ms)
{
	int64_t begin = now_ns(), end = begin + ms * 1000000;
	uint64_t sent = 0;

	for (int64_t now = begin; now < end; now = now_ns()) {
		uint64_t due = (uint64_t)(now - begin) * rate / 1000000000;

		if (due <= sent)
			usleep(rate > 20000 ? 0 : 200);
		for (int i = 0; sent < due && i < 32; i++, sent++)
			send_one(s);
	}
}

static int send_all(int argc, char **argv)
{
	static struct sender s;
	int at = 2;

	s.random = strcmp(argv[at], "--random") == 0;
	at += s.random;
	if (argc < at + 4)
		return 2;
	s.to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[at + 1])) };
	s.n = (uint32_t)atoi(argv[at + 2]);
	if (inet_pton(AF_INET, argv[at], &s.to.sin_addr) != 1 || !s.n || s.n > MAX_FLOWS)
		return 2;
	for (uint32_t i = 0; i < s.n; i++)
		s.fds[i] = open_socket((uint16_t)(FIRST_PORT + i));
	for (int i = at + 3; i < argc; i++) {
		char *rest;
		uint64_t rate = strtoull(argv[i], &rest, 10);

		phase(&s, rate, *rest == ':' ? atoll(rest + 1) : 0);
	}
	printf("sent %llu\n", (unsigned long long)s.sent);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "receive") == 0)
		return receive(argc, argv);
	if (argc >= 6 && strcmp(argv[1], "send") == 0)
		return send_all(argc, argv);
	fputs("usage: udp_order receive PORT | udp_order send [--random] ADDRESS PORT FLOWS RATE:MS...\n",
	      stderr);
	return 2;
}
