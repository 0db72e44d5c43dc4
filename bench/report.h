/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a comparison reports: a row a figure, as text for people or as one object of
 * JSON. A figure is the median of ratios, ours to the other's, each of two
 * measurements that were made one right after the other.
 */
#ifndef IOP_BENCH_REPORT_H
#define IOP_BENCH_REPORT_H

#include <stdbool.h>

#define PAIRS_MAX 101
#define PAIRS_LEAST 5

struct ratios {
	double r[PAIRS_MAX];
	unsigned n;
};

static inline void ratios_add(struct ratios *s, double ours, double theirs)
{
	if (s->n < PAIRS_MAX)
		s->r[s->n++] = ours / theirs;
}

double ratios_median(const struct ratios *s);
/* The geometric mean of several series, pair by pair; they are equally long. */
struct ratios ratios_mean(const struct ratios *series, unsigned n);
/* The geometric mean of the series' medians. */
double ratios_mean_of_medians(const struct ratios *series, unsigned n);

#define NO_GOAL 0.0

struct report;

struct report *report_new(const char *name, bool json);
/* A row with the median of the ratios; `goal`: the most that it may be. */
void report_ratios(struct report *r, const char *what, double goal, const struct ratios *s);
/* The same where the other side's is divided by ours; `goal`: the least that it may be. */
void report_least(struct report *r, const char *what, double goal, const struct ratios *s);
/* A figure that is no ratio, for programs: people get a table of such. */
void report_figure(struct report *r, const char *what, const struct ratios *s);
/* A row with a value of its own, and least and most from the ratios. */
void report_value(struct report *r, const char *what, double goal, double value,
		  const struct ratios *s);
/* Prints what is left to print and frees; was every goal met? */
bool report_end(struct report *r);
/* Frees it: the comparison has failed. */
void report_free(struct report *r);

#endif
