/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket stage: the kernel has no test run for it, so here datagrams really
 * arrive, and connections are opened, on loopback in a network namespace of their own, at groups of sockets
 * to which the program is attached. Who receives, and what is counted, against
 * the interpreter's decision. Options: runner.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "abi/worker.h"
#include "make_packet.h"
#include "runner.h"
#include "socket_net.h"

#define WAIT_MS 300

/* A workload with its group, and the instance of the program that serves it. */
struct served {
	const struct workload *workload;
	struct net_group group;
	struct kernel kernel;
	uint32_t n_workers; /* of the group's sockets, the first that the program knows */
	uint32_t *workers;  /* by workload id, for the interpreter */
	uint32_t base;      /* row of worker 0, where the policy has rows */
	struct interp_worker *states; /* by number, */
	const struct interp_worker **all_states; /* … as the interpreter is given them */
};

struct arrived {
	int socket; /* -1: nobody */
	uint64_t *rise;
	uint64_t unclassed, unseen;
};

static int wire = -1, tap = -1;

/* --- setting up --- */

static bool attach(struct served *s, const struct compiled *c, FILE *out)
{
	struct bpf_object *o = s->kernel.object;
	struct bpf_map *sockets = bpf_object__find_map_by_name(o, "iop_workers");
	struct bpf_map *group = bpf_object__find_map_by_name(o, ".data.group");
	struct iop_group value = { .workload = s->workload->id,
				   .n = s->n_workers,
				   .base = s->base };
	uint32_t zero = 0;

	for (uint32_t i = 0; sockets && i < s->n_workers; i++) {
		uint64_t fd = (uint64_t)s->group.fd[i];

		if (bpf_map_update_elem(bpf_map__fd(sockets), &i, &fd, BPF_ANY)) {
			fprintf(out, "worker %u is not taken\n", i);
			return false;
		}
	}
	/* LLVM may have found that no action asks for it. */
	if (group && bpf_map_update_elem(bpf_map__fd(group), &zero, &value, BPF_ANY)) {
		fprintf(out, ".data.group is not writable\n");
		return false;
	}
	if (setsockopt(s->group.fd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &s->kernel.program,
		       sizeof(s->kernel.program))) {
		fprintf(out, "the program is not attached\n");
		return false;
	}
	s->workers = arena_alloc(c->arena, (c->policy->n_workloads + 1) * sizeof(*s->workers));
	s->workers[s->workload->id] = s->n_workers;
	s->kernel.env.workers = s->workers;
	s->states = arena_alloc(c->arena, NET_SOCKETS_MAX * sizeof(*s->states));
	s->all_states =
		arena_alloc(c->arena, (c->policy->n_workloads + 1) * sizeof(*s->all_states));
	s->all_states[s->workload->id] = s->states;
	s->kernel.env.states = s->all_states;
	return true;
}

/* --- what workers have to do --- */

#define LONG_AGO 3 /* times STAGE_STUCK_DEFAULT */

/* Few different loads, so that some are equal; whether it is stuck is clear for seconds. */
static struct interp_worker make_state(struct rng *r)
{
	struct interp_worker w = { .requests = rng_below(r, 4), .gone = rng_percent(r, 15) };

	w.work = w.requests * 1000ull * rng_below(r, 3);
	if (rng_percent(r, 30))
		w.silent = LONG_AGO * STAGE_STUCK_DEFAULT;
	w.due = rng_percent(r, 30);
	for (int i = 0; i < POLICY_MAX_SIGNALS; i++)
		w.signals[i] = rng_percent(r, 30) ? UINT64_MAX : rng_below(r, 3);
	return w;
}

static bool write_state(const struct served *s, const struct compiled *c, uint32_t number,
			uint64_t now, struct rng *r)
{
	struct bpf_object *o = s->kernel.object;
	const struct interp_worker *w = &s->states[number];
	int rows = bpf_object__find_map_fd_by_name(o, "iop_worker_rows");
	uint32_t at = s->base + number;
	struct iop_worker_row row;

	iop_worker_row_begin(&row, 1);
	row.head = (uint32_t)rng_next(r);
	row.tail = row.head - w->requests + (w->requests ? 0 : rng_below(r, 2));
	row.moved = now - w->silent;
	row.probe = w->due ? 0 : now + 1000 * STAGE_STUCK_DEFAULT;
	row.work = (int64_t)w->work;
	row.gone = w->gone;
	if (rows >= 0 && bpf_map_update_elem(rows, &at, &row, BPF_ANY))
		return false;
	for (uint32_t i = 0; i < c->policy->n_signals; i++) {
		uint64_t slot[IOP_SIGNAL_STRIDE / 8] = { w->signals[i] };
		char name[80];
		int map;

		snprintf(name, sizeof(name), "iop_signal_%s", c->policy->signals[i]->name);
		map = bpf_object__find_map_fd_by_name(o, name);
		if (map >= 0 && bpf_map_update_elem(map, &at, slot, BPF_ANY))
			return false;
	}
	return true;
}

