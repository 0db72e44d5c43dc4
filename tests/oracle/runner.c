/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See runner.h.
 */
#include "runner.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reach.h"

#define LOG_SHOWN 3000

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool copy_file(const char *path, FILE *out)
{
	FILE *in = fopen(path, "r");
	int c;

	if (!in)
		return false;
	while ((c = fgetc(in)) != EOF)
		fputc(c, out);
	fclose(in);
	return true;
}

static char *text_of(const struct run *run, uint64_t seed, size_t *size)
{
	struct rng r = rng_split(seed, 1);
	char *text;
	FILE *out = open_memstream(&text, size);

	if (!out)
		abort();
	if (!run->file)
		make_policy(&r, &run->options, out);
	else if (!copy_file(run->file, out))
		fprintf(stderr, "%s: %s: %s\n", run->name, run->file, strerror(errno));
	fclose(out);
	return text;
}

static FILE *open_kept(const struct run *run, uint64_t seed, const char *suffix)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s-%" PRIu64 "%s", run->keep, run->name, seed, suffix);
	f = fopen(path, "w");
	if (!f)
		fprintf(stderr, "%s: %s: %s\n", run->name, path, strerror(errno));
	return f;
}

/* The whole difference to standard error and into a file, with the object beside it. */
static void report(struct run *run, uint64_t seed, const char *text, const struct compiled *c,
		   const char *what)
{
	FILE *f;

	run->differences++;
	fprintf(stderr, "=== difference: %s --seed %" PRIu64 " --policies 1 --packets %lu\n%s%s\n",
		run->name, seed, run->packets, text, what);
	f = c->object ? open_kept(run, seed, ".bpf.o") : NULL;
	if (f) {
		fwrite(c->object, 1, c->size, f);
		fclose(f);
	}
	f = open_kept(run, seed, ".iop");
	if (!f)
		return;
	fprintf(f, "# %s --seed %" PRIu64 " --policies 1 --packets %lu\n", run->name, seed,
		run->packets);
	/* what differs, as comments, so that the file stays a policy */
	for (const char *line = what; *line;) {
		size_t n = strcspn(line, "\n");

		fprintf(f, "# %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	fputs(text, f);
	fclose(f);
}

void say_packet(const struct frame *f, unsigned long number, FILE *out)
{
	fprintf(out, "packet %lu, %zu bytes: ", number, f->len);
	for (size_t i = 0; i < f->len; i++)
		fprintf(out, "%02x", f->bytes[i]);
	fputc('\n', out);
}

/* A verifier's log says at its end what it is about. */
static const char *end_of(const char *log)
{
	size_t n = strlen(log);
	const char *at = n > LOG_SHOWN ? strchr(log + n - LOG_SHOWN, '\n') : log;

	return at ? at : log;
}

enum loading run_load(struct run *run, struct kernel *k, const struct compiled *c,
		      enum iop_hook hook, uint64_t seed, struct rng *r, FILE *out)
{
	double start = seconds();
	char *log = NULL;
	enum loading loading = LOADED;

	if (!kernel_load(k, c, &run->machine, hook, r, &log)) {
		loading = k->error == E2BIG ? TOO_LARGE : NOT_LOADED;
		fprintf(out, "not loaded:\n%s", end_of(log));
	}
	run->loading += seconds() - start;
	if (loading == TOO_LARGE) {
		run->too_large++;
		printf("  seed %" PRIu64 " is too large for this kernel's verifier\n", seed);
	}
	free(log);
	return loading;
}

static void run_policy(struct run *run, uint64_t seed, try_policy *try)
{
	size_t size, what_size;
	char *text = text_of(run, seed, &size), *what;
	FILE *out = open_memstream(&what, &what_size);
	struct compiled c;
	enum compile_result result = compile_text(text, size, &c);
	bool good = true;

	if (!out)
		abort();
	if (run->show)
		printf("# seed %" PRIu64 "\n%s%s\n", seed, text, c.messages);
	if (result == COMPILED) {
		run->compiled++;
		good = try(run, seed, &c, out);
	} else if (result == REFUSED) {
		run->refused++;
		good = run->file || reach_check(text, c.messages, seed, 10 * run->packets, out);
	} else {
		fprintf(out, "not compiled:\n%s", c.messages);
		good = false;
	}
	fclose(out);
	if (!good)
		report(run, seed, text, &c, what);
	compiled_free(&c);
	free(what);
	free(text);
}

static bool read_number(const char *text, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 0);
	return *text && !*end && !errno;
}

static bool read_options(struct run *run, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "policies", required_argument, NULL, 'n' },
		{ "packets", required_argument, NULL, 'm' },
		{ "keep", required_argument, NULL, 'k' },
		{ "policy", required_argument, NULL, 'f' },
		{ "show", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t n = 0;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == '?' || (strchr("snm", o) && !read_number(optarg, &n)))
			return false;
		switch (o) {
		case 's': run->seed = n; break;
		case 'n': run->policies = n; break;
		case 'm': run->packets = n; break;
		case 'k': run->keep = optarg; break;
		case 'f': run->file = optarg; break;
		default: run->show = true;
		}
	}
	return optind == argc;
}

static void summary(const struct run *run, double took)
{
	const struct tally *t = &run->tally;

	printf("%s: %lu policies compiled, %lu refused, %lu too large, "
	       "%lu packets decided twice, %lu differences\n"
	       "  of no workload %lu, of no class %lu, passed %lu, dropped %lu, over a limit %lu, "
	       "given %lu, fell back %lu; too short %lu, unsure %lu\n"
	       "  %.1f s, %.1f s of it loading\n",
	       run->name, run->compiled, run->refused, run->too_large, t->decisions,
	       run->differences, t->foreign, t->unclassed, t->passed, t->dropped, t->limited,
	       t->given, t->fallback, t->short_frames, t->unsure, took, run->loading);
}

int run_main(struct run *run, int argc, char **argv, try_policy *try)
{
	double start = seconds();
	cpu_set_t one;

	if (!run->keep)
		run->keep = ".";
	if (!read_options(run, argc, argv)) {
		fprintf(stderr,
			"usage: %s [--seed S] [--policies N] [--packets M] [--keep FOLDER] "
			"[--show] [--policy FILE]\n",
			run->name);
		return 2;
	}
	if (geteuid() != 0) {
		printf("skipped: loading BPF programs needs root\n");
		return 77;
	}
	/* On one core, where its counters are. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	printf("%s --seed %" PRIu64 " --policies %lu --packets %lu\n", run->name, run->seed,
	       run->policies, run->packets);
	if (!machine_open(&run->machine))
		return 1;
	for (unsigned long i = 0; i < run->policies; i++)
		run_policy(run, run->seed + i, try);
	machine_close(&run->machine);
	summary(run, seconds() - start);
	return run->differences || run->too_large * TOO_LARGE_OF > run->compiled ? 1 : 0;
}
