/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket stage meets a packet. The kernel has no test run for it, so it happens for
 * real in a network namespace that has nothing but a loopback device with the
 * packet's addresses: sockets stand for the workers, the program is attached to
 * them, and the payload is sent, or a connection opened, from where the packet comes
 * from. The namespace ends with the thread that is in it and the sockets, whatever happens.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "netns.h"
#include "policytest_fate.h"

#define WAIT_MS 1000 /* for a packet of which neither a socket nor a counter tells */
#define WAIT_STEP_MS 10
#define WAIT_ROUTE_MS 1000
#define LO_INDEX 1

/* Workers that listen where a packet goes. */
struct group {
	struct adopt_group workers;
	struct sockaddr_storage at;
	struct pollfd *sockets; /* of each worker */
	struct bpf_object *program;
};

struct job {
	const struct policytest *test;
	struct fate *fates;
	size_t n;
	struct group *groups;
	size_t n_groups;
};

/* Always 0: the test cannot be run, and says why. */
static int unknown(struct stage_fate *fate, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int unknown(struct stage_fate *fate, const char *fmt, ...)
{
	va_list ap;

	fate->kind = FATE_UNKNOWN;
	va_start(ap, fmt);
	(void)vsnprintf(fate->why, sizeof(fate->why), fmt, ap);
	va_end(ap);
	return 0;
}

/* --- addresses --- */

static socklen_t size_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static bool can_be_local(const struct sockaddr_storage *a)
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)a)->sin6_addr;
	in_addr_t four = ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr);

	if (a->ss_family == AF_INET)
		return four != INADDR_ANY && !IN_MULTICAST(four) && !IN_BADCLASS(four);
	return !IN6_IS_ADDR_UNSPECIFIED(six) && !IN6_IS_ADDR_MULTICAST(six) &&
	       !IN6_IS_ADDR_V4MAPPED(six);
}

/* Makes it an address of the namespace; false with the reason in `fate`. */
static bool make_local(struct sockaddr_storage *a, struct stage_fate *fate)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)a;
	char text[INET6_ADDRSTRLEN] = "?";
	int err = can_be_local(a) ? lo_add(a) : -EADDRNOTAVAIL;

	(void)inet_ntop(a->ss_family, datagram_address(a), text, sizeof(text));
	if (err) {
		(void)unknown(fate, "%s cannot be an address of this machine: %s", text,
			      strerror(-err));
		return false;
	}
	if (!datagram_port(a)) {
		(void)unknown(fate, "no socket can have port 0 of %s", text);
		return false;
	}
	if (a->ss_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
		six->sin6_scope_id = LO_INDEX;
	return true;
}

static bool same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return a->ss_family == b->ss_family && datagram_port(a) == datagram_port(b) &&
	       memcmp(datagram_address(a), datagram_address(b), a->ss_family == AF_INET ? 4 : 16) ==
		       0;
}

/* --- groups --- */

static void group_free(struct group *g)
{
	for (__u32 i = 0; g->sockets && i < g->workers.is.n_workers; i++)
		cleanup_fd(&g->sockets[i].fd);
	free(g->sockets);
	free(g->workers.workers);
	bpf_object__close(g->program);
}

/* What the loader would find at that address; workload IOP_NONE: nobody's. */
static struct record_group look(const struct job *j, const struct datagram *d)
{
	const struct sockaddr_storage *at = &d->to;
	struct record_group g = {
		.workload = IOP_NONE,
		.family = at->ss_family,
		.protocol = d->protocol,
		.port = datagram_port(at),
		.v6only = at->ss_family == AF_INET6,
	};
	const struct iop_object *o = j->test->object;

	memcpy(g.address, datagram_address(at), at->ss_family == AF_INET ? 4 : 16);
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_WORKLOADS) && g.workload == IOP_NONE; i++)
		if (workload_matches_group(o, i, &g))
			g.workload = i;
	return g;
}

static int open_socket(const struct sockaddr_storage *at, __u32 protocol)
{
	int type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;

	return socket(at->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A socket that shares its address with the other workers. */
static int worker_socket(const struct sockaddr_storage *at, __u32 protocol)
{
	_cleanup_fd_ int fd = open_socket(at, protocol);
	int yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) ||
	    bind(fd, (const struct sockaddr *)at, size_of(at)) ||
	    (protocol == IPPROTO_TCP && listen(fd, SOMAXCONN)))
		return -errno;
	return TAKE_FD(fd);
}

