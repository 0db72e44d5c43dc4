/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tests that a policy carries: its packets, decided one after the other,
 * against what its author expects.
 */
#include "interp/interp.h"

#include "base/arena.h"

/* --- how many workers --- */

static uint32_t at_least(uint32_t n, uint64_t wanted)
{
	if (wanted > POLICY_MAX_WORKERS)
		wanted = POLICY_MAX_WORKERS;
	return wanted > n ? (uint32_t)wanted : n;
}

static uint32_t workers_of_action(const struct action *a, uint32_t n)
{
	const struct worker_set *s = &a->workers;

	if (a->kind == ACTION_LIMIT && a->otherwise)
		return workers_of_action(a->otherwise, n);
	if (a->kind != ACTION_WORKER && a->kind != ACTION_WORKERS)
		return n;
	for (uint32_t i = 0; i < s->n_ranges; i++)
		n = at_least(n, s->ranges[i].hi + 1);
	if (s->kind == WORKERS_LAST || s->kind == WORKERS_ALL_BUT_LAST)
		n = at_least(n, (uint64_t)s->n + 1);
	return n;
}

static uint32_t workers_of_tests(const struct policy *p, uint32_t n)
{
	for (uint32_t t = 0; t < p->n_tests; t++) {
		for (uint32_t i = 0; i < p->tests[t].n_steps; i++) {
			const struct test_step *s = &p->tests[t].steps[i];
			const struct test_expect *e = &s->expect;

			if (s->is_packet || (e->kind != EXPECT_WORKER && e->kind != EXPECT_WORKERS))
				continue;
			for (uint32_t k = 0; k < e->n_numbers; k++)
				n = at_least(n, e->numbers[k].hi + 1);
		}
	}
	return n;
}

void interp_test_workers(const struct policy *p, uint32_t *workers)
{
	uint32_t least = workers_of_tests(p, 1);

	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct stage *s = p->workloads[i]->stages[STAGE_SOCKET];

		workers[i] = least;
		for (uint32_t r = 0; s && r < s->n_rules; r++) {
			for (uint32_t k = 0; k < s->rules[r].n_actions; k++)
				workers[i] = workers_of_action(s->rules[r].actions[k], workers[i]);
		}
	}
}

/* --- words --- */

static const char *workload_name(const struct policy *p, uint32_t id)
{
	return id < p->n_workloads ? p->workloads[id]->name : "none";
}

static const char *class_name(const struct policy *p, uint32_t gid)
{
	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct workload *w = p->workloads[i];

		for (uint32_t k = 0; k < w->n_classes; k++) {
			if (w->classes[k].gid == gid)
				return w->classes[k].name;
		}
	}
	return "none";
}

static void say_range(FILE *out, const char *between, uint64_t lo, uint64_t hi)
{
	fprintf(out, "%s%llu", between, (unsigned long long)lo);
	if (hi > lo)
		fprintf(out, "-%llu", (unsigned long long)hi);
}

static void say_ranges(FILE *out, const struct range *ranges, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		say_range(out, i ? "," : " ", ranges[i].lo, ranges[i].hi);
}

static void say_targets(FILE *out, const struct targets *t)
{
	const char *between = " ";

	if (t->any)
		fputs(" not known here", out);
	for (uint32_t i = 0; !t->any && i < TARGETS_MAX; i++) {
		uint32_t lo = i;

		if (!targets_has(t, i))
			continue;
		while (i + 1 < TARGETS_MAX && targets_has(t, i + 1))
			i++;
		say_range(out, between, lo, i);
		between = ",";
	}
}

static void say_expected(const struct policy *p, const struct test_expect *e, FILE *out)
{
	switch (e->kind) {
	case EXPECT_WORKLOAD: fprintf(out, "workload %s", workload_name(p, e->workload)); break;
	case EXPECT_CLASS: fprintf(out, "class %s", class_name(p, e->class)); break;
	case EXPECT_RX_PASS: fputs("rx pass", out); break;
	case EXPECT_RX_DROP: fputs("rx drop", out); break;
	case EXPECT_RX_CORE: fputs("rx core", out); break;
	case EXPECT_RX_STEER: fprintf(out, "rx steer to %s", e->pool->name); break;
	case EXPECT_SOCKET_PASS: fputs("socket pass", out); break;
	case EXPECT_SOCKET_DROP: fputs("socket drop", out); break;
	case EXPECT_WORKER: fputs("socket worker", out); break;
	case EXPECT_WORKERS: fputs("socket workers", out); break;
	case EXPECT_TX_PASS: fputs("tx pass", out); break;
	case EXPECT_TX_DROP: fputs("tx drop", out); break;
	case EXPECT_TX_MARK: fputs("tx mark", out); break;
	case EXPECT_TX_BAND: fputs("tx band", out); break;
	case EXPECT_COUNT: break;
	}
	say_ranges(out, e->numbers, e->n_numbers);
}

static void say_outcome(const struct outcome *o, const char *stage, FILE *out)
{
	bool one = targets_count(&o->targets) == 1;

	fprintf(out, "%s ", stage);
	switch (o->verdict) {
	case VERDICT_PASS:
		fputs(o->counts[IOP_COUNT_FALLBACK] ? "pass (what the rule chose is not there)"
						    : "pass",
		      out);
		break;
	case VERDICT_DROP:
		fputs(o->counts[IOP_COUNT_LIMITED] ? "drop (over the limit)" : "drop", out);
		break;
	case VERDICT_STEER:
		fprintf(out, "steer to %s, %s", o->by->pool->name, one ? "core" : "cores");
		say_targets(out, &o->targets);
		break;
	case VERDICT_WORKER:
		fputs(one ? "worker" : "workers", out);
		say_targets(out, &o->targets);
		break;
	}
	if (o->may_pass)
		fputs(", or pass", out);
	if (o->verdict == VERDICT_PASS && o->marked)
		fprintf(out, ", mark %u", o->mark);
	if (o->verdict == VERDICT_PASS && o->ordered)
		fprintf(out, ", band %u", o->band);
}

