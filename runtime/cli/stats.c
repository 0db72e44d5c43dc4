/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iopctl stats: what the programs have counted. People see a table a stage without the
 * columns that are zero everywhere; programs get every counter.
 */
#include "cleanup.h"
#include "cli/cli.h"

DEFINE_CLEANUP(cleanup_report, struct iop_report *, iop_report_free)
DEFINE_CLEANUP(cleanup_stats, struct iop_stats *, iop_stats_free)

static void say_counters(struct output *out, const struct iop_stats_counter *counters, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out_number(out, counters[i].name, counters[i].value);
}

static void say_targets(struct output *out, const struct iop_stats_stage *stage,
			const struct iop_stats_class *class)
{
	out_array(out, "targets");
	for (size_t i = 0; i < class->n_targets; i++) {
		const struct iop_stats_target *t = &class->targets[i];

		out_object(out, NULL);
		out_number(out, stage->target, t->number);
		if (t->and_beyond)
			out_bool(out, "and_beyond", true);
		out_number(out, "chosen", t->value);
		out_close(out);
	}
	out_close(out);
}

/* --- stack stages --- */

static void say_core(struct output *out, const struct iop_stats_core *c)
{
	out_object(out, NULL);
	out_number(out, "core", c->core);
	out_bool(out, "in_use", c->in_use);
	out_number(out, "given", c->given);
	out_number(out, "served", c->served);
	out_number(out, "lost", c->lost);
	out_number(out, "measured", c->measured);
	out_number(out, "late", c->late);
	out_number(out, "mean_wait_ns", c->measured ? c->waited_ns / c->measured : 0);
	out_close(out);
}

static void say_stack(struct output *out, const struct iop_stats_stack *s)
{
	out_string(out, "workload", s->workload);
	out_string(out, "pool", s->pool);
	out_number(out, "cores_in_use", s->in_use);
	out_number(out, "cores_least", s->least);
	out_number(out, "cores_most", s->most);
	say_counters(out, s->counters, s->n_counters);
	out_array(out, "cores");
	for (size_t i = 0; i < s->n_cores; i++)
		say_core(out, &s->cores[i]);
	out_close(out);
}

static void say_stacks(struct output *out, const struct iop_stats *s)
{
	if (!s->n_stacks)
		return;
	out_for(out, OUT_PROGRAMS);
	out_array(out, "stacks");
	for (size_t i = 0; i < s->n_stacks; i++) {
		out_object(out, NULL);
		say_stack(out, &s->stacks[i]);
		out_close(out);
	}
	out_close(out);
	for (size_t i = 0; i < s->n_stacks; i++) {
		out_for(out, OUT_PEOPLE);
		out_object(out, "stack");
		say_stack(out, &s->stacks[i]);
		out_close(out);
	}
}

static void say_programs(struct output *out, const struct iop_stats *s)
{
	out_for(out, OUT_PROGRAMS);
	out_array(out, "stages");
	for (size_t i = 0; i < s->n_stages; i++) {
		const struct iop_stats_stage *stage = &s->stages[i];

		out_object(out, NULL);
		out_string(out, "stage", stage->name);
		say_counters(out, stage->path, stage->n_path);
		out_array(out, "classes");
		for (size_t c = 0; c < stage->n_classes; c++) {
			out_object(out, NULL);
			out_string(out, "workload", stage->classes[c].workload);
			out_string(out, "class", stage->classes[c].name);
			say_counters(out, stage->classes[c].counters, stage->classes[c].n_counters);
			say_targets(out, stage, &stage->classes[c]);
			out_close(out);
		}
		out_close(out);
		out_close(out);
	}
	out_close(out);
}

/* --- for people --- */

/* A bit for each counter that is not zero everywhere; there are thousands of classes, so they are
 * gone through once. */
static unsigned long long used_counters(const struct iop_stats_stage *stage)
{
	unsigned long long used = 1; /* seen */

	for (size_t c = 0; c < stage->n_classes; c++)
		for (size_t i = 0; i < stage->classes[c].n_counters; i++)
			used |= (stage->classes[c].counters[i].value ? 1ULL : 0) << i;
	return used;
}

/* "0: 12  3+: 400" */
static void say_chosen(struct output *out, const struct iop_stats_stage *stage,
		       const struct iop_stats_class *class)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	for (size_t i = 0; f && i < class->n_targets; i++) {
		const struct iop_stats_target *t = &class->targets[i];

		(void)fprintf(f, "%s%u%s: %llu", i ? "  " : "", t->number, t->and_beyond ? "+" : "",
			      (unsigned long long)t->value);
	}
	if (!f || (ferror(f) | fclose(f)))
		out_no_memory(out);
	else
		out_string(out, stage->target, text);
}

static void say_table(struct output *out, const struct iop_stats_stage *stage)
{
	unsigned long long used = used_counters(stage);
	bool targets = false;

	for (size_t c = 0; c < stage->n_classes; c++)
		targets |= stage->classes[c].n_targets > 0;
	out_array(out, "classes");
	for (size_t c = 0; c < stage->n_classes; c++) {
		const struct iop_stats_class *class = &stage->classes[c];

		out_object(out, NULL);
		out_format(out, "class", "%s.%s", class->workload, class->name);
		for (size_t i = 0; i < class->n_counters; i++)
			if (used >> i & 1)
				out_number(out, class->counters[i].name, class->counters[i].value);
		if (targets)
			say_chosen(out, stage, class);
		out_close(out);
	}
	out_close(out);
}

static void say_people(struct output *out, const struct iop_stats *s)
{
	for (size_t i = 0; i < s->n_stages; i++) {
		const struct iop_stats_stage *stage = &s->stages[i];

		out_for(out, OUT_PEOPLE);
		out_object(out, stage->name);
		for (size_t p = 0; p < stage->n_path; p++)
			if (stage->path[p].value)
				out_number(out, stage->path[p].name, stage->path[p].value);
		say_table(out, stage);
		out_close(out);
	}
}

static int run(struct cli *c)
{
	_cleanup_(cleanup_report) struct iop_report *report = iop_report_new();
	_cleanup_(cleanup_stats) struct iop_stats *s = NULL;
	int code;

	if (!report)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	if (iop_stats_read(c->arguments[0], &s, report)) {
		code = cli_report(c, report);
		return code ? code : cli_fail(c, CLI_BUG, "no counters, and no reason");
	}
	out_string(c->out, "policy", s->policy);
	out_for(c->out, OUT_PROGRAMS);
	out_number(c->out, "taken_at_ns", s->taken_at);
	say_programs(c->out, s);
	say_people(c->out, s);
	say_stacks(c->out, s);
	return CLI_FINE;
}

const struct cli_verb verb_stats = {
	.name = "stats",
	.arguments = "POLICY",
	.doc = "what a policy has counted, by class and stage",
	.more = "Sums over all CPUs since the policy was loaded. Columns that are zero everywhere are\n"
		"left out; --json has all.",
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
