/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A C header for programs that read a policy's maps: numbers of workloads and
 * classes, names of maps, and the layouts of those whose elements are meant to
 * be read by others.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "plan/plan.h"

struct writing {
	struct arena *arena;
	const struct plan *plan;
	const char *policy, *POLICY; /* as it is, and in capitals */
	FILE *out;
};

static const char *capitals(struct arena *a, const char *s)
{
	char *copy = arena_strdup(a, s);

	/* `iop_count_rx` and `.data.group` alike */
	for (char *c = copy; *c; c++)
		*c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	return copy;
}

/* --- constants: names in capitals, of which two may have become one --- */

struct constant {
	const char *name;
	uint32_t value;
};

typedef vec(struct constant) constants;

static void constant(struct writing *w, constants *v, uint32_t value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void constant(struct writing *w, constants *v, uint32_t value, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*vec_push(w->arena, v) =
		(struct constant){ capitals(w->arena, arena_vprintf(w->arena, fmt, ap)), value };
	va_end(ap);
}

static int by_name(const void *a, const void *b)
{
	const struct constant *const *x = a, *const *y = b;
	int order = strcmp((*x)->name, (*y)->name);

	return order ? order : (*x)->value<(*y)->value ? -1 : (*x)->value>(*y)->value;
}

/* Of names that are the same (classes `a` and `A`), all but the first get their number. */
static void tell_apart(struct writing *w, constants *v)
{
	struct constant **sorted = arena_alloc(w->arena, (v->n + 1) * sizeof(*sorted));
	const char *last = "";

	for (size_t i = 0; i < v->n; i++)
		sorted[i] = &v->v[i];
	qsort(sorted, v->n, sizeof(struct constant *), by_name);
	for (size_t i = 0; i < v->n; i++) {
		if (strcmp(last, sorted[i]->name) == 0)
			sorted[i]->name = arena_printf(w->arena, "%s__%" PRIu32, sorted[i]->name,
						       sorted[i]->value);
		else
			last = sorted[i]->name;
	}
}

static void print_enum(struct writing *w, const char *what, constants *v)
{
	tell_apart(w, v);
	fprintf(w->out, "enum %s_%s {\n", w->policy, what);
	for (size_t i = 0; i < v->n; i++)
		fprintf(w->out, "\t%s = %" PRIu32 ",\n", v->v[i].name, v->v[i].value);
	fputs("};\n\n", w->out);
}

static void print_workloads(struct writing *w)
{
	const struct policy *p = w->plan->policy;
	constants workloads = { 0 }, classes = { 0 };

	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct workload *wl = p->workloads[i];

		constant(w, &workloads, i, "%s_WORKLOAD_%s", w->policy, wl->name);
		for (uint32_t k = 0; k < wl->n_classes; k++)
			constant(w, &classes, wl->classes[k].gid, "%s_CLASS_%s_%s", w->policy,
				 wl->name, wl->classes[k].name);
	}
	print_enum(w, "workload", &workloads);
	fputs("/* Keys of the counters' maps. */\n", w->out);
	print_enum(w, "class", &classes);
}

/* --- maps --- */

static void print_names(struct writing *w)
{
	fprintf(w->out, "/* Names of the maps; pinned under /sys/fs/bpf/iop/%s. */\n", w->policy);
	for (uint32_t i = 0; i < w->plan->n_maps; i++) {
		const struct plan_map *m = w->plan->maps[i];
		const char *name = capitals(w->arena, m->name);

		/* Those of a socket group are private to it. */
		if (m->scope != IOP_SCOPE_POLICY)
			continue;
		if (strncmp(name, "IOP_", 4) == 0)
			name += 4;
		fprintf(w->out, "#define %s_MAP_%s \"%s\"\n", w->POLICY, name, m->name);
	}
	fputc('\n', w->out);
}

static const char *c_name(struct arena *a, const char *counter)
{
	char *copy = arena_strdup(a, counter);

	for (char *c = copy; *c; c++)
		if (*c == '-')
			*c = '_';
	return copy;
}

static void print_counts(struct writing *w, enum iop_hook hook, const char *stage)
{
	static const struct {
		const char *name, *doc;
	} counters[] = {
#define ROW(id, name, doc) { name, doc },
		IOP_COUNTERS(ROW)
#undef ROW
	};
	const struct plan_hook *h = &w->plan->hooks[hook];

	if (!h->used)
		return;
	fprintf(w->out, "/* An element of %s, an element a class and CPU. */\n", h->counts->name);
	fprintf(w->out, "struct %s_count_%s {\n", w->policy, stage);
	for (unsigned i = 0; i < IOP_COUNT_TARGETS; i++)
		fprintf(w->out, "\tuint64_t %s; /* %s */\n", c_name(w->arena, counters[i].name),
			counters[i].doc);
	if (h->n_targets > IOP_COUNT_TARGETS)
		fprintf(w->out,
			"\tuint64_t target[%" PRIu32 "]; /* cores or workers that were chosen */\n",
			h->n_targets - IOP_COUNT_TARGETS);
	fputs("};\n\n", w->out);
}

static void print_path(struct writing *w)
{
	static const struct {
		const char *name, *doc;
	} counters[] = {
#define ROW(id, name, doc) { name, doc },
		IOP_PATH_COUNTERS(ROW)
#undef ROW
	};

	fputs("/* An element of iop_path, an element a stage and CPU. */\n", w->out);
	fprintf(w->out, "struct %s_path {\n", w->policy);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		fprintf(w->out, "\tuint64_t %s; /* %s */\n", c_name(w->arena, counters[i].name),
			counters[i].doc);
	fputs("};\n\n", w->out);
	fprintf(w->out, "enum %s_stage {\n", w->policy);
	fprintf(w->out, "\t%s_STAGE_SOCKET = %d,\n", w->POLICY, IOP_HOOK_SOCKET);
	fprintf(w->out, "\t%s_STAGE_CONNECTIONS = %d,\n", w->POLICY, IOP_HOOK_CONNECTIONS);
	fprintf(w->out, "\t%s_STAGE_LOOKUP = %d,\n", w->POLICY, IOP_HOOK_LOOKUP);
	fprintf(w->out, "\t%s_STAGE_TX = %d,\n", w->POLICY, IOP_HOOK_TX);
	fprintf(w->out, "\t%s_STAGE_STACK = %d,\n", w->POLICY, IOP_HOOK_STACK);
	fprintf(w->out, "\t%s_STAGE_RX = %d,\n", w->POLICY, IOP_HOOK_RX);
	fputs("};\n\n", w->out);
}

void plan_print_header(const struct plan *plan, FILE *out)
{
	struct arena *scratch = arena_new();
	struct writing w = {
		.arena = scratch, .plan = plan, .policy = plan->policy->name, .out = out
	};

	w.POLICY = capitals(scratch, w.policy);
	fputs("/* SPDX-License-Identifier: BSD-2-Clause */\n", out);
	fprintf(out,
		"/*\n * Generated by `iopc --emit=header` from policy %s: do not edit.\n"
		" * It holds for objects that are compiled from the same source.\n */\n",
		w.policy);
	fprintf(out, "#ifndef IOP_POLICY_%s_H\n#define IOP_POLICY_%s_H\n\n#include <stdint.h>\n\n",
		w.POLICY, w.POLICY);
	print_workloads(&w);
	print_names(&w);
	print_counts(&w, IOP_HOOK_RX, "rx");
	print_counts(&w, IOP_HOOK_SOCKET, "socket");
	print_counts(&w, IOP_HOOK_TX, "tx");
	print_path(&w);
	fputs("#endif\n", out);
	arena_free(scratch);
}