/* 0; 1: cannot be run, with the reason in `fate`; negative errno for want of memory. */
static int open_workers(struct group *g, struct stage_fate *fate)
{
	__u32 n = g->workers.is.n_workers;

	if (!make_local(&g->at, fate))
		return 1;
	g->sockets = calloc(n, sizeof(*g->sockets));
	g->workers.workers = calloc(n, sizeof(*g->workers.workers));
	if (!g->sockets || !g->workers.workers)
		return -ENOMEM;
	for (__u32 i = 0; i < n; i++)
		g->sockets[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	for (__u32 i = 0; i < n; i++) {
		int fd = worker_socket(&g->at, g->workers.is.protocol);

		if (fd < 0) {
			(void)unknown(fate, "cannot open %u sockets for the workers: %s", n,
				      strerror(-fd));
			return 1;
		}
		g->sockets[i].fd = fd;
		g->workers.workers[i] =
			(struct adopt_worker){ .fd = fd, .home = MACHINE_ANYWHERE, .order = i };
	}
	return 0;
}

static int attach(const struct job *j, struct group *g)
{
	const struct iop_object *o = j->test->object;
	struct bpf_map *map;
	int fd, err = program_load_group(&j->test->values, j->test->policy, &g->workers,
					 &g->program, j->test->report);

	if (err)
		return err;
	map = program_map(g->program, o, IOP_MAP_WORKERS);
	for (__u32 i = 0; map && i < g->workers.is.n_workers; i++) {
		__u64 value = (__u64)g->sockets[i].fd;

		if (bpf_map_update_elem(bpf_map__fd(map), &i, &value, BPF_ANY))
			return report_error(j->test->report, -errno, IOP_CAUSE_KERNEL,
					    "the kernel does not take socket %u as a worker: %s", i,
					    strerror(errno));
	}
	fd = program_fd(g->program, o, IOP_HOOK_SOCKET);
	if (setsockopt(g->sockets[0].fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &fd, sizeof(fd)))
		return report_error(j->test->report, -errno, IOP_CAUSE_KERNEL,
				    "the kernel does not attach the socket program: %s",
				    strerror(errno));
	return 0;
}

/* The group at the packet's destination, made if there is none; like open_workers(). */
static int group_at(struct job *j, const struct record_group *is, const struct sockaddr_storage *at,
		    struct stage_fate *fate, struct group **out)
{
	struct group *g;
	int err;

	for (size_t i = 0; i < j->n_groups; i++)
		if (j->groups[i].workers.is.protocol == is->protocol && same(&j->groups[i].at, at)) {
			*out = &j->groups[i];
			return 0;
		}
	g = reallocarray(j->groups, j->n_groups + 1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	j->groups = g;
	g += j->n_groups;
	*g = (struct group){ .workers.is = *is, .at = *at };
	g->workers.is.n_workers = j->test->workers[is->workload];
	err = open_workers(g, fate);
	if (!err)
		err = attach(j, g);
	if (err) {
		group_free(g);
		return err;
	}
	j->n_groups++;
	*out = g;
	return 0;
}

/* --- a packet --- */

/* The datagram, or the SYN of a connection. */
static bool send_packet(int fd, const struct datagram *d, const struct sockaddr_storage *to)
{
	const struct sockaddr *a = (const struct sockaddr *)to;

	if (d->protocol == IPPROTO_TCP) /* refused at once, if a rule drops it */
		return connect(fd, a, size_of(to)) == 0 || errno == EINPROGRESS ||
		       errno == ECONNREFUSED;
	return sendto(fd, d->payload, d->size, 0, a, size_of(to)) >= 0;
}

/* lo_add() is done before the kernel is: until then there is no way to the address. */
static int send_when_ready(int fd, const struct datagram *d, const struct sockaddr_storage *to)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };

	for (int tries = 0; tries < WAIT_ROUTE_MS; tries++) {
		if (send_packet(fd, d, to))
			return 0;
		if (errno != ENETUNREACH && errno != EHOSTUNREACH)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	return -1;
}

/* Sends the payload as the packet would have come, or opens the connection. The socket that
 * did, or -1 with the reason in `fate`. */
static int send_payload(const struct group *g, struct datagram *d, struct stage_fate *fate)
{
	/* Closed, a connection is gone at once: the next one may come from the same port. */
	static const struct linger gone = { .l_onoff = 1 };
	_cleanup_fd_ int fd = -1;
	int yes = 1;

	if (same(&d->from, &d->to)) {
		(void)unknown(fate, "the packet comes from where it goes to");
		return -1;
	}
	if (!make_local(&d->from, fate))
		return -1;
	fd = open_socket(&d->from, d->protocol);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof(gone)) ||
	    (d->protocol == IPPROTO_TCP &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes))) ||
	    bind(fd, (const struct sockaddr *)&d->from, size_of(&d->from)) ||
	    send_when_ready(fd, d, &g->at)) {
		(void)unknown(fate, "the packet cannot be sent: %s", strerror(errno));
		return -1;
	}
	return TAKE_FD(fd);
}

/* What a socket has got, which is taken from it. */
static bool take_one(int fd, __u32 protocol)
{
	_cleanup_fd_ int connection = -1;
	__u8 byte;

	if (protocol != IPPROTO_TCP)
		return recv(fd, &byte, sizeof(byte), 0) >= 0;
	connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	return connection >= 0;
}

