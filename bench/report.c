/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Medians, rows, and whether goals are met; see report.h.
 */
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 256

struct row {
	char *what;
	double goal, value, min, max;
	unsigned pairs;
	bool least; /* the goal is the least that it may be, not the most */
};

struct report {
	const char *name;
	bool json, ok;
	struct row rows[ROWS_MAX];
	unsigned n;
};

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double ratios_median(const struct ratios *s)
{
	struct ratios sorted = *s;

	if (!s->n)
		return NAN;
	qsort(sorted.r, s->n, sizeof(sorted.r[0]), ascending);
	return (sorted.r[(s->n - 1) / 2] + sorted.r[s->n / 2]) / 2;
}

struct ratios ratios_mean(const struct ratios *series, unsigned n)
{
	struct ratios mean = { .n = n ? series[0].n : 0 };

	for (unsigned pair = 0; pair < mean.n; pair++) {
		double logs = 0;

		for (unsigned i = 0; i < n; i++)
			logs += log(series[i].r[pair]);
		mean.r[pair] = exp(logs / n);
	}
	return mean;
}

double ratios_mean_of_medians(const struct ratios *series, unsigned n)
{
	double logs = 0;

	for (unsigned i = 0; i < n; i++)
		logs += log(ratios_median(&series[i]));
	return exp(logs / n);
}

struct report *report_new(const char *name, bool json)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->name = name;
	r->json = json;
	r->ok = true;
	if (!json)
		printf("%-66s %7s %7s %7s %5s  %s\n", name, "median", "min", "max", "pairs",
		       "goal");
	return r;
}

/* More digits than these would be noise: goals are compared with what is printed. */
static double rounded(double v)
{
	return round(v * 100) / 100;
}

static bool meets(const struct row *row)
{
	if (row->goal == NO_GOAL)
		return true;
	return row->least ? rounded(row->value) >= rounded(row->goal)
			  : rounded(row->value) <= rounded(row->goal);
}

static void print_text(const struct row *row)
{
	printf("%-66s %7.2f %7.2f %7.2f %5u", row->what, row->value, row->min, row->max,
	       row->pairs);
	if (row->goal != NO_GOAL)
		printf("  %s %.2f%s", row->least ? ">=" : "<=", row->goal,
		       meets(row) ? "" : " MISSED");
	putchar('\n');
	(void)fflush(stdout);
}

static struct row *add(struct report *r, const char *what, double goal, double value, bool least,
		       const struct ratios *s)
{
	struct row *row = &r->rows[r->n];

	if (r->n == ROWS_MAX)
		abort();
	*row = (struct row){ .what = strdup(what),
			     .goal = goal,
			     .value = value,
			     .min = INFINITY,
			     .max = -INFINITY,
			     .pairs = s->n,
			     .least = least };
	for (unsigned i = 0; i < s->n; i++) {
		row->min = fmin(row->min, s->r[i]);
		row->max = fmax(row->max, s->r[i]);
	}
	r->ok &= meets(row);
	r->n++;
	return row;
}

void report_value(struct report *r, const char *what, double goal, double value,
		  const struct ratios *s)
{
	const struct row *row = add(r, what, goal, value, false, s);

	if (!r->json)
		print_text(row);
}

void report_least(struct report *r, const char *what, double goal, const struct ratios *s)
{
	const struct row *row = add(r, what, goal, ratios_median(s), true, s);

	if (!r->json)
		print_text(row);
}

void report_figure(struct report *r, const char *what, const struct ratios *s)
{
	(void)add(r, what, NO_GOAL, ratios_median(s), false, s);
}

void report_ratios(struct report *r, const char *what, double goal, const struct ratios *s)
{
	report_value(r, what, goal, ratios_median(s), s);
}

static void print_json(const struct report *r)
{
	printf("{\"name\": \"%s\", \"ok\": %s, \"rows\": [", r->name, r->ok ? "true" : "false");
	for (unsigned i = 0; i < r->n; i++) {
		const struct row *row = &r->rows[i];

		printf("%s\n  {\"what\": \"%s\", \"goal\": ", i ? "," : "", row->what);
		if (row->goal == NO_GOAL)
			printf("null");
		else
			printf("\"%s %.2f\"", row->least ? ">=" : "<=", row->goal);
		printf(", \"value\": %.2f, \"min\": %.2f, \"max\": %.2f, \"pairs\": %u}",
		       row->value, row->min, row->max, row->pairs);
	}
	printf("\n]}\n");
}

bool report_end(struct report *r)
{
	bool ok = r->ok;

	if (r->json)
		print_json(r);
	else
		puts(ok ? "every goal is met" : "not every goal is met");
	report_free(r);
	return ok;
}

void report_free(struct report *r)
{
	for (unsigned i = 0; i < r->n; i++)
		free(r->rows[i].what);
	free(r);
}