/* Of the first stage that keeps it, or of the last. */
static void say_reply(const struct decision *d, FILE *out)
{
	if (d->rx.verdict == VERDICT_DROP)
		say_outcome(&d->rx, "rx", out);
	else if (d->socket.verdict == VERDICT_DROP)
		say_outcome(&d->socket, "socket", out);
	else if (d->reply_unknown)
		fputs("tx not known here", out);
	else
		say_outcome(&d->tx, "tx", out);
}

static void say_got(const struct policy *p, const struct test_expect *e, const struct decision *d,
		    FILE *out)
{
	switch (e->kind) {
	case EXPECT_WORKLOAD: fprintf(out, "workload %s", workload_name(p, d->workload)); break;
	case EXPECT_CLASS: fprintf(out, "class %s", class_name(p, d->class)); break;
	case EXPECT_RX_PASS:
	case EXPECT_RX_DROP:
	case EXPECT_RX_CORE:
	case EXPECT_RX_STEER: say_outcome(&d->rx, "rx", out); break;
	case EXPECT_TX_PASS:
	case EXPECT_TX_DROP:
	case EXPECT_TX_MARK:
	case EXPECT_TX_BAND: say_reply(d, out); break;
	default:
		if (d->rx.verdict == VERDICT_DROP)
			say_outcome(&d->rx, "rx", out);
		else
			say_outcome(&d->socket, "socket", out);
		break;
	}
}

/* --- expectations --- */

/* Are all numbers that may come out among these? */
static bool within(const struct outcome *o, const struct test_expect *e)
{
	if (o->targets.any || o->may_pass)
		return false;
	for (uint32_t i = 0; i < TARGETS_MAX; i++) {
		bool expected = false;

		for (uint32_t k = 0; k < e->n_numbers; k++)
			expected |= e->numbers[k].lo <= i && i <= e->numbers[k].hi;
		if (targets_has(&o->targets, i) && !expected)
			return false;
	}
	return true;
}

static bool holds(const struct test_expect *e, const struct decision *d)
{
	bool enters = d->rx.verdict != VERDICT_DROP;
	bool replies = enters && d->socket.verdict != VERDICT_DROP && !d->reply_unknown;
	bool leaves = replies && d->tx.verdict == VERDICT_PASS;

	switch (e->kind) {
	case EXPECT_WORKLOAD: return d->workload == e->workload;
	case EXPECT_CLASS: return d->class == e->class;
	case EXPECT_RX_PASS: return d->rx.verdict == VERDICT_PASS;
	case EXPECT_RX_DROP: return d->rx.verdict == VERDICT_DROP;
	case EXPECT_RX_CORE: return d->rx.verdict == VERDICT_STEER && within(&d->rx, e);
	case EXPECT_RX_STEER: return d->rx.verdict == VERDICT_STEER && d->rx.by->pool == e->pool;
	case EXPECT_TX_PASS: return leaves;
	case EXPECT_TX_DROP: return replies && d->tx.verdict == VERDICT_DROP;
	case EXPECT_TX_MARK: return leaves && d->tx.marked && d->tx.mark == e->numbers[0].lo;
	case EXPECT_TX_BAND: return leaves && d->tx.ordered && d->tx.band == e->numbers[0].lo;
	case EXPECT_SOCKET_PASS: return enters && d->socket.verdict == VERDICT_PASS;
	case EXPECT_SOCKET_DROP: return enters && d->socket.verdict == VERDICT_DROP;
	default: return enters && d->socket.verdict == VERDICT_WORKER && within(&d->socket, e);
	}
}

static void complain(const struct policy *p, const struct test_step *s, const struct decision *d,
		     FILE *out)
{
	struct position at = source_position(p->sources, s->at.begin);

	fprintf(out, "%s:%u: expected ", at.source ? at.source->name : "?", at.line);
	say_expected(p, &s->expect, out);
	fputs(", got ", out);
	say_got(p, &s->expect, d, out);
	fputc('\n', out);
}

/* The first expectation that fails stands in the test's line, the others below it. */
static bool run_test(const struct policy *p, const struct test *t, const uint32_t *workers,
		     FILE *out)
{
	struct arena *a = arena_new();
	struct interp_env env = { .workers = workers, .limits = interp_limits_new(a) };
	struct decision d = { .workload = INTERP_NONE, .class = INTERP_NONE };
	bool ok = true;

	for (uint32_t i = 0; i < t->n_steps; i++) {
		const struct test_step *s = &t->steps[i];

		if (s->is_packet) {
			interp_decide(p, s->packet, s->len, &env, &d);
			continue;
		}
		if (holds(&s->expect, &d))
			continue;
		if (ok)
			fprintf(out, "FAIL %s: ", t->name);
		else
			fputs("     ", out);
		ok = false;
		complain(p, s, &d, out);
	}
	if (ok)
		fprintf(out, "ok %s\n", t->name);
	arena_free(a);
	return ok;
}

unsigned interp_tests(const struct policy *p, FILE *out)
{
	struct arena *a = arena_new();
	uint32_t *workers = arena_alloc(a, (p->n_workloads + 1) * sizeof(*workers));
	unsigned failed = 0;

	interp_test_workers(p, workers);
	for (uint32_t i = 0; i < p->n_tests; i++)
		failed += !run_test(p, &p->tests[i], workers, out);
	fprintf(out, "%u passed, %u failed\n", p->n_tests - failed, failed);
	arena_free(a);
	return failed;
}
