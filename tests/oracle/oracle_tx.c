/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tx stage: random policies met by replies, whoever sends them, through
 * BPF_PROG_TEST_RUN. Beside verdict and counters, what a reply leaves with is compared: mark,
 * band, and time. A worker stands in by the cookie that the test run's socket is about to get
 * (runtime/policytest_tx.c). Options: runner.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "abi/worker.h"
#include "make_packet.h"
#include "runner.h"

#define NO_MARK 0x5eedf00du
#define TRIES 1000

struct sent {
	int verdict;
	uint32_t mark, priority;
	uint64_t leaves;
	uint64_t *rise;
	uint64_t unclassed;
};

struct replies {
	struct run *run;
	const struct compiled *c;
	struct kernel *k;
	int rows, of; /* maps of workers, or negative */
	FILE *out;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* --- the kernel's side --- */

static bool run_program(struct replies *s, const uint8_t *frame, size_t len, struct sent *o)
{
	struct __sk_buff in = { .mark = NO_MARK }, out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .repeat = 1, .data_in = frame,
		    .data_size_in = (uint32_t)len, .ctx_in = &in, .ctx_size_in = sizeof(in),
		    .ctx_out = &out, .ctx_size_out = sizeof(out));

	s->k->env.earliest = now_ns();
	if (bpf_prog_test_run_opts(s->k->program, &run))
		return false;
	s->k->env.latest = now_ns();
	o->verdict = (int)run.retval;
	o->mark = out.mark;
	o->priority = out.priority;
	o->leaves = out.tstamp;
	return true;
}

static uint64_t cookie_now(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size))
		abort();
	close(fd);
	return cookie;
}

static bool run_as_worker(struct replies *s, const uint8_t *frame, size_t len, uint32_t class,
			  struct sent *o)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t cookie = cookie_now() + 1, after;
		uint32_t first = 0;
		struct iop_worker_row row;
		bool ok;
		int error;

		iop_worker_row_begin(&row, cookie);
		row.class = class == INTERP_NONE ? IOP_NONE : class;
		if (bpf_map_update_elem(s->rows, &first, &row, 0) ||
		    bpf_map_update_elem(s->of, &cookie, &first, 0))
			return false;
		ok = run_program(s, frame, len, o);
		error = ok ? 0 : errno;
		after = cookie_now();
		bpf_map_delete_elem(s->of, &cookie);
		errno = error;
		if (!ok || after == cookie || after == cookie + 1)
			return ok;
	}
	return false;
}

/* --- compared --- */

static bool fits(const struct replies *s, const struct decision *d, const struct sent *o)
{
	const struct outcome *e = &d->tx;
	bool drop = e->verdict == VERDICT_DROP, classed = d->reply_class != INTERP_NONE;

	if (o->unclassed != d->reply_unclassed || o->verdict != (drop ? TCX_DROP : TCX_NEXT))
		return false;
	for (uint32_t i = 0; i < s->k->counts.per_class; i++)
		if (o->rise[i] != (classed && i < IOP_COUNT_TARGETS ? e->counts[i] : 0))
			return false;
	if (o->mark != (e->marked ? e->mark : NO_MARK) ||
	    o->priority != (e->ordered ? IOP_QDISC_HANDLE | (e->band + 1) : 0))
		return false;
	return o->leaves >= e->leaves_least && o->leaves <= e->leaves_most;
}

static void say(const struct replies *s, const struct decision *d, const struct sent *o)
{
	const struct outcome *e = &d->tx;

	say_decision(s->c->policy, d, s->out);
	fprintf(s->out,
		"  interpreter: class %s, %s, unclassed %d, mark %d %" PRIu32 ", band %d %" PRIu32
		", leaves %" PRIu64 "-%" PRIu64 ", counters:",
		class_word(s->c->policy, d->reply_class),
		e->verdict == VERDICT_DROP ? "drop" : "pass", d->reply_unclassed, e->marked, e->mark,
		e->ordered, e->band, e->leaves_least, e->leaves_most);
	for (int i = 0; i < IOP_COUNT_TARGETS; i++)
		if (e->counts[i])
			fprintf(s->out, " [%d]+%" PRIu32, i, e->counts[i]);
	fprintf(s->out,
		"\n  kernel: verdict %d, unclassed %" PRIu64 ", mark %#" PRIx32 ", priority %#" PRIx32
		", leaves %" PRIu64 " (from %" PRIu64 " to %" PRIu64 "), counters:",
		o->verdict, o->unclassed, o->mark, o->priority, o->leaves, s->k->env.earliest,
		s->k->env.latest);
	say_rise(&s->k->counts, o->rise, s->out);
	fputc('\n', s->out);
}

