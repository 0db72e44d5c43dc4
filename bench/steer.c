/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack on another core: by a policy's `steer`, by a policy's stage `stack`, by a program by
 * hand, by the kernel's own receive packet steering. How many packets a second get to a socket?
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "tail/hosts.h"

#define SECONDS "1.5"
#define PATIENCE_MS 10000
#define POLICY "bench_steer"

enum side { POLICY_SIDE, STACK, HAND, RPS, SIDES };

struct steer {
	const struct bench *bench;
	struct hosts hosts;
	char object[512], stack[512], hand[512], host[512], flood[512], iopctl[512];
};

static bool run(pid_t in, const char *const *argv)
{
	char text[4096];

	return program_run(&(struct program){ .in = in, .argv = argv }, text, sizeof(text));
}

static bool is_loaded(void)
{
	return access("/sys/fs/bpf/iop/" POLICY, F_OK) == 0;
}

/* After Ctrl-C, too: the command does not look at what we were asked. */
static void unload(const struct steer *s)
{
	const char *argv[] = { s->iopctl, "unload", POLICY, NULL };

	if (is_loaded())
		program_finish(&(struct program){ .argv = argv });
}

/* Receive packet steering to core 1; on the device that the policy is on otherwise. */
static bool set_rps(const struct steer *s, bool on)
{
	const char *argv[] = { "sh", "-c", NULL, NULL };
	char command[160];

	/* /sys shows the devices of the namespace that mounted it. */
	(void)snprintf(command, sizeof(command),
		       "unshare --mount sh -c 'mount -t sysfs none /sys && echo %d "
		       ">/sys/class/net/wire/queues/rx-0/rps_cpus'",
		       on ? 2 : 0);
	argv[2] = command;
	return run(s->hosts.server, argv);
}

/* Datagrams that have come to a socket's queue, or found it full. */
static bool arrived(const struct steer *s, double *n)
{
	char path[64], names[1024], values[1024];
	unsigned long long in = 0, no_room = 0;
	bool found = false;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/net/snmp", (int)s->hosts.server);
	f = fopen(path, "r");
	while (f && !found && fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f))
		found = sscanf(values, "Udp: %llu %*u %*u %*u %llu", &in, &no_room) == 2;
	if (f)
		(void)fclose(f);
	if (!found)
		fputs("bench: the server's counters of UDP cannot be read\n", stderr);
	*n = (double)in + (double)no_room;
	return found;
}

static bool is_ready(int out)
{
	struct pollfd p = { .fd = out, .events = POLLIN };
	char text[256] = "";

	if (poll(&p, 1, PATIENCE_MS) == 1 && read(out, text, sizeof(text) - 1) > 0 &&
	    !strcmp(text, "ready\n"))
		return true;
	if (!asked_to_end())
		fprintf(stderr, "bench: the receiver does not start: %s\n", text);
	return false;
}

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Packets a second; 0: it could not be measured. */
static double measure(const struct steer *s, enum side side)
{
	const char *plain[] = { s->host, "wire", NULL };
	const char *hand[] = { s->host, "-x", s->hand, "wire", NULL };
	const char *load[] = { s->iopctl, "load", side == STACK ? s->stack : s->object, "--dev",
			       "wire", NULL };
	const char *flood[] = { s->flood, HOSTS_SERVER, SECONDS, NULL };
	double before, after, start = 0, took = 1;
	int text;
	pid_t host = program_start(&(struct program){ .in = s->hosts.server,
						      .argv = side == HAND ? hand : plain },
				   &text);
	bool ok = host > 0 && is_ready(text);

	if (ok && (side == POLICY_SIDE || side == STACK))
		ok = run(s->hosts.server, load);
	if (ok && side == RPS)
		ok = set_rps(s, true);
	ok = ok && arrived(s, &before);
	start = seconds();
	ok = ok && run(s->hosts.client, flood);
	took = seconds() - start;
	ok = ok && arrived(s, &after);
	if (side == RPS)
		ok = set_rps(s, false) && ok;
	unload(s);
	if (host > 0) {
		program_stop(host);
		(void)close(text);
	}
	return ok && !asked_to_end() ? (after - before) / took : 0;
}