static bool set_states(struct served *s, const struct compiled *c, struct rng *r)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	for (uint32_t i = 0; i < s->n_workers; i++) {
		s->states[i] = make_state(r);
		if (!write_state(s, c, i, (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec, r))
			return false;
	}
	return true;
}

/* Who got it has one more to do, of its class, if the policy counts that; nobody else has. A
 * connection is counted by a program that is not attached here. */
static bool states_fit(const struct served *s, const struct compiled *c, const struct decision *d,
		       const struct arrived *a)
{
	bool counts = c->plan->counting && !s->group.tcp;
	int rows = bpf_object__find_map_fd_by_name(s->kernel.object, "iop_worker_rows");

	for (uint32_t i = 0; rows >= 0 && i < s->n_workers; i++) {
		bool given = a->rise[IOP_COUNT_STEERED] && a->socket == (int)i;
		uint32_t at = s->base + i;
		struct iop_worker_row row;

		if (bpf_map_lookup_elem(rows, &at, &row) ||
		    iop_worker_open(&row) != s->states[i].requests + (given && counts) ||
		    row.class != (given ? d->class : IOP_NONE))
			return false;
	}
	return true;
}

static enum loading serve(struct run *run, struct served *s, const struct compiled *c,
			  uint64_t seed, struct rng *r, FILE *out)
{
	enum loading loading;
	unsigned n = rng_in(r, 1, MAKE_WORKERS + 2);

	s->n_workers = rng_percent(r, 70) ? n : rng_below(r, n + 1);
	s->base = rng_below(r, MAKE_ROWS - NET_SOCKETS_MAX);
	if (!net_group_open(&s->group, (uint16_t)s->workload->matches->ports->lo,
			    s->workload->matches->proto == PROTO_TCP, n)) {
		fprintf(out, "no sockets\n");
		return NOT_LOADED;
	}
	loading = run_load(run, &s->kernel, c, IOP_HOOK_SOCKET, seed, r, out);
	return loading == LOADED && !attach(s, c, out) ? NOT_LOADED : loading;
}

static void stop(struct served *s)
{
	net_group_close(&s->group);
	kernel_unload(&s->kernel);
}

/* --- looking --- */

static bool look(struct served *s, const struct decision *d, struct arrived *a)
{
	uint64_t path[IOP_PATH_COUNT] = { 0 };
	uint64_t rise[s->kernel.counts.per_class];

	memset(rise, 0, sizeof(rise));
	if (d->class != INTERP_NONE && !counters_read(&s->kernel.counts, d->class, rise))
		return false;
	if (!counters_read(&s->kernel.path, IOP_HOOK_SOCKET, path))
		return false;
	for (uint32_t i = 0; i < s->kernel.counts.per_class; i++)
		a->rise[i] += rise[i];
	a->unclassed += path[IOP_PATH_UNCLASSED];
	a->unseen += path[IOP_PATH_UNSEEN];
	if (a->socket == -1)
		a->socket = net_group_take(&s->group);
	return true;
}

static uint32_t target_of(const struct plan_action *a, uint32_t worker)
{
	uint32_t last = a->n_targets - 1;

	return a->first_target + (worker < last ? worker : last);
}

/* Counters of the class as the outcome says, where it was passed or given. */
static bool counts_fit(const struct served *s, const struct compiled *c, const struct outcome *o,
		       const struct arrived *a, bool given)
{
	bool fell_back = o->verdict == VERDICT_WORKER && !given;

	for (uint32_t i = 0; i < s->kernel.counts.per_class; i++) {
		uint64_t n = i < IOP_COUNT_TARGETS ? o->counts[i] : 0;

		if (fell_back && i == IOP_COUNT_STEERED)
			n = 0;
		if (fell_back && i == IOP_COUNT_FALLBACK)
			n = 1;
		if (given && i == target_of(&c->plan->actions[o->by->id], (uint32_t)a->socket))
			n = 1;
		if (a->rise[i] != n)
			return false;
	}
	return true;
}

