/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The refused policy is taken once more, with each class made reachable by a
 * source port of its own:
 *
 *   class k1 when COND;
 *   class k1 when (not (udp.sport in { 60000-60063 }) and (COND)) or udp.sport == 60001;
 *
 * so that sema hands out its conditions, COND among them. Then packets are
 * tried on these alone.
 */
#include "reach.h"

#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "interp/model.h"
#include "make_packet.h"

#define CLAIMS_MAX 32

struct claim {
	unsigned workload, class; /* by their numbers in the text */
	bool alone;               /* not even if no class stood before it */
};

/* Line `n` of the text, and the number of the workload that it stands in. */
static const char *line_at(const char *text, unsigned n, unsigned *workload)
{
	*workload = 0;
	for (unsigned i = 1; i < n && text; i++) {
		sscanf(text, "workload w%u", workload);
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text;
}

static unsigned read_claims(const char *text, const char *messages, struct claim *claims)
{
	static const char of[] = "no packet can be of class", alone[] = "no packet can meet";
	unsigned n = 0;

	for (const char *m = messages; m && n < CLAIMS_MAX; m = strchr(m, '\n')) {
		struct claim *c = &claims[n];
		unsigned line, column;
		const char *at, *end;

		m += *m == '\n';
		end = strchr(m, '\n');
		if (sscanf(m, "random.iop:%u:%u: error:", &line, &column) != 2 || !end)
			continue;
		c->alone = memmem(m, (size_t)(end - m), alone, strlen(alone)) != NULL;
		if (!c->alone && !memmem(m, (size_t)(end - m), of, strlen(of)))
			continue;
		at = line_at(text, line, &c->workload);
		n += at && sscanf(at, " class k%u", &c->class) == 1;
	}
	return n;
}

static char *make_reachable(const char *text, size_t *size)
{
	const char *proto = NULL;
	char *out;
	FILE *f = open_memstream(&out, size);

	if (!f)
		abort();
	while (*text) {
		size_t n = strcspn(text, "\n");
		unsigned class;
		int cond = 0;
		char match[4];

		/* The first match of a workload tells whose ports its packets have. */
		if (strncmp(text, "workload ", 9) == 0)
			proto = NULL;
		else if (!proto && sscanf(text, " match %3[a-z] ", match) == 1)
			proto = match[0] == 't' ? "tcp" : "udp";

		if (sscanf(text, " class k%u when %n", &class, &cond) == 1 && cond)
			fprintf(f,
				"    class k%u when (not (%s.sport in { 60000-60063 }) and (%.*s)) or "
				"%s.sport == %u;\n",
				class, proto, (int)n - cond - 1, text + cond, proto, 60000 + class);
		else
			fprintf(f, "%.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
	fclose(f);
	return out;
}

/* COND of make_reachable(). */
static const struct cond *own(const struct cond *c)
{
	return c->a->b;
}

static bool refuted(const struct claim *c, const struct workload *w, const struct facts *facts)
{
	if (c->class >= w->n_classes || !w->classes[c->class].when)
		return false;
	for (uint32_t i = 0; i < c->class && !c->alone; i++) {
		const struct cond *when = w->classes[i].when;

		if (!when || cond_eval(own(when), facts) == YES)
			return false;
	}
	return cond_eval(own(w->classes[c->class].when), facts) == YES;
}

static bool try_frame(const struct policy *p, const struct frame *f, const struct claim *claims,
		      unsigned n, FILE *out)
{
	struct interp_env env = { .workers = NULL };
	struct decision d;
	struct packet packet;
	struct layout layout;
	struct facts facts = { .packet = &packet, .layout = &layout, .env = &env };
	bool fine = true;

	interp_decide(p, f->bytes, f->len, &env, &d);
	if (d.workload == INTERP_NONE || !dissect(f->bytes, f->len, false, &packet))
		return true;
	facts.header = p->workloads[d.workload]->payload;
	layout_make(&layout, &facts);
	for (unsigned i = 0; i < n; i++) {
		if (claims[i].workload != d.workload ||
		    !refuted(&claims[i], p->workloads[d.workload], &facts))
			continue;
		fprintf(out, "class k%u of w%u is said to be out of reach, but is not:\n",
			claims[i].class, claims[i].workload);
		fine = false;
	}
	layout_free(&layout);
	return fine;
}

static bool try_frames(const struct compiled *c, const struct claim *claims, unsigned n,
		       uint64_t seed, unsigned long packets, FILE *out)
{
	struct rng r = rng_split(seed, 4);
	struct packet_maker maker;

	packet_maker_init(&maker, c->arena, c->policy);
	for (unsigned long i = 0; i < packets; i++) {
		struct frame_spec spec;
		struct frame f;

		make_packet(&maker, &r, &spec);
		frame_build(&spec, &f);
		if (try_frame(c->policy, &f, claims, n, out))
			continue;
		for (size_t k = 0; k < f.len; k++)
			fprintf(out, "%02x", f.bytes[k]);
		fputc('\n', out);
		return false;
	}
	return true;
}

bool reach_check(const char *text, const char *messages, uint64_t seed, unsigned long packets,
		 FILE *out)
{
	struct claim claims[CLAIMS_MAX];
	unsigned n = read_claims(text, messages, claims);
	struct compiled c;
	size_t size;
	char *reachable;
	bool fine = true;

	if (!n)
		return true;
	reachable = make_reachable(text, &size);
	compile_text(reachable, size, &c);
	if (c.policy) {
		fine = try_frames(&c, claims, n, seed, packets, out);
	} else if (strstr(c.messages, "no packet can ")) {
		fprintf(out, "refused, though each class has a source port of its own:\n%s",
			c.messages);
		fine = false;
	}
	if (!fine)
		fprintf(out, "it was refused with\n%s", messages);
	compiled_free(&c);
	free(reachable);
	return fine;
}
