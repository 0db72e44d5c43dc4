/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What iopc makes of the examples against their twins: instructions after the
 * verifier, and time over BPF_PROG_TEST_RUN. And traffic that no workload names
 * against the shortest program that looks at the port.
 *
 * For each pair both sides are loaded anew, so that where the JIT happens to put a
 * program counts once only, and each sample is run on one and then on the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "side.h"

#define SAMPLES_MAX 16
#define WARM_UP 20000
/* One measurement of one side. A call of several runs has the kernel rebuild its dispatcher of
 * XDP programs, which costs up to half a millisecond: one part in fifty. */
#define ROUND_NS 25e6

struct pair {
	struct side ours, theirs;
};

static bool pair_open(struct pair *p, const struct bench *b, const struct policy *policy,
		      const char *twin, enum rates rates)
{
	char path[2][512];

	(void)snprintf(path[0], sizeof(path[0]), "%s/%s.o", b->objects, policy->name);
	(void)snprintf(path[1], sizeof(path[1]), "%s/%s.twin.o", b->objects, twin);
	memset(p, 0, sizeof(*p));
	return side_open(&p->ours, path[0], policy, rates, 0) &&
	       side_open(&p->theirs, path[1], policy, rates, 0);
}

static void pair_close(struct pair *p)
{
	side_close(&p->ours);
	side_close(&p->theirs);
}

/* One more ratio for a sample; `swap`: the other side begins. */
static bool measure(const struct pair *p, const struct sample *sample, bool swap,
		    struct ratios *out)
{
	const struct side *sides[2] = { &p->ours, &p->theirs };
	double ns[2], rough;
	struct frame_spec spec;
	struct frame f;
	uint32_t times;

	sample->make(&spec);
	frame_build(&spec, &f);
	for (int i = 0; i < 2; i++) {
		rough = side_time(sides[i], f.bytes, f.len, WARM_UP);
		if (rough < 0)
			return false;
	}
	times = (uint32_t)(ROUND_NS / (rough + 1)) + WARM_UP;
	for (int i = 0; i < 2; i++) {
		int which = i ^ swap;

		ns[which] = side_time(sides[which], f.bytes, f.len, times);
		if (ns[which] <= 0)
			return false;
	}
	ratios_add(out, ns[0], ns[1]);
	return true;
}

/* All samples of a policy, pair by pair. */
static bool measure_all(const struct bench *b, const struct policy *policy, const char *twin,
			const struct sample *samples, unsigned n, struct ratios *out)
{
	for (unsigned pair = 0; pair < b->pairs; pair++) {
		for (enum rates rates = RATES_OPEN; rates <= RATES_SLOW; rates++) {
			struct pair p = { 0 };
			bool ok = true, opened = false;

			for (unsigned i = 0; ok && i < n; i++) {
				if (samples[i].rates != rates)
					continue;
				if (!opened)
					ok = opened = pair_open(&p, b, policy, twin, rates);
				ok = ok && measure(&p, &samples[i], pair % 2, &out[i]);
			}
			pair_close(&p);
			if (!ok)
				return false;
		}
	}
	return true;
}

/* --- codegen --- */

/* Adds a series to `all` for each program. */
static bool instructions(const struct bench *b, struct report *r, const struct policy *policy,
			 struct ratios *all, unsigned *n_all)
{
	static const char *const hooks[] = { [HOOK_RX] = "rx", [HOOK_SOCKET] = "socket" };
	struct pair p;
	bool ok = pair_open(&p, b, policy, policy->name, RATES_DEFAULT);

	for (enum hook h = 0; ok && h < HOOKS; h++) {
		uint32_t ours, theirs;
		char what[128];

		if (!p.ours.programs[h] && !p.theirs.programs[h])
			continue;
		ours = side_instructions(&p.ours, h);
		theirs = side_instructions(&p.theirs, h);
		ok = ours && theirs;
		if (!ok)
			break;
		ratios_add(&all[*n_all], ours, theirs);
		(void)snprintf(what, sizeof(what), "%s %s: instructions, %u to %u%s", policy->name,
			       hooks[h], ours, theirs,
			       h == HOOK_SOCKET ? " (no test run: no time)" : "");
		report_ratios(r, what, 1.05, &all[(*n_all)++]);
	}
	pair_close(&p);
	return ok;
}

static void report_mean(struct report *r, const char *what, const struct ratios *all, unsigned n)
{
	struct ratios mean = ratios_mean(all, n);

	report_value(r, what, 1.00, ratios_mean_of_medians(all, n), &mean);
}

enum outcome bench_codegen(const struct bench *b)
{
	struct report *r = report_new("codegen", b->json);
	struct ratios *all = calloc(SAMPLES_MAX * n_policies, sizeof(*all));
	unsigned n = 0;
	bool ok = all != NULL;

	for (unsigned i = 0; ok && i < n_policies; i++)
		ok = instructions(b, r, &policies[i], all, &n);
	if (ok)
		report_mean(r, "instructions, mean of the programs", all, n);

	n = 0;
	for (unsigned i = 0; ok && i < n_policies; i++) {
		unsigned n_samples;
		const struct sample *samples = policy_samples(&policies[i], &n_samples);

		if (policies[i].only_socket)
			continue;
		memset(&all[n], 0, n_samples * sizeof(*all));
		ok = measure_all(b, &policies[i], policies[i].name, samples, n_samples, &all[n]);
		for (unsigned k = 0; ok && k < n_samples; k++) {
			char what[128];

			(void)snprintf(what, sizeof(what), "%s rx: time, %s", policies[i].name,
				       samples[k].what);
			report_ratios(r, what, NO_GOAL, &all[n++]);
		}
	}
	if (ok)
		report_mean(r, "time, mean of the medians", all, n);
	free(all);
	return outcome(r, ok);
}

/* --- foreign --- */

enum outcome bench_foreign(const struct bench *b)
{
	struct report *r = report_new("foreign", b->json);
	bool ok = true;

	for (unsigned p = 0; ok && p < n_policies; p++) {
		struct ratios all[SAMPLES_MAX] = { 0 };
		unsigned n;
		const struct sample *samples = foreign_samples(&n);
		char twin[64], what[128];

		if (policies[p].only_socket)
			continue;
		(void)snprintf(twin, sizeof(twin), "%s.ports", policies[p].name);
		ok = measure_all(b, &policies[p], twin, samples, n, all);
		for (unsigned i = 0; ok && i < n; i++) {
			(void)snprintf(what, sizeof(what), "%s: %s", policies[p].name,
				       samples[i].what);
			report_ratios(r, what, NO_GOAL, &all[i]);
		}
		(void)snprintf(what, sizeof(what), "%s: mean of the medians", policies[p].name);
		if (ok)
			report_mean(r, what, all, n);
	}
	return outcome(r, ok);
}
