/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet costs, and how large an object is, with more and more workloads; what a packet
 * costs whose source is in a larger and larger set, and how long iopctl takes to load the
 * largest.
 */
#include <linux/bpf.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "abi/set.h"
#include "bench.h"
#include "packet.h"
#include "side.h"

#define SIZES 4
#define FIRST_PORT 1024
#define ROUND_NS 20000000 /* of one measurement */
#define LOAD_SECONDS 2.0
#define PORTS 3           /* at the first, the middle and the last workload */

static const unsigned workloads[SIZES] = { 1, 10, 100, 1000 };
static const unsigned entries[] = { 10, 1000, 100000 };
#define SETS (sizeof(entries) / sizeof(entries[0]))

/* Different for each i below 2^18: 10.0.0.0/26 and on, 64 addresses each. */
static uint32_t network(unsigned i)
{
	return 10u << 24 | i << 6;
}

static bool write_workloads(const char *path, unsigned n)
{
	FILE *f = fopen(path, "we");

	if (!f) {
		perror(path);
		return false;
	}
	fprintf(f, "policy scale;\n");
	for (unsigned i = 0; i < n; i++)
		fprintf(f,
			"workload w%u {\n"
			"    match udp port %u;\n"
			"    class large when payload.len > 512;\n"
			"    class small;\n"
			"    stage rx { large -> count; small -> limit %u/s, count; }\n"
			"}\n",
			i, FIRST_PORT + i, i + 1);
	return fclose(f) == 0;
}

static bool write_set(const char *path, const char *list, unsigned n)
{
	FILE *f = fopen(list, "we");

	for (unsigned i = 0; f && i < n; i++)
		fprintf(f, "%u.%u.%u.%u/26\n", network(i) >> 24, network(i) >> 16 & 255,
			network(i) >> 8 & 255, network(i) & 255);
	if (!f || fclose(f) || !(f = fopen(path, "we"))) {
		perror(list);
		return false;
	}
	fprintf(f,
		"policy scale;\n"
		"set far : addr from file \"%s\";\n"
		"workload w {\n"
		"    match udp port %u;\n"
		"    class far when ip.src in far;\n"
		"    class near;\n"
		"    stage rx { far -> count; near -> drop; }\n"
		"}\n",
		list, FIRST_PORT);
	return fclose(f) == 0;
}

static bool compile(const struct bench *b, const char *source, const char *object)
{
	char *argv[] = { (char *)b->iopc, (char *)source, "-o", (char *)object, NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) || waitpid(pid, &status, 0) < 0)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	fprintf(stderr, "%s does not compile\n", source);
	return false;
}

/* What the runtime does with a description. */
static bool fill(struct bpf_object *o, unsigned n)
{
	int map = bpf_object__find_map_fd_by_name(o, "iop_set_far");
	const __u32 one = 1;

	for (unsigned i = 0; map >= 0 && i < n; i++) {
		__u32 net = network(i);
		struct iop_set_key key = {
			.length = 32 + 26,
			.family = 4,
			.address = { net >> 24, net >> 16 & 255, net >> 8 & 255, net & 255 },
		};

		if (bpf_map_update_elem(map, &key, &one, 0))
			return false;
	}
	return true;
}

static bool open_side(struct side *s, const char *path, unsigned n_entries)
{
	*s = (struct side){ .path = path, .object = bpf_object__open_file(path, NULL) };
	if (!s->object || bpf_object__load(s->object)) {
		fprintf(stderr, "%s cannot be loaded\n", path);
		return false;
	}
	s->programs[HOOK_RX] = bpf_object__find_program_by_name(s->object, "iop_rx");
	return s->programs[HOOK_RX] && fill(s->object, n_entries);
}

/* ns of a packet; negative: error, or it was decided otherwise than `verdict`. */
static double measure(const struct side *s, const char *source, uint16_t port, int verdict)
{
	struct frame_spec spec = frame_plain(source, 4000, "192.0.2.1", port, "hello, world", 12);
	struct frame f;
	uint32_t rough;

	frame_build(&spec, &f);
	if (side_run(s, f.bytes, f.len, 10000, &rough) != verdict) {
		fprintf(stderr, "%s: a packet to port %u is not decided as it should be\n", s->path, port);
		return -1;
	}
	return side_time(s, f.bytes, f.len, ROUND_NS / (rough + 1) + 1000);
}

static bool measure_pair(const struct side *a, const struct side *b, const char *from_a,
			 const char *from_b, uint16_t port, int verdict, bool swap,
			 struct ratios *out)
{
	double first = measure(swap ? b : a, swap ? from_b : from_a, swap ? FIRST_PORT : port, verdict);
	double second = measure(swap ? a : b, swap ? from_a : from_b, swap ? port : FIRST_PORT, verdict);

	if (first <= 0 || second <= 0)
		return false;
	ratios_add(out, swap ? second : first, swap ? first : second);
	return true;
}

/* --- workloads --- */

