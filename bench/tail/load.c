/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tail_load [-f FLOWS] [-s SCANS] [-S SEED] ADDRESS RATE SECONDS: asks kvstored RATE times a
 * second, with SCANS of a thousand requests scans, over FLOWS sockets, and prints a line a kind:
 *
 *	get 9950 0 231423 402431 1622015	sent, not answered, ns that 50 %, 99 %, 99.9 % took
 *
 * Open loop: when a request is sent is drawn before (Poisson) and depends on no answer.
 * Times count from the moment at which it should have been sent, so that a wait of ours
 * for the server, or for a core, is not left out; to the moment at which the kernel took the
 * answer in. What is not answered PATIENCE after the last request counts as having taken until
 * then.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "protocol.h"

#define MAX_FLOWS 1024
#define MAX_REQUESTS (16u << 20)
#define PATIENCE_NS 1500000000ull
#define WARM_UP 10 /* one in so many requests at the beginning is not counted */
#define ROOM (8 << 20)

struct request {
	uint64_t at; /* CLOCK_REALTIME, as the kernel's stamps are */
	uint64_t took;
	uint8_t op;
	uint16_t flow;
};

struct load {
	struct request *requests;
	uint32_t n;
	_Atomic uint32_t answered;
	_Atomic bool done;
	int flows[MAX_FLOWS];
	unsigned n_flows;
	int epoll;
};

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t at)
{
	struct timespec t = { (time_t)(at / 1000000000ull), (long)(at % 1000000000ull) };

	while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "tail_load: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* xorshift64*, which will do for gaps between requests */
static double uniform(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (double)((*state * 0x2545f4914f6cdd1dull) >> 11) / 9007199254740992.0;
}

static void draw(struct load *l, double rate, unsigned scans, uint64_t seed)
{
	double at = 0;

	l->requests = calloc(l->n, sizeof(*l->requests));
	if (!l->requests)
		fail("memory");
	for (uint32_t i = 0; i < l->n; i++) {
		at -= log(1.0 - uniform(&seed)) / rate * 1e9;
		l->requests[i] = (struct request){
			.at = (uint64_t)at,
			.op = uniform(&seed) * 1000 < scans ? TAIL_SCAN : TAIL_GET,
			.flow = (uint16_t)(uniform(&seed) * l->n_flows),
		};
	}
}

static void open_flows(struct load *l, const char *address)
{
	const int on = 1, room = ROOM;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(TAIL_PORT) };

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		fprintf(stderr, "tail_load: %s is not an IPv4 address\n", address);
		exit(2);
	}
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < l->n_flows; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

		if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) ||
		    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
		    epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event))
			fail("a socket");
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
		l->flows[i] = fd;
	}
}

/* One answer, if there is one. */
static bool take(struct load *l, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control;
	struct tail_request answer;
	struct iovec part = { &answer, sizeof(answer) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	const struct cmsghdr *c;
	struct timespec stamp;
	struct request *r;

	if (recvmsg(fd, &message, MSG_DONTWAIT) != sizeof(answer))
		return false;
	c = CMSG_FIRSTHDR(&message);
	if (!c || c->cmsg_type != SCM_TIMESTAMPNS || ntohl(answer.id) >= l->n)
		return true;
	memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
	r = &l->requests[ntohl(answer.id)];
	r->took = (uint64_t)stamp.tv_sec * 1000000000ull + (uint64_t)stamp.tv_nsec - r->at;
	atomic_fetch_add(&l->answered, 1);
	return true;
}

static void *receive(void *context)
{
	struct load *l = context;
	struct epoll_event events[64];

	while (!atomic_load(&l->done)) {
		int n = epoll_wait(l->epoll, events, 64, 20);

		for (int i = 0; i < n; i++)
			while (take(l, events[i].data.fd))
				;
	}
	return NULL;
}

static void ask(const struct load *l, uint32_t i)
{
	const struct request *r = &l->requests[i];
	struct tail_request request = { .op = r->op, .id = htonl(i), .key = i };

	/* What the queue of the device does not take is lost, as on a wire. */
	(void)send(l->flows[r->flow], &request, sizeof(request), 0);
}

static void print_kind(const struct load *l, const char *name, uint8_t op, uint64_t end)
{
	struct histogram *h = calloc(1, sizeof(*h));
	uint64_t lost = 0;

	if (!h)
		fail("memory");
	for (uint32_t i = l->n / WARM_UP; i < l->n; i++) {
		const struct request *r = &l->requests[i];

		if (r->op != op)
			continue;
		lost += !r->took;
		histogram_add(h, r->took ? r->took : end - r->at);
	}
	printf("%s %llu %llu %llu %llu %llu\n", name, (unsigned long long)h->n,
	       (unsigned long long)lost, (unsigned long long)histogram_at(h, 500),
	       (unsigned long long)histogram_at(h, 990), (unsigned long long)histogram_at(h, 999));
	free(h);
}

static void run(struct load *l)
{
	uint64_t start = now() + 50000000, last;
	pthread_t receiver;

	for (uint32_t i = 0; i < l->n; i++)
		l->requests[i].at += start;
	if (pthread_create(&receiver, NULL, receive, l))
		fail("a thread");
	for (uint32_t i = 0; i < l->n; i++) {
		if (l->requests[i].at > now())
			sleep_until(l->requests[i].at);
		ask(l, i);
	}
	last = now();
	while (atomic_load(&l->answered) < l->n && now() < last + PATIENCE_NS)
		sleep_until(now() + 5000000);
	atomic_store(&l->done, true);
	(void)pthread_join(receiver, NULL);
}

int main(int argc, char **argv)
{
	static struct load l = { .n_flows = 50 };
	unsigned long scans = 5, seed = 1;
	double rate, seconds;
	uint64_t end;
	int option;

	while ((option = getopt(argc, argv, "f:s:S:")) != -1) {
		switch (option) {
		case 'f': l.n_flows = (unsigned)strtoul(optarg, NULL, 10); break;
		case 's': scans = strtoul(optarg, NULL, 10); break;
		case 'S': seed = strtoul(optarg, NULL, 10); break;
		default: optind = argc; break;
		}
	}
	rate = optind + 3 == argc ? strtod(argv[optind + 1], NULL) : 0;
	seconds = rate > 0 ? strtod(argv[optind + 2], NULL) : 0;
	if (!(rate * seconds >= 1) || rate * seconds > MAX_REQUESTS || l.n_flows < 1 ||
	    l.n_flows > MAX_FLOWS || scans > 1000) {
		fputs("usage: tail_load [-f FLOWS] [-s SCANS] [-S SEED] ADDRESS RATE SECONDS\n",
		      stderr);
		return 2;
	}
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	l.n = (uint32_t)(rate * seconds);
	open_flows(&l, argv[optind]);
	draw(&l, rate, (unsigned)scans, seed * 0x9e3779b97f4a7c15ull + 1);
	run(&l);
	end = now();
	print_kind(&l, "get", TAIL_GET, end);
	print_kind(&l, "scan", TAIL_SCAN, end);
	return 0;
}
