/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tx stage meets the reply to a packet: the same frame, the other way round, given to the
 * program by the kernel's test run. That gives the packet a socket of its own, which is no
 * worker's. But sockets get their cookies one after the other on each core: so the next one's
 * is known, and is noted as that of a worker before it exists.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "abi/worker.h"
#include "policytest_fate.h"

#define TRIES 64            /* of guessing a cookie: others make sockets, too */
#define NO_MARK 0x5eedf00du /* what a packet comes with, to see whether a rule has set it */
#define PORTS_BYTES 8
#define VLAN_TAGS 2
#define EXTENSIONS 6

static int unknown(struct stage_fate *fate, const char *why)
{
	fate->kind = FATE_UNKNOWN;
	(void)snprintf(fate->why, sizeof(fate->why), "%s", why);
	return 0;
}

/* --- the reply --- */

static void swap(__u8 *a, __u8 *b, size_t n)
{
	__u8 t[16];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

/* Behind the extension headers; 0: the frame ends before. */
static size_t walk(const __u8 *frame, size_t size, size_t at, __u8 next)
{
	for (int i = 0; i <= EXTENSIONS && at + 2 <= size; i++) {
		size_t length = (size_t)frame[at + 1];

		if (next == IPPROTO_AH)
			length = (length + 2) * 4;
		else if (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
			 next == IPPROTO_DSTOPTS)
			length = (length + 1) * 8;
		else
			return at;
		next = frame[at];
		at += length;
	}
	return 0;
}

/* Swaps addresses and ports. What has none is left as it is: the program will not know it either. */
static void turn(__u8 *frame, size_t size)
{
	size_t at = sizeof(struct ether_header), ports = 0;
	__u16 type;

	swap(frame, frame + ETH_ALEN, ETH_ALEN);
	memcpy(&type, frame + 12, sizeof(type));
	for (int i = 0; i < VLAN_TAGS && at + 4 <= size &&
			(type == htons(0x8100) || type == htons(0x88a8));
	     i++, at += 4)
		memcpy(&type, frame + at + 2, sizeof(type));
	if (type == htons(ETHERTYPE_IP) && at + sizeof(struct iphdr) <= size) {
		ports = at + (size_t)(frame[at] & 15) * 4;
		swap(frame + at + 12, frame + at + 16, 4);
	} else if (type == htons(ETHERTYPE_IPV6) && at + sizeof(struct ip6_hdr) <= size) {
		ports = walk(frame, size, at + sizeof(struct ip6_hdr), frame[at + 6]);
		swap(frame + at + 8, frame + at + 24, 16);
	}
	if (ports && ports + PORTS_BYTES <= size)
		swap(frame + ports, frame + ports + 2, 2);
}

/* --- the worker --- */

/* The cookie of a socket that is made now; 0: it cannot be told. */
static __u64 cookie_now(void)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	__u64 cookie;
	socklen_t size = sizeof(cookie);

	return fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) ? 0 : cookie;
}

struct meeting {
	const struct policytest *test;
	const __u8 *frame;
	size_t size;
	int program;
	__u32 verdict, mark, priority;
};

static int run_program(struct meeting *m)
{
	struct __sk_buff in = { .mark = NO_MARK }, out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .repeat = 1, .data_in = m->frame,
		    .data_size_in = (__u32)m->size, .ctx_in = &in, .ctx_size_in = sizeof(in),
		    .ctx_out = &out, .ctx_size_out = sizeof(out));
	int err = bpf_prog_test_run_opts(m->program, &run);

	m->verdict = run.retval;
	m->mark = out.mark;
	m->priority = out.priority;
	return err;
}

/* As if a worker sent it that was given a request of the class. -EAGAIN: somebody else has made
 * a socket in between, and the program has seen that of nobody. */
static int run_as_worker(struct meeting *m, __u32 class)
{
	const struct policytest *t = m->test;
	const struct bpf_map *rows = program_map(t->policy, t->object, IOP_MAP_WORKER_ROWS);
	const struct bpf_map *of = program_map(t->policy, t->object, IOP_MAP_WORKER_OF);
	struct iop_worker_row row;
	__u64 cookie = cookie_now() + 1, after;
	__u32 first = 0;
	int err;

	iop_worker_row_begin(&row, cookie);
	row.class = class;
	if (bpf_map__value_size(rows) != sizeof(row) ||
	    bpf_map__update_elem(rows, &first, sizeof(first), &row, sizeof(row), BPF_ANY) ||
	    bpf_map__update_elem(of, &cookie, sizeof(cookie), &first, sizeof(first), BPF_ANY))
		return -EBADMSG;
	err = run_program(m);
	after = cookie_now();
	(void)bpf_map__delete_elem(of, &cookie, sizeof(cookie), 0);
	/* It has been asked for, or nobody has. */
	return err || after == cookie + 1 || after == cookie ? err : -EAGAIN;
}

