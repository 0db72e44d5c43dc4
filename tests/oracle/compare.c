/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See compare.h.
 */
#include "compare.h"

#include <inttypes.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/stack.h"

/* What the kernel did with a packet. */
struct observed {
	int verdict;        /* XDP_* */
	uint64_t *rise;     /* of the expected class; all zero if there is none */
	uint64_t unclassed;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* --- words --- */

const char *class_word(const struct policy *p, uint32_t gid)
{
	for (uint32_t w = 0; w < p->n_workloads; w++) {
		for (uint32_t i = 0; i < p->workloads[w]->n_classes; i++) {
			if (p->workloads[w]->classes[i].gid == gid)
				return p->workloads[w]->classes[i].name;
		}
	}
	return "none";
}

static void say_outcome(const char *stage, const struct outcome *o, FILE *out)
{
	static const char *const verdicts[] = { "pass", "drop", "steer", "worker" };

	fprintf(out, "    %s: %s%s", stage, verdicts[o->verdict], o->may_pass ? " or pass" : "");
	for (uint32_t i = 0; i < TARGETS_MAX && !o->targets.any; i++) {
		if (targets_has(&o->targets, i))
			fprintf(out, " %u", i);
	}
	for (int i = 0; i < IOP_COUNT_TARGETS; i++) {
		if (o->counts[i])
			fprintf(out, " [%d]+%u", i, o->counts[i]);
	}
	fputc('\n', out);
}

void say_decision(const struct policy *p, const struct decision *d, FILE *out)
{
	fprintf(out, "  interpreter: workload %d, class %s (%d), unsure %u\n", (int)d->workload,
		class_word(p, d->class), (int)d->class, d->unsure);
	say_outcome("rx", &d->rx, out);
	say_outcome("socket", &d->socket, out);
}

void say_rise(const struct counters *c, const uint64_t *rise, FILE *out)
{
	for (uint32_t i = 0; i < c->per_class; i++) {
		if (rise[i])
			fprintf(out, " [%u]+%" PRIu64, i, rise[i]);
	}
}

/* --- looking --- */

static bool observe(struct kernel *k, const struct decision *d, struct observed *o)
{
	uint64_t path[IOP_PATH_COUNT] = { 0 };
	bool ok = true;

	if (d->class != INTERP_NONE)
		ok = counters_read(&k->counts, d->class, o->rise);
	ok = counters_read(&k->path, IOP_HOOK_RX, path) && ok;
	o->unclassed = path[IOP_PATH_UNCLASSED];
	return ok;
}

/* The targets of the action that decided, and no other counters of the class. */
static bool targets_fit(const struct kernel *k, const struct compiled *c, const struct outcome *o,
			const struct observed *seen, bool given)
{
	const struct plan_action *a = given ? &c->plan->actions[o->by->id] : NULL;
	const struct pool *pool = given ? o->by->pool : NULL;
	uint64_t total = 0;

	for (uint32_t i = IOP_COUNT_TARGETS; i < k->counts.per_class; i++) {
		uint32_t index, core;

		if (!seen->rise[i])
			continue;
		total += seen->rise[i];
		if (!given || i < a->first_target || i >= a->first_target + a->n_targets)
			return false;
		index = i - a->first_target;
		if (o->by->stack)
			index = iop_stack_place(pool->n_cores, (uint32_t)pool->guaranteed,
						o->by->stack->before, o->by->stack->least,
						o->by->stack->order, index);
		if (pool->fixed ? index >= pool->n_cores : index >= k->pools[pool->id].n)
			return false;
		core = pool->fixed ? pool->cores[index] : k->pools[pool->id].cores[index];
		if (!targets_has(&o->targets, core))
			return false;
		if (o->by->selector.kind == SELECTOR_LOCAL && index != k->near[o->by->id] &&
		    index != 0)
			return false;
	}
	return total == given;
}

static bool outcome_fits(const struct kernel *k, const struct compiled *c, const struct outcome *o,
			 const struct observed *seen)
{
	bool given = o->verdict == VERDICT_STEER && seen->verdict == XDP_REDIRECT;
	bool fell_back = o->verdict == VERDICT_STEER && o->may_pass && seen->verdict == XDP_PASS;
	int expected = o->verdict == VERDICT_DROP                  ? XDP_DROP
		       : o->verdict == VERDICT_STEER && !fell_back ? XDP_REDIRECT
								   : XDP_PASS;

	if (seen->verdict != expected)
		return false;
	for (uint32_t i = 0; i < IOP_COUNT_TARGETS; i++) {
		uint64_t n = o->counts[i];

		if (fell_back && i == IOP_COUNT_STEERED)
			n = 0;
		if (fell_back && i == IOP_COUNT_FALLBACK)
			n = 1;
		if (seen->rise[i] != n)
			return false;
	}
	return targets_fit(k, c, o, seen, given);
}

static bool fits(const struct kernel *k, const struct compiled *c, const struct decision *d,
		 const struct observed *seen)
{
	const struct workload *w =
		d->workload == INTERP_NONE ? NULL : c->policy->workloads[d->workload];
	bool unclassed = w && w->stages[STAGE_RX] && d->class == INTERP_NONE;

	if (seen->unclassed != unclassed)
		return false;
	if (d->class == INTERP_NONE)
		return seen->verdict == XDP_PASS;
	return outcome_fits(k, c, &d->rx, seen);
}

static void count(struct tally *t, const struct decision *d, const struct observed *seen)
{
	t->decisions++;
	t->unsure += d->unsure > 0;
	if (d->workload == INTERP_NONE)
		t->foreign++;
	else if (d->class == INTERP_NONE)
		t->unclassed++;
	else if (d->rx.counts[IOP_COUNT_LIMITED] || d->rx.counts[IOP_COUNT_OVER])
		t->limited++;
	else if (seen->verdict == XDP_DROP)
		t->dropped++;
	else if (seen->verdict == XDP_REDIRECT)
		t->given++;
	else if (d->rx.counts[IOP_COUNT_FALLBACK] || d->rx.may_pass)
		t->fallback++;
	else
		t->passed++;
}

static void say_difference(struct kernel *k, const struct compiled *c, const struct decision *d,
			   const struct observed *seen, FILE *out)
{
	say_decision(c->policy, d, out);
	fprintf(out,
		"  kernel: verdict %d (0 aborted, 1 drop, 2 pass, 4 redirect), unclassed %" PRIu64
		", counters of the expected class:",
		seen->verdict, seen->unclassed);
	say_rise(&k->counts, seen->rise, out);
	fputc('\n', out);
	compare_rest(k, c, out);
}

bool compare_rx(struct kernel *k, const struct compiled *c, const uint8_t *frame, size_t len,
		struct tally *t, FILE *out)
{
	uint64_t rise[k->counts.per_class];
	struct observed seen = { .rise = rise };
	struct decision d;
	unsigned most;

