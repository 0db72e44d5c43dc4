/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Are the twins the same policies? A comparison of speed is worth nothing unless
 * both sides do the same, so both meet the same packets: those of the policies'
 * own tests, those for the stop watch at every length, and thousands that have
 * something odd about them. Verdicts and all counters must agree, with limits
 * that never saw a packet, that are full, and that fill up.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "object.h"

#define SEED 20240611
#define RANDOM_FRAMES 6000
#define RANDOM_DATAGRAMS 500
#define SENDERS 256
#define FILL_TIMES 1100     /* more than any burst */
#define FILL_NS 4e6         /* less than the shortest time in which a limit has room again */
#define FILL_TRIES 50
#define LARGE 1300
#define DIFFERENCES_SHOWN 10

/* --- counting --- */

bool tally_begin(struct tally *t, const struct check *c, enum hook h)
{
	return side_counters(&c->sides[0], h, &t->last[0]) &&
	       side_counters(&c->sides[1], h, &t->last[1]);
}

bool tally_same(struct tally *t, struct check *c, enum hook h)
{
	struct counters now[2];
	unsigned each;

	for (int i = 0; i < 2; i++) {
		if (!side_counters(&c->sides[i], h, &now[i]))
			return false;
	}
	if (now[0].used != now[1].used) {
		fprintf(stderr, "%s: the counters are not of one size\n", c->policy->name);
		return false;
	}
	each = now[0].used / now[0].n_classes;
	for (unsigned k = 0; k < now[0].used; k++) {
		uint64_t rise[2] = { now[0].n[k] - t->last[0].n[k], now[1].n[k] - t->last[1].n[k] };
		char what[64];

		(void)snprintf(what, sizeof(what), "counter %u of class %u", k % each, k / each);
		if (rise[0] != rise[1])
			check_differs(c, what, (int)rise[0], (int)rise[1]);
	}
	if (now[0].unseen - t->last[0].unseen != now[1].unseen - t->last[1].unseen)
		check_differs(c, "what could not be seen", (int)now[0].unseen, (int)now[1].unseen);
	t->last[0] = now[0];
	t->last[1] = now[1];
	return true;
}

void check_differs(struct check *c, const char *what, int ours, int theirs)
{
	if (c->different++ < DIFFERENCES_SHOWN)
		fprintf(stderr, "%s: %s: %s: iopc %d, twin %d\n", c->policy->name, c->shown, what,
			ours, theirs);
}

/* --- frames --- */

static void show(struct check *c, const char *state, const struct frame *f)
{
	int n = snprintf(c->shown, sizeof(c->shown), "%s, %zu bytes ", state, f->len);

	for (size_t i = 0; i < f->len && (size_t)n + 3 < sizeof(c->shown); i++)
		n += snprintf(c->shown + n, sizeof(c->shown) - (size_t)n, "%02x", f->bytes[i]);
}

static bool run_both(struct check *c, struct tally *t, const struct frame *f, const char *state)
{
	int verdicts[2];

	show(c, state, f);
	for (int i = 0; i < 2; i++) {
		verdicts[i] = side_run(&c->sides[i], f->bytes, f->len, 1, NULL);
		if (verdicts[i] < 0)
			return false;
	}
	c->compared++;
	if (verdicts[0] != verdicts[1])
		check_differs(c, "verdict", verdicts[0], verdicts[1]);
	return tally_same(t, c, HOOK_RX);
}

/* With limits that have not seen anything, then with full ones. */
static bool check_frame(struct check *c, struct tally *t, const struct frame *f)
{
	uint32_t turn = (uint32_t)rng_next(&c->rng);

	return side_forget(&c->sides[0], turn) && side_forget(&c->sides[1], turn) &&
	       run_both(c, t, f, "new") && side_fill(&c->sides[0]) && side_fill(&c->sides[1]) &&
	       run_both(c, t, f, "full");
}

static bool check_tests(struct check *c, struct tally *t, const struct iop_object *o)
{
	for (uint32_t i = 0; i < object_count(o, IOP_TABLE_STEPS); i++) {
		const struct iop_desc_step *step = object_step(o, i);
		struct frame f = { .len = step->n_blob };

		if (step->kind != IOP_STEP_PACKET || f.len > sizeof(f.bytes))
			continue;
		memcpy(f.bytes, object_row(o, IOP_TABLE_BLOBS, step->blob), f.len);
		if (!check_frame(c, t, &f))
			return false;
	}
	return true;
}

/* Each sample as it is, and cut at every length that a test run takes. */
static bool check_samples(struct check *c, struct tally *t)
{
	unsigned n;
	const struct sample *samples = policy_samples(c->policy, &n);

	for (unsigned i = 0; i < n; i++) {
		struct frame_spec s;
		struct frame f;

		samples[i].make(&s);
		frame_build(&s, &f);
		for (; f.len >= 14; f.len--) {
			if (!check_frame(c, t, &f))
				return false;
		}
	}
	return true;
}

static void any_sample(struct check *c, struct frame_spec *s)
{
	unsigned n, other;
	const struct sample *samples = policy_samples(c->policy, &n);
	const struct sample *foreign = foreign_samples(&other);

	if (rng_percent(&c->rng, 5))
		foreign[rng_below(&c->rng, other)].make(s);
	else
		samples[rng_below(&c->rng, n)].make(s);
}