static int run_on_one_core(struct meeting *m, __u32 class)
{
	cpu_set_t before, one;
	int core = sched_getcpu(), err = -EAGAIN;

	if (core < 0 || sched_getaffinity(0, sizeof(before), &before))
		return -errno;
	CPU_ZERO(&one);
	CPU_SET(core, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return -errno;
	for (int i = 0; err == -EAGAIN && i < TRIES; i++)
		err = run_as_worker(m, class);
	(void)sched_setaffinity(0, sizeof(before), &before);
	return err;
}

/* --- what becomes of it --- */

static void conclude(const struct meeting *m, const struct tally_change *change,
		     struct stage_fate *fate)
{
	fate->limited = change->reasons[IOP_COUNT_LIMITED] != 0;
	fate->kind = m->verdict == (__u32)TCX_DROP ? FATE_DROP : FATE_PASS;
	if (m->verdict != (__u32)TCX_DROP && m->verdict != (__u32)TCX_NEXT)
		(void)unknown(fate, "the program returned what is no verdict of a policy");
	fate->marked = m->mark != NO_MARK;
	fate->mark = m->mark;
	fate->ordered = (m->priority & 0xffff0000) == IOP_QDISC_HANDLE;
	fate->band = (m->priority & 0xffff) - 1;
}

static int meet(const struct policytest *t, struct fate *f, struct meeting *m)
{
	_cleanup_tally_ struct tally before = { 0 }, after = { 0 };
	bool workers = f->met_socket && program_map(t->policy, t->object, IOP_MAP_WORKER_OF);
	struct tally_change change;
	int err = tally_read(t->policy, t->object, IOP_HOOK_TX, &before);

	if (err)
		return err;
	err = workers ? run_on_one_core(m, f->class) : run_program(m);
	if (err == -EBADMSG)
		return err;
	if (err)
		return unknown(&f->tx, err == -EAGAIN ? "sockets are made too fast on this machine to "
							"stand in for a worker's"
						      : "the kernel's test run does not take the reply");
	err = tally_read(t->policy, t->object, IOP_HOOK_TX, &after);
	if (err)
		return err;
	tally_compare(t->object, IOP_HOOK_TX, &before, &after, &change);
	conclude(m, &change, &f->tx);
	/* Which worker sends it is the kernel's choice, and with it the class. */
	f->untold = workers && f->socket.kind != FATE_WORKER &&
		    (change.class != IOP_NONE || change.unclassed);
	return 0;
}

int policytest_tx(const struct policytest *t, struct fate *fates, size_t n)
{
	struct meeting m = { .test = t };

	if (program_stage(t->object, IOP_HOOK_TX))
		m.program = program_fd(t->policy, t->object, IOP_HOOK_TX);
	for (size_t i = 0; i < n; i++) {
		struct fate *f = &fates[i];
		_cleanup_free_ __u8 *frame = NULL;
		int err;

		f->tx.kind = FATE_PASS;
		if (f->rx.kind == FATE_UNKNOWN || f->socket.kind == FATE_UNKNOWN)
			(void)unknown(&f->tx, f->rx.kind == FATE_UNKNOWN ? f->rx.why
									 : f->socket.why);
		if (!m.program || f->tx.kind == FATE_UNKNOWN || f->rx.kind == FATE_DROP ||
		    f->socket.kind == FATE_DROP || f->packet->n_blob < sizeof(struct ether_header))
			continue;
		frame = malloc(f->packet->n_blob);
		if (!frame)
			return -ENOMEM;
		memcpy(frame, object_row(t->object, IOP_TABLE_BLOBS, f->packet->blob),
		       f->packet->n_blob);
		turn(frame, f->packet->n_blob);
		m.frame = frame;
		m.size = f->packet->n_blob;
		err = meet(t, f, &m);
		if (err)
			return err;
	}
	return 0;
}
