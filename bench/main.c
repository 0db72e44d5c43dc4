/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bench/run calls: finds the comparison, and a core to stay on.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "side.h"

static const struct comparison {
	const char *name;
	enum outcome (*run)(const struct bench *b);
	unsigned pairs; /* where the caller does not say */
	bool roams;     /* its programs run on all cores */
} comparisons[] = {
	{ "codegen", bench_codegen, 15, false },
	{ "foreign", bench_foreign, 25, false },
	{ "compile", bench_compile, 7, false },
	{ "scale", bench_scale, 7, false },
	{ "tail", bench_tail, 5, true },
	{ "steer", bench_steer, 9, true },
};

/* libbpf tells of sections that it leaves alone; only what goes wrong matters here. */
static int say(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

enum outcome outcome(struct report *r, bool ok)
{
	if (!ok) {
		report_free(r);
		return OUTCOME_FAILED;
	}
	return report_end(r) ? OUTCOME_MET : OUTCOME_MISSED;
}

static int usage(void)
{
	fputs("usage: bench NAME --iopc FILE --objects DIR --source DIR --scratch DIR [--pairs N] [--brief] [--json]\n",
	      stderr);
	return OUTCOME_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "iopc", required_argument, NULL, 'i' },
		{ "objects", required_argument, NULL, 'o' },
		{ "source", required_argument, NULL, 's' },
		{ "pairs", required_argument, NULL, 'p' },
		{ "scratch", required_argument, NULL, 't' },
		{ "brief", no_argument, NULL, 'b' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct bench b = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'i': b.iopc = optarg; break;
		case 'o': b.objects = optarg; break;
		case 's': b.source = optarg; break;
		case 't': b.scratch = optarg; break;
		case 'p': b.pairs = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'b': b.brief = true; break;
		case 'j': b.json = true; break;
		default: return usage();
		}
	}
	if (optind + 1 != argc || !b.iopc || !b.objects || !b.source || !b.scratch)
		return usage();
	(void)libbpf_set_print(say);
	for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
		const struct comparison *c = &comparisons[i];

		if (strcmp(c->name, argv[optind]) != 0)
			continue;
		if (!b.pairs)
			b.pairs = c->pairs;
		if (b.pairs < PAIRS_LEAST || b.pairs > PAIRS_MAX) {
			fprintf(stderr, "bench: %u to %u pairs\n", PAIRS_LEAST, PAIRS_MAX);
			return OUTCOME_USAGE;
		}
		if (!c->roams)
			side_stay_here();
		return c->run(&b);
	}
	fprintf(stderr, "bench: there is no comparison %s\n", argv[optind]);
	return OUTCOME_USAGE;
}