static bool fits(const struct served *s, const struct compiled *c, const struct decision *d,
		 const struct arrived *a)
{
	const struct outcome *o = &d->socket;
	bool unclassed = d->workload != INTERP_NONE && d->class == INTERP_NONE;

	if (a->unclassed != unclassed || a->unseen)
		return false;
	if (d->class == INTERP_NONE)
		return a->socket >= 0;
	if (o->verdict == VERDICT_DROP)
		return a->socket == -1 && counts_fit(s, c, o, a, false);
	if (a->socket < 0)
		return false;
	if (o->verdict == VERDICT_WORKER && targets_has(&o->targets, (uint32_t)a->socket) &&
	    counts_fit(s, c, o, a, true))
		return true;
	return (o->verdict == VERDICT_PASS || o->may_pass) && counts_fit(s, c, o, a, false);
}

/* A datagram of fragments is in one piece, but not in one place: the stage may not see it. */
static bool unseen(const struct served *s, const struct arrived *a)
{
	for (uint32_t i = 0; i < s->kernel.counts.per_class; i++) {
		if (a->rise[i])
			return false;
	}
	return a->unseen == 1 && !a->unclassed && a->socket >= 0;
}

/* --- sending --- */

/* Cuts the payload of an IPv4 datagram in two and sends both. */
static bool send_fragments(const struct frame *f, struct rng *r)
{
	size_t header = f->udp - f->ip, carried = f->len - f->udp;
	size_t first = 8 * (1 + rng_below(r, (uint32_t)(carried - 1) / 8));
	struct frame piece;

	for (int i = 0; i < 2; i++) {
		size_t n = i ? carried - first : first, from = i ? first : 0;
		unsigned fragment = i ? (unsigned)first / 8 : 0x2000;
		uint8_t *ip = piece.bytes + f->ip;
		uint32_t sum = 0;

		memcpy(piece.bytes, f->bytes, f->udp);
		memcpy(piece.bytes + f->udp, f->bytes + f->udp + from, n);
		ip[2] = (uint8_t)((header + n) >> 8);
		ip[3] = (uint8_t)(header + n);
		ip[6] = (uint8_t)(fragment >> 8);
		ip[7] = (uint8_t)fragment;
		ip[10] = ip[11] = 0;
		for (size_t k = 0; k < header; k += 2)
			sum += (uint32_t)ip[k] << 8 | ip[k + 1];
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		ip[10] = (uint8_t)(~sum >> 8);
		ip[11] = (uint8_t)~sum;
		if (!net_send(wire, piece.bytes, f->udp + n))
			return false;
	}
	return true;
}

static void say_arrived(struct served *s, const struct compiled *c, const struct arrived *a,
			FILE *out)
{
	fprintf(out,
		"  kernel: socket %d of %u (%u workers), unclassed %" PRIu64 ", unseen %" PRIu64
		", counters of the expected class:",
		a->socket, s->group.n, s->n_workers, a->unclassed, a->unseen);
	say_rise(&s->kernel.counts, a->rise, out);
	fputc('\n', out);
	compare_rest(&s->kernel, c, out);
}

static void tally(struct tally *t, const struct decision *d, const struct arrived *a)
{
	t->decisions++;
	if (d->workload == INTERP_NONE)
		t->foreign++;
	else if (d->class == INTERP_NONE)
		t->unclassed++;
	else if (d->socket.verdict == VERDICT_DROP)
		t->dropped++;
	else if (a->rise[IOP_COUNT_STEERED])
		t->given++;
	else if (a->rise[IOP_COUNT_FALLBACK])
		t->fallback++;
	else
		t->passed++;
}

/* Looks until what has arrived is as decided; false, and told, if that does not come. */
static bool arrives(struct run *run, struct served *s, const struct compiled *c,
		    const struct decision *d, struct arrived *a, bool fragments, FILE *out)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };

	/* It has arrived when the call returns, unless the kernel put that off. */
	for (int ms = 0; ms < WAIT_MS; ms++) {
		if (!look(s, d, a)) {
			fprintf(out, "  the counters cannot be read\n");
			return false;
		}
		if (fits(s, c, d, a) || (fragments && unseen(s, a))) {
			tally(&run->tally, d, a);
			return true;
		}
		nanosleep(&moment, NULL);
	}
	say_decision(c->policy, d, out);
	say_arrived(s, c, a, out);
	return false;
}

static bool check_states(struct served *s, const struct compiled *c, const struct decision *d,
			 const struct arrived *a, FILE *out)
{
	if (states_fit(s, c, d, a))
		return true;
	say_decision(c->policy, d, out);
	say_arrived(s, c, a, out);
	fprintf(out, "  the workers' rows are not what this makes of them\n");
	return false;
}