	memset(rise, 0, sizeof(rise));
	k->env.guess = 0;
	k->env.earliest = now_ns();
	seen.verdict = kernel_run(k, frame, len);
	k->env.latest = now_ns();
	interp_decide(c->policy, frame, len, &k->env, &d);
	if (seen.verdict < 0 || !observe(k, &d, &seen)) {
		fprintf(out, "  the kernel could not run it\n");
		return false;
	}
	most = d.unsure;
	while (!fits(k, c, &d, &seen)) {
		/* The other outcomes that the moment may have had; one of them may end before a limit
		 * that another one meets. */
		if (++k->env.guess >> most) {
			say_difference(k, c, &d, &seen, out);
			return false;
		}
		interp_limits_undo(k->env.limits);
		interp_decide(c->policy, frame, len, &k->env, &d);
		most = d.unsure > most ? d.unsure : most;
	}
	count(t, &d, &seen);
	return true;
}

bool compare_rest(struct kernel *k, const struct compiled *c, FILE *out)
{
	uint64_t rise[k->counts.per_class];
	bool none = true;

	for (uint32_t i = 0; i < k->counts.n_classes; i++) {
		bool any = false;

		if (!counters_read(&k->counts, i, rise))
			return false;
		for (uint32_t n = 0; n < k->counts.per_class; n++)
			any |= rise[n] != 0;
		if (!any)
			continue;
		none = false;
		fprintf(out, "  kernel: counters of class %s (%u):", class_word(c->policy, i), i);
		say_rise(&k->counts, rise, out);
		fputc('\n', out);
	}
	return none;
}