static bool begin(struct steer *s, const struct bench *b)
{
	const char *slash = strrchr(b->iopc, '/');
	char source[512], stack[512];
	const char *compile[] = { b->iopc, source, "-o", s->object, NULL };
	const char *compile_stack[] = { b->iopc, stack, "-o", s->stack, NULL };
	const char *checksums[] = { "ethtool", "-K", "wire", "tx", "off", NULL };

	*s = (struct steer){ .bench = b };
	(void)snprintf(source, sizeof(source), "%s/bench/steer/steer.iop", b->source);
	(void)snprintf(stack, sizeof(stack), "%s/bench/steer/stack.iop", b->source);
	(void)snprintf(s->stack, sizeof(s->stack), "%s/stack.bpf.o", b->scratch);
	(void)snprintf(s->object, sizeof(s->object), "%s/steer.bpf.o", b->scratch);
	(void)snprintf(s->hand, sizeof(s->hand), "%s/steer_hand.o", b->objects);
	(void)snprintf(s->host, sizeof(s->host), "%s/../steer_host", b->objects);
	(void)snprintf(s->flood, sizeof(s->flood), "%s/../steer_flood", b->objects);
	(void)snprintf(s->iopctl, sizeof(s->iopctl), "%.*s/iopctl",
		       (int)(slash ? slash - b->iopc : 1), slash ? b->iopc : ".");
	catch_requests_to_end();
	if (is_loaded()) {
		fputs("bench: policy " POLICY " is loaded already: iopctl unload " POLICY "\n",
		      stderr);
		return false;
	}
	/* A frame that is redirected loses the mark that its checksum is still to be made: so the
	 * sender makes it, for all sides. */
	return run(0, compile) && run(0, compile_stack) && hosts_open(&s->hosts) && run(s->hosts.client, checksums);
}

enum outcome bench_steer(const struct bench *b)
{
	struct report *r = report_new("steer", b->json);
	struct ratios hand = { 0 }, rps = { 0 }, stack_hand = { 0 }, stack_rps = { 0 }, rate[SIDES] = { 0 };
	static const char *const names[SIDES] = { "policy", "stage stack", "by hand", "RPS" };
	struct steer s = { 0 };
	bool ok = begin(&s, b);

	for (unsigned pair = 0; ok && pair < b->pairs; pair++) {
		double pps[SIDES];

		for (unsigned i = 0; ok && i < SIDES; i++) {
			enum side side = pair % 2 ? SIDES - 1 - i : i;

			pps[side] = measure(&s, side);
			ok = pps[side] > 0;
			ratios_add(&rate[side], pps[side], 1e3);
		}
		if (!ok)
			break;
		ratios_add(&hand, pps[POLICY_SIDE], pps[HAND]);
		ratios_add(&rps, pps[POLICY_SIDE], pps[RPS]);
		ratios_add(&stack_hand, pps[STACK], pps[HAND]);
		ratios_add(&stack_rps, pps[STACK], pps[RPS]);
	}
	hosts_close(&s.hosts);
	if (ok) {
		report_least(r, "packets a second to a socket, policy to program by hand", 1.00,
			     &hand);
		report_least(r, "packets a second to a socket, policy to RPS", 1.00, &rps);
		report_least(r, "packets a second to a socket, stage stack to program by hand", 1.00,
			     &stack_hand);
		report_least(r, "packets a second to a socket, stage stack to RPS", 1.00, &stack_rps);
		for (unsigned i = 0; i < SIDES; i++) {
			char what[64];

			(void)snprintf(what, sizeof(what), "1,000 packets a second, %s", names[i]);
			report_figure(r, what, &rate[i]);
			if (!b->json)
				printf("  %-12s %8.0f packets a second\n", names[i],
				       1e3 * ratios_median(&rate[i]));
		}
	}
	return outcome(r, ok);
}
