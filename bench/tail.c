/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server whose short requests must not wait for its long ones: the kernel's hash, two
 * programs by hand, and a policy choose its workers, in turns; it and its client are the
 * same in all. docs/bench.md says how to read it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "tail/turn.h"

#define LOADS 3
#define JUDGED 2 /* the load that has goals */

static const struct load {
	unsigned rate; /* a second */
	double seconds;
} loads[LOADS] = { { 2000, 3 }, { 5000, 3 }, { 10000, 6 } };

/* GET p99 of each to that of the policy, at least; SCAN p99 of the policy to the hash's, at most. */
struct goals {
	double get[TAIL_SIDES];
	double scan;
};
static const struct goals goals = { { [TAIL_HASH] = 40, [TAIL_ROUND_ROBIN] = 15, [TAIL_SITA] = 3 },
				    2 };
/* Of a brief run, which only has to show that it works, also on a machine that is busy. */
static const struct goals easy = {
	{ [TAIL_HASH] = 1.2, [TAIL_ROUND_ROBIN] = 0.5, [TAIL_SITA] = 0.02 }, 10
};

static const char *const side_names[TAIL_SIDES] = { "hash", "round robin", "SITA", "policy" };
static const char *const kind_names[TAIL_KINDS] = { "GET", "SCAN" };
static const char *const part_names[TAIL_PARTS] = { "p50", "p99", "p99.9" };

/* In ms, by round. */
struct results {
	struct ratios ms[LOADS][TAIL_SIDES][TAIL_KINDS][TAIL_PARTS];
	unsigned long lost[LOADS][TAIL_SIDES];
};

static bool measure(struct tail_field *f, struct results *all, unsigned first, double seconds,
		    unsigned rounds)
{
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned l = first; l < LOADS; l++)
			for (unsigned i = 0; i < TAIL_SIDES; i++) {
				/* A B C D, D C B A: what drifts meets all alike. */
				enum tail_side side = round % 2 ? TAIL_SIDES - 1 - i : i;
				struct tail_times t[TAIL_KINDS];

				if (!field_turn(f, side, loads[l].rate,
						seconds > 0 ? seconds : loads[l].seconds,
						round + 1, t))
					return false;
				for (unsigned k = 0; k < TAIL_KINDS; k++) {
					all->lost[l][side] += t[k].lost;
					for (unsigned p = 0; p < TAIL_PARTS; p++)
						ratios_add(&all->ms[l][side][k][p],
							   (double)t[k].ns[p], 1e6);
				}
			}
	return true;
}

static void extremes(const struct ratios *s, double *least, double *most)
{
	*least = *most = s->n ? s->r[0] : 0;
	for (unsigned i = 1; i < s->n; i++) {
		*least = s->r[i] < *least ? s->r[i] : *least;
		*most = s->r[i] > *most ? s->r[i] : *most;
	}
}

/* For people: a line a side, in ms. */
static void print_times(const struct results *all, unsigned first)
{
	for (unsigned l = first; l < LOADS; l++) {
		printf("\n%u/s, ms%-14s", loads[l].rate, "");
		for (unsigned k = 0; k < TAIL_KINDS; k++)
			printf("%6s %5s %9s %-17s %9s", kind_names[k], "p50", "p99", "(min-max)",
			       "p99.9");
		puts("   lost");
		for (unsigned s = 0; s < TAIL_SIDES; s++) {
			printf("  %-18s", side_names[s]);
			for (unsigned k = 0; k < TAIL_KINDS; k++) {
				const struct ratios *ms = all->ms[l][s][k];
				double least, most;
				char range[32];

				extremes(&ms[TAIL_P99], &least, &most);
				(void)snprintf(range, sizeof(range), "(%.2f-%.2f)", least, most);
				printf("%12.2f %9.2f %-17s %9.2f", ratios_median(&ms[TAIL_P50]),
				       ratios_median(&ms[TAIL_P99]), range,
				       ratios_median(&ms[TAIL_P999]));
			}
			printf("  %5lu\n", all->lost[l][s]);
		}
	}
	puts("");
}

/* For programs: a row a figure. */
static void report_times(struct report *r, const struct results *all, unsigned first)
{
	char what[128];

	for (unsigned l = first; l < LOADS; l++)
		for (unsigned k = 0; k < TAIL_KINDS; k++)
			for (unsigned p = 0; p < TAIL_PARTS; p++)
				for (unsigned s = 0; s < TAIL_SIDES; s++) {
					(void)snprintf(what, sizeof(what), "%u/s %s %s: ms, %s",
						       loads[l].rate, kind_names[k], part_names[p],
						       side_names[s]);
					report_figure(r, what, &all->ms[l][s][k][p]);
				}
}

/* Round by round, `to` to `from`. */
static struct ratios between(const struct ratios *to, const struct ratios *from)
{
	struct ratios s = { 0 };

	for (unsigned i = 0; i < to->n; i++)
		ratios_add(&s, to->r[i], from->r[i]);
	return s;
}

static void report_goals(struct report *r, const struct results *all, const struct goals *g,
			 unsigned first)
{
	char what[128];
	struct ratios s;

	for (unsigned l = first; l < LOADS; l++) {
		for (unsigned side = 0; side < TAIL_POLICY; side++) {
			s = between(&all->ms[l][side][TAIL_GETS][TAIL_P99],
				    &all->ms[l][TAIL_POLICY][TAIL_GETS][TAIL_P99]);
			(void)snprintf(what, sizeof(what), "%u/s: GET p99, %s to policy",
				       loads[l].rate, side_names[side]);
			report_least(r, what, l == JUDGED ? g->get[side] : NO_GOAL, &s);
		}
		s = between(&all->ms[l][TAIL_POLICY][TAIL_SCANS][TAIL_P99],
			    &all->ms[l][TAIL_HASH][TAIL_SCANS][TAIL_P99]);
		(void)snprintf(what, sizeof(what), "%u/s: SCAN p99, policy to hash", loads[l].rate);
		report_ratios(r, what, l == JUDGED ? g->scan : NO_GOAL, &s);
		s = between(&all->ms[l][TAIL_SITA][TAIL_SCANS][TAIL_P99],
			    &all->ms[l][TAIL_POLICY][TAIL_SCANS][TAIL_P99]);
		(void)snprintf(what, sizeof(what), "%u/s: SCAN p99, SITA to policy", loads[l].rate);
		report_least(r, what, NO_GOAL, &s);
	}
}

enum outcome bench_tail(const struct bench *b)
{
	struct results *all = calloc(1, sizeof(*all));
	unsigned first = b->brief ? JUDGED : 0;
	struct report *r;
	struct tail_field f = { 0 };
	bool ok;

	if (!all)
		abort();
	r = report_new("tail", b->json);
	ok = field_open(&f, b) &&
	     measure(&f, all, first, b->brief ? 2 : 0, b->brief ? 3 : b->pairs);
	field_close(&f);
	if (ok) {
		report_goals(r, all, b->brief ? &easy : &goals, first);
		report_times(r, all, first);
		if (!b->json)
			print_times(all, first);
	}
	free(all);
	return outcome(r, ok);
}