static void count(struct tally *t, const struct decision *d)
{
	t->decisions++;
	t->unsure += d->unsure > 0;
	if (d->reply_unclassed)
		t->unclassed++;
	else if (d->reply_class == INTERP_NONE)
		t->foreign++;
	else if (d->tx.counts[IOP_COUNT_LIMITED] || d->tx.counts[IOP_COUNT_OVER])
		t->limited++;
	else if (d->tx.verdict == VERDICT_DROP)
		t->dropped++;
	else if (d->tx.counts[IOP_COUNT_PACED])
		t->given++;
	else
		t->passed++;
}

/* A frame that the kernel's test run does not take, because its headers are cut: nobody's. */
static bool too_short(struct replies *s, const uint8_t *frame, size_t len, uint32_t worker)
{
	struct decision d = { 0 };

	s->run->tally.short_frames++;
	interp_reply(s->c->policy, frame, len, &s->k->env, worker, &d);
	if (d.reply_class == INTERP_NONE && !d.reply_unclassed)
		return true;
	fputs("  the kernel could not run what has a class\n", s->out);
	return false;
}

static bool compare(struct replies *s, const uint8_t *frame, size_t len, uint32_t worker)
{
	uint64_t rise[s->k->counts.per_class], path[IOP_PATH_COUNT] = { 0 };
	struct sent o = { .rise = rise };
	struct decision d = { 0 };
	unsigned most = 0;

	memset(rise, 0, sizeof(rise));
	if (s->of < 0 || worker == INTERP_NO_WORKER ? !run_program(s, frame, len, &o)
						    : !run_as_worker(s, frame, len, worker, &o)) {
		if (errno == EINVAL)
			return too_short(s, frame, len, worker);
		fputs("  the kernel could not run it\n", s->out);
		return false;
	}
	for (s->k->env.guess = 0;; s->k->env.guess++) {
		if (s->k->env.guess)
			interp_limits_undo(s->k->env.limits);
		memset(&d, 0, sizeof(d));
		d.workload = d.class = INTERP_NONE;
		interp_reply(s->c->policy, frame, len, &s->k->env, worker, &d);
		most = d.unsure > most ? d.unsure : most;
		if (!s->k->env.guess) {
			if (d.reply_class != INTERP_NONE &&
			    !counters_read(&s->k->counts, d.reply_class, rise))
				return false;
			if (!counters_read(&s->k->path, IOP_HOOK_TX, path))
				return false;
			o.unclassed = path[IOP_PATH_UNCLASSED];
		}
		if (fits(s, &d, &o))
			break;
		if ((s->k->env.guess + 1) >> most) {
			say(s, &d, &o);
			compare_rest(s->k, s->c, s->out);
			return false;
		}
	}
	count(&s->run->tally, &d);
	return true;
}

/* A worker of a class of the workload that it may be, or of another; or none. */
static uint32_t some_worker(const struct policy *p, struct rng *r)
{
	if (rng_percent(r, 15))
		return INTERP_NO_WORKER;
	return rng_percent(r, 10) ? INTERP_NONE : rng_below(r, p->n_classes);
}

static bool run_packets(struct replies *s, uint64_t seed)
{
	struct rng r = rng_split(seed, 3);
	struct packet_maker maker;

	packet_maker_init(&maker, s->c->arena, s->c->policy);
	for (unsigned long i = 0; i < s->run->packets; i++) {
		struct frame_spec spec;
		struct frame f;

		make_packet(&maker, &r, &spec);
		frame_build(&spec, &f);
		/* Of what could not be answered as well. */
		if (rng_percent(&r, 95))
			(void)interp_turn(f.bytes, f.len);
		interp_limits_begin(s->k->env.limits);
		if (!compare(s, f.bytes, f.len, some_worker(s->c->policy, &r))) {
			say_packet(&f, i, s->out);
			return false;
		}
	}
	return compare_rest(s->k, s->c, s->out);
}

static bool try_tx(struct run *run, uint64_t seed, const struct compiled *c, FILE *out)
{
	struct rng r = rng_split(seed, 2);
	struct kernel k;
	struct replies s = { .run = run, .c = c, .k = &k, .out = out };
	enum loading loading;
	bool good;

	if (!c->plan->hooks[IOP_HOOK_TX].used)
		return true;
	loading = run_load(run, &k, c, IOP_HOOK_TX, seed, &r, out);
	if (loading == LOADED) {
		s.rows = bpf_object__find_map_fd_by_name(k.object, "iop_worker_rows");
		s.of = bpf_object__find_map_fd_by_name(k.object, "iop_worker_of");
	}
	good = loading == LOADED ? run_packets(&s, seed) : loading == TOO_LARGE;
	kernel_unload(&k);
	return good;
}

int main(int argc, char **argv)
{
	struct run run = { .name = "oracle_tx",
			   .seed = 1,
			   .policies = 200,
			   .packets = 300,
			   .options = { .for_replies = true } };

	return run_main(&run, argc, argv, try_tx);
}
