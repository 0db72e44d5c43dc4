/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole-process time and peak memory of iopc against clang on the twins, and of
 * iopc on a thousand workloads against one.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "policies.h"

#define MANY_WORKLOADS 1000
#define ARGS_MAX 32

struct cost {
	double seconds, kib;
};

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Runs a program to its end; false, with a message, if it fails. */
static bool run(char *const argv[], struct cost *out)
{
	double before = now();
	struct rusage usage;
	int status, err;
	pid_t pid;

	err = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (err) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(err));
		return false;
	}
	while (wait4(pid, &status, 0, &usage) < 0) {
		if (errno != EINTR)
			return false;
	}
	out->seconds = now() - before;
	out->kib = (double)usage.ru_maxrss;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	fprintf(stderr, "%s failed\n", argv[0]);
	return false;
}

/* --- the two sides --- */

static bool run_iopc(const struct bench *b, const char *source, struct cost *out)
{
	char object[512];
	char *argv[] = { (char *)b->iopc, (char *)source, "-o", object, NULL };

	(void)snprintf(object, sizeof(object), "%s/iopc.o", b->scratch);
	return run(argv, out);
}

static bool run_clang(const struct bench *b, const struct policy *p, struct cost *out)
{
	static const char *const flags[] = { IOP_TWIN_FLAGS };
	const unsigned n = sizeof(flags) / sizeof(flags[0]);
	char source[512], object[512];
	char *argv[ARGS_MAX] = { IOP_CLANG };
	unsigned i = 1;

	(void)snprintf(source, sizeof(source), "%s/bench/twin/%s.bpf.c", b->source, p->name);
	(void)snprintf(object, sizeof(object), "%s/clang.o", b->scratch);
	for (unsigned k = 0; k < n && i < ARGS_MAX - 5; k++)
		argv[i++] = (char *)flags[k];
	argv[i++] = "-c";
	argv[i++] = source;
	argv[i++] = "-o";
	argv[i] = object;
	return run(argv, out);
}

static bool run_side(const struct bench *b, const struct policy *p, bool clang, struct cost *out)
{
	char source[512];

	(void)snprintf(source, sizeof(source), "%s/examples/%s.iop", b->source, p->name);
	return clang ? run_clang(b, p, out) : run_iopc(b, source, out);
}

static bool against_clang(const struct bench *b, struct report *r, const struct policy *p)
{
	struct ratios time = { 0 }, memory = { 0 };
	char what[128];

	/* The first of each brings the files into memory. */
	for (unsigned pair = 0; pair < b->pairs + 1; pair++) {
		struct cost cost[2];

		for (unsigned i = 0; i < 2; i++) {
			bool clang = (i + pair) % 2;

			if (!run_side(b, p, clang, &cost[clang]))
				return false;
		}
		if (!pair)
			continue;
		ratios_add(&time, cost[0].seconds, cost[1].seconds);
		ratios_add(&memory, cost[0].kib, cost[1].kib);
	}
	(void)snprintf(what, sizeof(what), "%s: time, iopc to clang on the twin", p->name);
	report_ratios(r, what, 0.5, &time);
	(void)snprintf(what, sizeof(what), "%s: peak memory, iopc to clang on the twin", p->name);
	report_ratios(r, what, 0.5, &memory);
	return true;
}

/* --- a thousand workloads --- */

static bool write_workloads(const char *path, unsigned n)
{
	FILE *f = fopen(path, "we");

	if (!f) {
		perror(path);
		return false;
	}
	fprintf(f, "policy many;\npool net { cores 0; }\n");
	for (unsigned i = 0; i < n; i++)
		fprintf(f,
			"workload w%u {\n"
			"    match udp port %u;\n"
			"    class large when payload.len > 512;\n"
			"    class small;\n"
			"    stage rx { large -> drop; small -> steer to net by hash(flow); }\n"
			"}\n",
			i, 1024 + i);
	if (fclose(f)) {
		perror(path);
		return false;
	}
	return true;
}

static bool many_against_one(const struct bench *b, struct report *r)
{
	struct ratios time = { 0 };
	char path[2][512], what[128];

	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(path[i], sizeof(path[i]), "%s/%s.iop", b->scratch,
			       i ? "one" : "many");
		if (!write_workloads(path[i], i ? 1 : MANY_WORKLOADS))
			return false;
	}
	for (unsigned pair = 0; pair < b->pairs; pair++) {
		struct cost cost[2];

		for (unsigned i = 0; i < 2; i++) {
			unsigned which = (i + pair) % 2;

			if (!run_iopc(b, path[which], &cost[which]))
				return false;
		}
		ratios_add(&time, cost[0].seconds, cost[1].seconds);
	}
	(void)snprintf(what, sizeof(what), "time, iopc on %u workloads to one", MANY_WORKLOADS);
	report_ratios(r, what, 10, &time);
	return true;
}

enum outcome bench_compile(const struct bench *b)
{
	struct report *r = report_new("compile", b->json);
	bool ok = true;

	for (unsigned i = 0; ok && i < n_policies; i++)
		ok = against_clang(b, r, &policies[i]);
	ok = ok && many_against_one(b, r);
	return outcome(r, ok);
}
