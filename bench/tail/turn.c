/* SPDX-License-Identifier: BSD-2-Clause */
#include "tail/turn.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tail/steer.h"

#define PATIENCE_MS 10000 /* until the server is ready */

/* --- the policy --- */

/* The example, under a name of this run: the user may have it loaded. */
static bool copy_policy(const struct tail_field *f, const char *to)
{
	static const char named[] = "policy rocksdb_scan;";
	char from[512], line[1024];
	bool renamed = false;
	FILE *in, *out;

	(void)snprintf(from, sizeof(from), "%s/examples/rocksdb_scan.iop", f->bench->source);
	in = fopen(from, "r");
	out = in ? fopen(to, "w") : NULL;
	while (out && fgets(line, sizeof(line), in)) {
		bool is_name = !strncmp(line, named, sizeof(named) - 1);

		renamed |= is_name;
		(void)(is_name ? fprintf(out, "policy %s;\n", f->policy) : fputs(line, out));
	}
	if (in)
		(void)fclose(in);
	if (!out || fclose(out) || !renamed) {
		fprintf(stderr, "bench: %s cannot be copied to %s\n", from, to);
		return false;
	}
	return true;
}

static bool compile(struct tail_field *f)
{
	char source[512], text[4096];
	const char *argv[] = { f->bench->iopc, source, "-o", f->object, NULL };

	(void)snprintf(f->policy, sizeof(f->policy), "bench_tail_%d", (int)getpid());
	(void)snprintf(f->object, sizeof(f->object), "%s/tail.bpf.o", f->bench->scratch);
	(void)snprintf(source, sizeof(source), "%s/tail.iop", f->bench->scratch);
	return copy_policy(f, source) &&
	       program_run(&(struct program){ .argv = argv }, text, sizeof(text));
}

static bool load_policy(const struct tail_field *f)
{
	const char *argv[] = { f->iopctl, "load", f->object, "--dev", "wire", NULL };
	char text[4096];

	return program_run(&(struct program){ .in = f->hosts.server, .argv = argv }, text,
			   sizeof(text));
}

static bool is_loaded(const struct tail_field *f)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/sys/fs/bpf/iop/%s", f->policy);
	return access(path, F_OK) == 0;
}

/* Whatever we were asked in the meantime. */
static void unload_policy(const struct tail_field *f)
{
	const char *argv[] = { f->iopctl, "unload", f->policy, NULL };

	if (!f->policy[0] || !is_loaded(f))
		return;
	program_finish(&(struct program){ .argv = argv });
	if (is_loaded(f))
		fprintf(stderr, "bench: policy %s is still loaded: iopctl unload %s\n", f->policy,
			f->policy);
}

/* --- the field --- */

bool field_open(struct tail_field *f, const struct bench *b)
{
	const char *slash = strrchr(b->iopc, '/');

	*f = (struct tail_field){ .bench = b };
	(void)snprintf(f->iopctl, sizeof(f->iopctl), "%.*s/iopctl",
		       (int)(slash ? slash - b->iopc : 1), slash ? b->iopc : ".");
	(void)snprintf(f->server, sizeof(f->server), "%s/../kvstored", b->objects);
	(void)snprintf(f->load, sizeof(f->load), "%s/../tail_load", b->objects);
	(void)snprintf(f->steer, sizeof(f->steer), "%s/tail_steer.o", b->objects);
	catch_requests_to_end();
	return compile(f) && hosts_open(&f->hosts);
}

void field_close(struct tail_field *f)
{
	unload_policy(f);
	hosts_close(&f->hosts);
}

/* --- a turn --- */

static bool is_ready(int out)
{
	struct pollfd p = { .fd = out, .events = POLLIN };
	char text[64] = "";

	if (poll(&p, 1, PATIENCE_MS) == 1 && read(out, text, sizeof(text) - 1) > 0 &&
	    !strcmp(text, "ready\n"))
		return true;
	if (!asked_to_end())
		fprintf(stderr, "bench: the server does not start: %s\n", text);
	return false;
}

static bool take_side(const struct tail_field *f, enum tail_side side, pid_t server)
{
	switch (side) {
	case TAIL_ROUND_ROBIN:
		return steer_attach(f->steer, "round_robin", server, TAIL_WORKERS);
	case TAIL_SITA: return steer_attach(f->steer, "sita", server, TAIL_WORKERS);
	case TAIL_POLICY: return load_policy(f);
	default: return true; /* the kernel's own choice */
	}
}

static bool read_times(const char *text, struct tail_times out[TAIL_KINDS])
{
	static const char *const formats[TAIL_KINDS] = {
		[TAIL_GETS] = "get %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		[TAIL_SCANS] = "scan %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
	};

	for (unsigned k = 0; k < TAIL_KINDS; k++) {
		struct tail_times *t = &out[k];

		if (sscanf(text, formats[k], &t->n, &t->lost, &t->ns[TAIL_P50], &t->ns[TAIL_P99],
			   &t->ns[TAIL_P999]) != 5 ||
		    !t->ns[TAIL_P50])
			return false;
		text = strchr(text, '\n');
		text = text ? text + 1 : "";
	}
	return true;
}

static bool ask(const struct tail_field *f, unsigned rate, double seconds, unsigned seed,
		struct tail_times out[TAIL_KINDS])
{
	char rate_text[16], seconds_text[16], seed_text[16], text[4096];
	const char *argv[] = { f->load,	  "-S",	     seed_text, HOSTS_SERVER,
			       rate_text, seconds_text, NULL };
	struct program p = { .in = f->hosts.client, .urgent = true, .argv = argv };

	(void)snprintf(rate_text, sizeof(rate_text), "%u", rate);
	(void)snprintf(seconds_text, sizeof(seconds_text), "%.1f", seconds);
	(void)snprintf(seed_text, sizeof(seed_text), "%u", seed);
	if (!program_run(&p, text, sizeof(text)))
		return false;
	if (read_times(text, out))
		return true;
	fprintf(stderr, "bench: too few requests for times:\n%s", text);
	return false;
}

bool field_turn(struct tail_field *f, enum tail_side side, unsigned rate, double seconds,
		unsigned seed, struct tail_times out[TAIL_KINDS])
{
	const char *argv[] = { f->server, NULL };
	int text;
	pid_t server = program_start(
		&(struct program){ .in = f->hosts.server, .urgent = true, .argv = argv }, &text);
	bool ok = server > 0 && is_ready(text) && take_side(f, side, server) &&
		  ask(f, rate, seconds, seed, out);

	if (side == TAIL_POLICY)
		unload_policy(f);
	if (server > 0) {
		program_stop(server);
		(void)close(text);
	}
	return ok && !asked_to_end();
}