/* The worker that has a datagram, which is taken from it; IOP_NONE: none has. */
static __u32 take(struct group *g, int wait_ms)
{
	/* The datagram has been sent through a loopback device: it is there by now, or will
	 * never be. Who is interrupted has waited a little less. */
	if (poll(g->sockets, g->workers.is.n_workers, wait_ms) <= 0)
		return IOP_NONE;
	for (__u32 i = 0; i < g->workers.is.n_workers; i++)
		if (g->sockets[i].revents &&
		    take_one(g->sockets[i].fd, g->workers.is.protocol))
			return i;
	return IOP_NONE;
}

/* Waits for what becomes of it, until a socket has it or a rule has dropped it. */
static int wait_for(const struct job *j, struct group *g, const struct tally *before,
		    struct tally_change *change, __u32 *worker)
{
	*worker = IOP_NONE;
	for (int waited = 0; waited < WAIT_MS; waited += WAIT_STEP_MS) {
		_cleanup_tally_ struct tally after = { 0 };
		int err;

		*worker = take(g, WAIT_STEP_MS);
		err = tally_read(j->test->policy, j->test->object, IOP_HOOK_SOCKET, &after);
		if (err)
			return err;
		tally_compare(j->test->object, IOP_HOOK_SOCKET, before, &after, change);
		if (*worker != IOP_NONE || change->reasons[IOP_COUNT_DROPPED])
			break;
	}
	return 0;
}

static void conclude(const struct tally *counters, const struct tally_change *change, __u32 worker,
		     struct stage_fate *fate)
{
	fate->fallback = change->reasons[IOP_COUNT_FALLBACK] != 0;
	fate->number = worker;
	if (worker == IOP_NONE && (change->reasons[IOP_COUNT_DROPPED] || !counters->classes))
		fate->kind = FATE_DROP;
	else if (worker == IOP_NONE)
		(void)unknown(fate, "no socket got the packet, and no rule counted it as dropped");
	else if (change->reasons[IOP_COUNT_STEERED] || !counters->classes)
		fate->kind = FATE_WORKER;
	else
		fate->kind = FATE_PASS; /* the choice was the kernel's */
}

static int meet(struct job *j, struct fate *f)
{
	const struct policytest *t = j->test;
	_cleanup_tally_ struct tally before = { 0 };
	struct record_group is = look(j, &f->datagram);
	_cleanup_fd_ int sender = -1;
	struct tally_change change;
	struct group *g = NULL;
	__u32 worker;
	int err;

	if (is.workload == IOP_NONE) {
		f->socket.kind = FATE_PASS; /* no program of the policy would see it */
		return 0;
	}
	err = group_at(j, &is, &f->datagram.to, &f->socket, &g);
	if (err)
		return err < 0 ? err : 0;
	err = tally_read(t->policy, t->object, IOP_HOOK_SOCKET, &before);
	if (err)
		return err;
	sender = send_payload(g, &f->datagram, &f->socket);
	if (sender < 0)
		return 0;
	err = wait_for(j, g, &before, &change, &worker);
	if (err)
		return err;
	conclude(&before, &change, worker, &f->socket);
	f->met_socket = change.class != IOP_NONE || change.unclassed;
	fate_tell_class(t->object, &change, f);
	return 0;
}

/* It goes to the socket that its connection has, and no program is asked. */
static bool is_of_connection(const struct datagram *d)
{
	return d->protocol == IPPROTO_TCP && !d->opens;
}

static int in_namespace(void *context)
{
	struct job *j = context;
	int err = lo_up();

	if (err)
		return report_error(j->test->report, err, IOP_CAUSE_KERNEL,
				    "the loopback device of a new network namespace: %s",
				    strerror(-err));
	for (size_t i = 0; i < j->n && !err; i++) {
		struct fate *f = &j->fates[i];

		if (f->rx.kind == FATE_DROP)
			continue;
		if (f->datagram_kind == DATAGRAM_OPAQUE)
			err = unknown(
				&f->socket,
				"a fragment, or authenticated: what sockets get is not known");
		else if (f->datagram_kind == DATAGRAM_NONE || is_of_connection(&f->datagram))
			f->socket.kind = FATE_PASS;
		else if (f->datagram.protocol == IPPROTO_TCP && f->datagram.size)
			err = unknown(&f->socket, "a SYN that carries a payload");
		else
			err = meet(j, f);
	}
	/* Here, and not behind the namespace's end: its sockets keep it alive. */
	for (size_t i = 0; i < j->n_groups; i++)
		group_free(&j->groups[i]);
	free(j->groups);
	return err;
}

int policytest_socket(const struct policytest *t, struct fate *fates, size_t n)
{
	struct job j = { .test = t, .fates = fates, .n = n };

	if (program_stage(t->object, IOP_HOOK_SOCKET))
		return netns_run(NETNS_NEW, in_namespace, &j);
	for (size_t i = 0; i < n; i++)
		if (fates[i].rx.kind != FATE_DROP)
			fates[i].socket.kind = FATE_PASS;
	return 0;
}