static bool check_random(struct check *c, struct tally *t)
{
	for (unsigned i = 0; i < RANDOM_FRAMES; i++) {
		struct frame_spec s;
		struct frame f;

		any_sample(c, &s);
		mutate_spec(c->policy, &c->rng, &s);
		frame_build(&s, &f);
		mutate_frame(&c->rng, &f);
		if (f.len >= 14 && !check_frame(c, t, &f))
			return false;
	}
	return true;
}

/* --- limits that fill up --- */

/* Runs a frame so often that every limit is met; in which time? Negative: error. */
static double fill(const struct side *side, const struct frame *f)
{
	uint32_t ns;

	if (!side_forget(side, 0) || side_run(side, f->bytes, f->len, FILL_TIMES, &ns) < 0)
		return -1;
	return (double)ns * FILL_TIMES;
}

/* Once more if it took so long that a limit may have had room again. */
static bool check_filling(struct check *c, const struct frame *f)
{
	struct tally t;

	show(c, "filling", f);
	for (unsigned i = 0; i < FILL_TRIES; i++) {
		double ours, theirs;

		if (!tally_begin(&t, c, HOOK_RX))
			return false;
		ours = fill(&c->sides[0], f);
		theirs = fill(&c->sides[1], f);
		if (ours < 0 || theirs < 0)
			return false;
		if (ours < FILL_NS && theirs < FILL_NS) {
			c->compared++;
			return tally_same(&t, c, HOOK_RX);
		}
	}
	fprintf(stderr, "%s: %u runs always take too long here\n", c->policy->name, FILL_TIMES);
	return false;
}

static bool check_limits(struct check *c)
{
	unsigned n;
	const struct sample *samples = policy_samples(c->policy, &n);

	for (unsigned i = 0; i < n; i++) {
		struct frame_spec s;
		struct frame f;

		samples[i].make(&s);
		s.payload_len = LARGE; /* so that a bit rate takes long, too */
		frame_build(&s, &f);
		if (!check_filling(c, &f))
			return false;
	}
	return true;
}

/* --- all of it --- */

static bool open_sides(struct check *c, const char *objects, enum rates rates)
{
	char path[512];

	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s%s.o", objects, c->policy->name,
			       i ? ".twin" : "");
		if (!side_open(&c->sides[i], path, c->policy, rates, SENDERS))
			return false;
	}
	return true;
}

static void close_sides(struct check *c)
{
	side_close(&c->sides[0]);
	side_close(&c->sides[1]);
}

static bool check_rx(struct check *c, const char *objects)
{
	char path[512], error[256];
	struct iop_object *o;
	struct tally t;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/%s.o", objects, c->policy->name);
	o = object_open(path, error, sizeof(error));
	if (!o) {
		fprintf(stderr, "%s\n", error);
		return false;
	}
	ok = open_sides(c, objects, RATES_OPEN) && tally_begin(&t, c, HOOK_RX) &&
	     check_tests(c, &t, o) && check_samples(c, &t) && check_random(c, &t);
	close_sides(c);
	object_close(o);

	ok = ok && open_sides(c, objects, RATES_SLOW) && check_limits(c);
	close_sides(c);
	return ok;
}

static bool check_sockets(struct check *c, const char *objects)
{
	struct frame_spec *specs = calloc(RANDOM_DATAGRAMS, sizeof(*specs));
	bool ok = specs && open_sides(c, objects, RATES_OPEN);

	for (unsigned i = 0; ok && i < RANDOM_DATAGRAMS; i++) {
		unsigned n;
		const struct sample *samples = policy_samples(c->policy, &n);

		samples[i % n].make(&specs[i]);
		if (i >= n)
			mutate_payload(&c->rng, &specs[i]);
	}
	if (ok && c->sides[0].programs[HOOK_SOCKET])
		ok = check_socket(c, specs, RANDOM_DATAGRAMS);
	close_sides(c);
	free(specs);
	return ok;
}

/* A network of our own, in which nothing else happens and which goes when we do. */
static bool enter_network(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;
	bool ok;

	if (unshare(CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &up);
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static int say(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : SEED;
	unsigned different = 0;

	if (argc < 2 || argc > 3) {
		fputs("usage: check-twin FOLDER-OF-OBJECTS [SEED]\n", stderr);
		return 2;
	}
	if (geteuid() != 0) {
		puts("skipped: BPF programs are loaded as root only");
		return 77;
	}
	(void)libbpf_set_print(say);
	if (!enter_network()) {
		perror("a network namespace");
		return 3;
	}
	side_stay_here(); /* both sides `local` alike */
	for (unsigned i = 0; i < n_policies; i++) {
		struct check c = { .policy = &policies[i], .rng = rng_split(seed, i) };

		if ((!c.policy->only_socket && !check_rx(&c, argv[1])) || !check_sockets(&c, argv[1]))
			return 3;
		printf("%s: %u comparisons, %u differences\n", c.policy->name, c.compared,
		       c.different);
		different += c.different;
	}
	return different != 0;
}
