/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle [--seed S] [--policies N] [--packets M] [--keep FOLDER] [--show] [--policy FILE]
 *
 * Random policies, compiled and loaded, met by random packets; the program's
 * decision against the interpreter's. Any difference is a bug of one of them,
 * and ends the policy it is found in. Policy i of a run has seed S + i, so
 * `--seed S+i --policies 1` is that policy alone with the same packets. With
 * --policy it is the file's instead of a random one, N times with other packets.
 *
 * Exit: 0 no difference, 1 some, 2 usage, 77 this machine cannot run it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"
#include "make_packet.h"
#include "make_policy.h"

#define LOG_SHOWN 3000

struct run {
	uint64_t seed;
	unsigned long policies, packets;
	const char *keep; /* folder for reproducers */
	const char *file; /* a policy of the user's */
	bool show;        /* print the policies */
	struct machine machine;
	struct tally tally;
	unsigned long compiled, refused, differences;
	double compiling, loading; /* seconds */
};

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
	struct make_options options = { .for_sockets = false };
	struct rng r = rng_split(seed, 1);
	char *text;
	FILE *out = open_memstream(&text, size);

	if (!out)
		abort();
	if (!run->file)
		make_policy(&r, &options, out);
	else if (!copy_file(run->file, out))
		fprintf(stderr, "oracle: %s: %s\n", run->file, strerror(errno));
	fclose(out);
	return text;
}

/* The whole difference to standard error and into a file. */
static void report(struct run *run, uint64_t seed, const char *text, const char *what)
{
	char path[512];
	FILE *f;

	run->differences++;
	fprintf(stderr,
		"=== difference: oracle --seed %" PRIu64 " --policies 1 --packets %lu\n%s%s\n",
		seed, run->packets, text, what);
	snprintf(path, sizeof(path), "%s/oracle-%" PRIu64 ".iop", run->keep, seed);
	f = fopen(path, "w");
	if (!f) {
		fprintf(stderr, "oracle: %s: %s\n", path, strerror(errno));
		return;
	}
	fprintf(f, "# oracle --seed %" PRIu64 " --policies 1 --packets %lu\n", seed, run->packets);
	/* what differs, as comments, so that the file stays a policy */
	for (const char *line = what; *line;) {
		size_t n = strcspn(line, "\n");

		fprintf(f, "# %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	fputs(text, f);
	fclose(f);
}

static void say_packet(const struct frame *f, unsigned long number, FILE *out)
{
	fprintf(out, "packet %lu, %zu bytes: ", number, f->len);
	for (size_t i = 0; i < f->len; i++)
		fprintf(out, "%02x", f->bytes[i]);
	fputc('\n', out);
}

/* Frames that are too short for the kernel: of no workload, whatever the policy. */
static bool short_frame(struct run *run, const struct compiled *c, struct kernel *k,
			const struct frame *f, FILE *out)
{
	struct decision d;

	run->tally.short_frames++;
	interp_decide(c->policy, f->bytes, f->len, &k->env, &d);
	if (d.workload == INTERP_NONE && d.rx.verdict == VERDICT_PASS)
		return true;
	say_decision(c->policy, &d, out);
	return false;
}

static bool run_packets(struct run *run, uint64_t seed, const struct compiled *c, struct kernel *k,
			FILE *out)
{
	struct rng r = rng_split(seed, 3);
	struct packet_maker maker;

	packet_maker_init(&maker, c->arena, c->policy);
	for (unsigned long i = 0; i < run->packets; i++) {
		struct frame_spec spec;
		struct frame f;
		bool same;

		make_packet(&maker, &r, &spec);
		frame_build(&spec, &f);
		same = f.len < 14 ? short_frame(run, c, k, &f, out)
				  : compare_rx(k, c, f.bytes, f.len, &run->tally, out);
		if (!same) {
			say_packet(&f, i, out);
			return false;
		}
	}
	return compare_rest(k, c, out);
}

/* A verifier's log says at its end what it is about. */
static const char *end_of(const char *log)
{
	size_t n = strlen(log);
	const char *at = n > LOG_SHOWN ? strchr(log + n - LOG_SHOWN, '\n') : log;

	return at ? at : log;
}

static void run_policy(struct run *run, uint64_t seed)
{
	size_t size, what_size;
	char *text = text_of(run, seed, &size), *log = NULL, *what;
	FILE *out = open_memstream(&what, &what_size);
	struct rng r = rng_split(seed, 2);
	double start = seconds();
	struct compiled c;
	struct kernel k = { .object = NULL };
	enum compile_result result = compile_text(text, size, &c);
	bool good = true;

	if (!out)
		abort();
	run->compiling += seconds() - start;
	if (run->show)
		printf("# seed %" PRIu64 "\n%s%s\n", seed, text, c.messages);
	if (result == REFUSED) {
		run->refused++;
	} else if (result == BROKEN) {
		fprintf(out, "not compiled:\n%s", c.messages);
		good = false;
	} else if (c.plan->hooks[IOP_HOOK_RX].used) {
		start = seconds();
		good = kernel_load(&k, &c, &run->machine, IOP_HOOK_RX, &r, &log);
		run->loading += seconds() - start;
		run->compiled++;
		if (!good)
			fprintf(out, "not loaded:\n%s", end_of(log));
		else
			good = run_packets(run, seed, &c, &k, out);
		kernel_unload(&k);
	}
	fclose(out);
	if (!good)
		report(run, seed, text, what);
	compiled_free(&c);
	free(what);
	free(text);
	free(log);
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

	printf("oracle: %lu policies compiled and loaded, %lu refused, %lu packets decided twice, "
	       "%lu differences\n"
	       "  of no workload %lu, of no class %lu, passed %lu, dropped %lu, over a limit %lu, "
	       "steered %lu, fell back %lu; too short %lu, unsure %lu\n"
	       "  %.1f s: compiling %.1f s, loading %.1f s\n",
	       run->compiled, run->refused, t->decisions, run->differences, t->foreign,
	       t->unclassed, t->passed, t->dropped, t->limited, t->steered, t->fallback,
	       t->short_frames, t->unsure, took, run->compiling, run->loading);
}

int main(int argc, char **argv)
{
	struct run run = { .seed = 1, .policies = 420, .packets = 600, .keep = "." };
	cpu_set_t one;
	double start = seconds();

	if (!read_options(&run, argc, argv)) {
		fprintf(stderr, "usage: oracle [--seed S] [--policies N] [--packets M] "
				"[--keep FOLDER] [--show] [--policy FILE]\n");
		return 2;
	}
	if (geteuid() != 0) {
		printf("skipped: loading BPF programs needs root\n");
		return 77;
	}
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	printf("oracle: --seed %" PRIu64 " --policies %lu --packets %lu\n", run.seed, run.policies,
	       run.packets);
	if (!machine_open(&run.machine))
		return 1;
	for (unsigned long i = 0; i < run.policies; i++)
		run_policy(&run, run.seed + i);
	machine_close(&run.machine);
	summary(&run, seconds() - start);
	return run.differences ? 1 : 0;
}