/* The kernel writes the SYN; the interpreter is given what it wrote. */
static bool try_connection(struct run *run, struct served *s, const struct compiled *c,
			   const struct frame_spec *spec, struct frame *f, struct rng *r, FILE *out)
{
	uint64_t rise[s->kernel.counts.per_class];
	struct arrived a = { .socket = -1, .rise = rise };
	struct decision d;
	bool good;
	int fd;

	memset(rise, 0, sizeof(rise));
	if (!set_states(s, c, r)) {
		fprintf(out, "  the workers' rows cannot be written\n");
		return false;
	}
	fd = net_connect(tap, spec, f->bytes, sizeof(f->bytes), &f->len);
	if (fd < 0 || !f->len) {
		fprintf(out, "  no connection is opened: %s\n", fd < 0 ? strerror(errno) : "no SYN");
		return false;
	}
	interp_decide(c->policy, f->bytes, f->len, &s->kernel.env, &d);
	good = arrives(run, s, c, &d, &a, false, out) && check_states(s, c, &d, &a, out);
	close(fd);
	return good;
}

static bool try_datagram(struct run *run, struct served *s, const struct compiled *c,
			 const struct frame *f, struct rng *r, FILE *out)
{
	uint64_t rise[s->kernel.counts.per_class];
	struct arrived a = { .socket = -1, .rise = rise };
	bool fragments = f->bytes[f->ip] >> 4 == 4 && f->len - f->udp > 16 && rng_percent(r, 5);
	struct decision d;

	memset(rise, 0, sizeof(rise));
	if (!set_states(s, c, r)) {
		fprintf(out, "  the workers' rows cannot be written\n");
		return false;
	}
	interp_decide(c->policy, f->bytes, f->len, &s->kernel.env, &d);
	if (!(fragments ? send_fragments(f, r) : net_send(wire, f->bytes, f->len))) {
		fprintf(out, "  not sent\n");
		return false;
	}
	if (!arrives(run, s, c, &d, &a, fragments, out))
		return false;
	return check_states(s, c, &d, &a, out);
}

/* A port at which one of our sockets listens is no connection's. */
static bool listens(const struct served *served, unsigned n, uint16_t port)
{
	for (unsigned i = 0; i < n; i++) {
		if (served[i].group.port == port)
			return true;
	}
	return false;
}

static bool run_datagrams(struct run *run, uint64_t seed, const struct compiled *c,
			  struct served *served, unsigned n, FILE *out)
{
	struct rng r = rng_split(seed, 3);
	struct packet_maker maker;

	packet_maker_init(&maker, c->arena, c->policy);
	for (unsigned long i = 0; i < run->packets; i++) {
		struct served *s = &served[rng_below(&r, n)];
		struct frame_spec spec;
		struct frame f;

		make_datagram(&maker, &r, s->workload, &spec);
		while (spec.tcp && listens(served, n, spec.sport))
			spec.sport++;
		frame_build(&spec, &f);
		if (!(spec.tcp ? try_connection(run, s, c, &spec, &f, &r, out)
			       : try_datagram(run, s, c, &f, &r, out))) {
			say_packet(&f, i, out);
			return false;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		if (!compare_rest(&served[i].kernel, c, out))
			return false;
	}
	return true;
}

static bool try_socket(struct run *run, uint64_t seed, const struct compiled *c, FILE *out)
{
	struct served served[4];
	struct rng r = rng_split(seed, 2);
	enum loading loading = LOADED;
	unsigned n = 0;
	bool good;

	memset(served, 0, sizeof(served));
	for (uint32_t i = 0; i < c->policy->n_workloads && n < 4 && loading == LOADED; i++) {
		if (!c->policy->workloads[i]->stages[STAGE_SOCKET])
			continue;
		served[n].workload = c->policy->workloads[i];
		loading = serve(run, &served[n++], c, seed, &r, out);
	}
	good = loading == TOO_LARGE;
	if (loading == LOADED)
		good = !n || run_datagrams(run, seed, c, served, n, out);
	while (n)
		stop(&served[--n]);
	return good;
}

int main(int argc, char **argv)
{
	struct run run = { .name = "oracle_socket",
			   .seed = 1,
			   .policies = 60,
			   .packets = 150,
			   .options = { .for_sockets = true } };

	if (geteuid() == 0) {
		if (!net_enter())
			return 1;
		wire = net_wire();
		tap = net_tap();
		if (wire < 0 || tap < 0)
			return 1;
	}
	return run_main(&run, argc, argv, try_socket);
}