static bool many_workloads(const struct bench *b, struct report *r)
{
	char path[SIZES][512], source[512], what[128];
	struct side one = { 0 }, side = { 0 };
	struct stat size[SIZES];
	bool ok = true;

	for (unsigned i = 0; ok && i < SIZES; i++) {
		(void)snprintf(source, sizeof(source), "%s/w%u.iop", b->scratch, workloads[i]);
		(void)snprintf(path[i], sizeof(path[i]), "%s/w%u.o", b->scratch, workloads[i]);
		ok = write_workloads(source, workloads[i]) && compile(b, source, path[i]) &&
		     stat(path[i], &size[i]) == 0;
	}
	for (unsigned i = 1; ok && i < SIZES; i++) {
		struct ratios each[PORTS] = { 0 }, mean, large = { 0 };

		for (unsigned pair = 0; ok && pair < b->pairs; pair++) {
			ok = open_side(&one, path[0], 0) && open_side(&side, path[i], 0);
			for (unsigned k = 0; ok && k < PORTS; k++)
				ok = measure_pair(&side, &one, "10.0.0.2", "10.0.0.2",
						  (uint16_t)(FIRST_PORT + (workloads[i] - 1) * k / (PORTS - 1)),
						  XDP_DROP, pair % 2, &each[k]);
			bpf_object__close(one.object);
			bpf_object__close(side.object);
		}
		if (!ok)
			break;
		mean = ratios_mean(each, PORTS);
		(void)snprintf(what, sizeof(what), "time of a packet, %u workloads to one", workloads[i]);
		report_value(r, what, workloads[i] == 1000 ? 1.5 : NO_GOAL,
			     ratios_mean_of_medians(each, PORTS), &mean);
		ratios_add(&large, (double)size[i].st_size, (double)size[0].st_size);
		(void)snprintf(what, sizeof(what), "size of the object, %u workloads to one, %lld bytes",
			       workloads[i], (long long)size[i].st_size);
		report_ratios(r, what, NO_GOAL, &large);
	}
	return ok;
}

/* --- sets --- */

/* Seconds that `iopctl load` takes on a device of a network namespace of its own; negative: error. */
static double load_seconds(const struct bench *b, const char *object)
{
	char iopctl[512], command[1400];
	const char *slash = strrchr(b->iopc, '/');
	int status, out[2];
	double seconds = -1;
	pid_t pid;

	(void)snprintf(iopctl, sizeof(iopctl), "%.*s/iopctl", slash ? (int)(slash - b->iopc) : 1,
		       slash ? b->iopc : ".");
	(void)snprintf(command, sizeof(command), "%s load %s --dev scale0 >/dev/null", iopctl, object);
	if (pipe(out) || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		struct timespec before, after;
		int rc = 1;

		if (!unshare(CLONE_NEWNET) &&
		    !system("ip link add scale0 type veth peer name scale1 && ip link set scale0 up")) {
			(void)clock_gettime(CLOCK_MONOTONIC, &before);
			rc = system(command);
			(void)clock_gettime(CLOCK_MONOTONIC, &after);
			seconds = (double)(after.tv_sec - before.tv_sec) +
				  (double)(after.tv_nsec - before.tv_nsec) / 1e9;
			(void)snprintf(command, sizeof(command), "%s unload scale >/dev/null", iopctl);
			rc |= system(command);
		}
		if (rc || write(out[1], &seconds, sizeof(seconds)) != sizeof(seconds))
			_exit(1);
		_exit(0);
	}
	(void)close(out[1]);
	if (read(out[0], &seconds, sizeof(seconds)) != sizeof(seconds))
		seconds = -1;
	(void)close(out[0]);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status) ? seconds : -1;
}

static bool load_largest(const struct bench *b, struct report *r, const char *object)
{
	struct ratios all = { 0 };
	char what[128];

	for (unsigned i = 0; i < b->pairs; i++) {
		double seconds = load_seconds(b, object);

		if (seconds < 0) {
			fprintf(stderr, "%s is not loaded by iopctl\n", object);
			return false;
		}
		ratios_add(&all, seconds, 1);
	}
	(void)snprintf(what, sizeof(what), "seconds that iopctl takes to load %u prefixes",
		       entries[SETS - 1]);
	report_ratios(r, what, LOAD_SECONDS, &all);
	return true;
}

static bool large_sets(const struct bench *b, struct report *r)
{
	char path[SETS][512], source[512], list[512], what[128], from[SETS][32];
	struct side few = { 0 }, side = { 0 };
	bool ok = true;

	for (unsigned i = 0; ok && i < SETS; i++) {
		uint32_t last = network(entries[i] - 1) + 7;

		(void)snprintf(source, sizeof(source), "%s/s%u.iop", b->scratch, entries[i]);
		(void)snprintf(list, sizeof(list), "%s/s%u.txt", b->scratch, entries[i]);
		(void)snprintf(path[i], sizeof(path[i]), "%s/s%u.o", b->scratch, entries[i]);
		(void)snprintf(from[i], sizeof(from[i]), "%u.%u.%u.%u", last >> 24, last >> 16 & 255,
			       last >> 8 & 255, last & 255);
		ok = write_set(source, list, entries[i]) && compile(b, source, path[i]);
	}
	for (unsigned i = 1; ok && i < SETS; i++) {
		struct ratios all = { 0 };

		ok = open_side(&few, path[0], 0) && open_side(&side, path[i], entries[i]);
		for (unsigned pair = 0; ok && pair < b->pairs; pair++)
			ok = measure_pair(&side, &few, from[i], from[0], FIRST_PORT, XDP_PASS, pair % 2,
					  &all);
		bpf_object__close(few.object);
		bpf_object__close(side.object);
		(void)snprintf(what, sizeof(what), "time of a packet, set of %u prefixes to %u", entries[i],
			       entries[0]);
		if (ok)
			report_ratios(r, what, NO_GOAL, &all);
	}
	return ok && load_largest(b, r, path[SETS - 1]);
}

enum outcome bench_scale(const struct bench *b)
{
	struct report *r = report_new("scale", b->json);

	return outcome(r, many_workloads(b, r) && large_sets(b, r));
}
