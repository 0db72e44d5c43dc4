/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both sides of abi/object.h against each other: what plan_describe() writes must
 * be what the runtime's reader accepts, and must say what the policy says.
 *
 * usage: describe_check FILE.iop…
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "object.h"
#include "plan/plan.h"
#include "syntax/ast.h"

static int failures;

#define EXPECT(ok, ...)                                                 \
	do {                                                            \
		if (!(ok)) {                                            \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
			fprintf(stderr, __VA_ARGS__);                   \
			fputc('\n', stderr);                            \
			failures++;                                     \
		}                                                       \
	} while (0)

static void check_names(const struct iop_object *o, const struct policy *p)
{
	EXPECT(strcmp(object_string(o, o->desc->policy), p->name) == 0, "the policy's name");
	EXPECT(strcmp(object_string(o, o->desc->compiler), "iopc test") == 0, "the compiler");
	EXPECT(memcmp(o->desc->digest, p->digest, 32) == 0, "the digest");
	EXPECT(object_count(o, IOP_TABLE_POOLS) == p->n_pools, "all pools");
	EXPECT(object_count(o, IOP_TABLE_PARAMS) == p->n_params, "all params");
	EXPECT(object_count(o, IOP_TABLE_WORKLOADS) == p->n_workloads, "all workloads");
	EXPECT(object_count(o, IOP_TABLE_CLASSES) == p->n_classes, "all classes");
	EXPECT(object_count(o, IOP_TABLE_TESTS) == p->n_tests, "all tests");
	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct workload *w = p->workloads[i];
		const struct iop_desc_workload *row = object_workload(o, i);

		EXPECT(strcmp(object_string(o, row->name), w->name) == 0, "workload %u", i);
		EXPECT(row->n_matches == w->n_matches, "matches of workload %u", i);
		EXPECT((row->hooks >> IOP_HOOK_SOCKET & 1) == (w->stages[STAGE_SOCKET] != NULL) &&
			       (row->hooks >> IOP_HOOK_RX & 1) == (w->stages[STAGE_RX] != NULL),
		       "hooks of workload %u", i);
		for (uint32_t c = 0; c < w->n_classes; c++)
			EXPECT(strcmp(object_string(o, object_class(o, row->first_class + c)->name),
				      w->classes[c].name) == 0 &&
				       row->first_class + c == w->classes[c].gid,
			       "class %u of workload %u", c, i);
	}
}

/* Each string stands in the table once. */
static void check_strings(const struct iop_object *o)
{
	uint32_t size = object_count(o, IOP_TABLE_STRINGS);
	const char *all = object_row(o, IOP_TABLE_STRINGS, 0);

	for (uint32_t i = 0; i < size; i += (uint32_t)strlen(all + i) + 1)
		for (uint32_t k = 0; k < i; k += (uint32_t)strlen(all + k) + 1)
			EXPECT(strcmp(all + i, all + k) != 0, "`%s` stands there twice", all + i);
}

static bool has_map(const struct iop_object *o, const char *name)
{
	for (uint32_t i = 0; i < object_count(o, IOP_TABLE_MAPS); i++)
		if (strcmp(object_string(o, object_map(o, i)->name), name) == 0)
			return true;
	return false;
}

static void check_variables(const struct iop_object *o, const struct policy *p)
{
	bool any = p->n_stacks > 0;

	for (uint32_t i = 0; i < p->n_pools; i++) {
		bool written = p->pools[i]->steered && !p->pools[i]->fixed;

		EXPECT((object_pool(o, i)->variable != 0) == written, "variable of pool %u", i);
		any |= written;
	}
	for (uint32_t i = 0; i < p->n_params; i++)
		any |= object_param(o, i)->variable != 0;
	for (uint32_t i = 0; i < object_count(o, IOP_TABLE_FEATURES); i++)
		any |= object_feature(o, i)->feature == IOP_FEATURE_SOCKET_QUEUE; /* iop_queue_at */
	EXPECT(has_map(o, ".rodata") == any, ".rodata is there when something is written to it");
}

static void check_hooks(const struct iop_object *o, const struct plan *plan)
{
	uint32_t n = object_count(o, IOP_TABLE_STAGES), used = 0;

	for (int h = 0; h < IOP_HOOKS; h++)
		used += plan->hooks[h].used;
	EXPECT(n == used, "a row a hook");
	/* enum iop_hook is in this order. */
	for (uint32_t i = 1; i < n; i++)
		EXPECT(object_stage(o, i - 1)->hook < object_stage(o, i)->hook,
		       "from the application to the wire");
	EXPECT(n == 0 || object_stage(o, 0)->place.line > 0, "the stage's place");
	for (uint32_t i = 0; i < object_count(o, IOP_TABLE_TARGETS); i++) {
		const struct iop_desc_target *t = object_target(o, i);

		EXPECT(t->first + t->n <= plan->hooks[t->hook].n_targets,
		       "target %u counts within its element", i);
	}
}

static void check_packets(const struct iop_object *o, const struct policy *p)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < p->n_tests; i++)
		for (uint32_t k = 0; k < p->tests[i].n_steps; k++, at++) {
			const struct iop_desc_step *s = object_step(o, at);
			const struct test_step *t = &p->tests[i].steps[k];

			EXPECT((s->kind == IOP_STEP_PACKET) == t->is_packet, "step %u", at);
			EXPECT(!t->is_packet || (s->n_blob == t->len &&
						 memcmp(object_row(o, IOP_TABLE_BLOBS, s->blob),
							t->packet, t->len) == 0),
			       "the packet of step %u", at);
		}
}

static const struct plan *compile(struct arena *a, const char *path, struct diags **diags)
{
	struct source_set *sources = source_set_new(a);

	*diags = diags_new(a, sources);

	const struct ast *ast = syntax_parse(a, sources, path, *diags);
	const struct policy *policy = ast ? sema_check(a, ast, sources, *diags) : NULL;

	return policy ? plan_make(a, policy, 0, *diags) : NULL;
}

static void check_file(const char *path)
{
	struct arena *a = arena_new();
	struct diags *diags;
	const struct plan *plan = compile(a, path, &diags);
	char error[256] = "";
	uint32_t size = 0, again = 0;

	if (!plan) {
		diags_render(diags, DIAG_TEXT, stderr);
		failures++;
	} else {
		const void *d = plan_describe(a, plan, "iopc test", &size);
		const void *e = plan_describe(a, plan, "iopc test", &again);
		struct iop_object *o = object_from_description(d, size, path, error, sizeof(error));

		EXPECT(size == again && memcmp(d, e, size) == 0, "%s: the same bytes twice", path);
		EXPECT(o, "%s: %s", path, error);
		if (o) {
			check_names(o, plan->policy);
			check_strings(o);
			check_variables(o, plan->policy);
			check_hooks(o, plan);
			check_packets(o, plan->policy);
			object_close(o);
		}
	}
	arena_free(a);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int before = failures;

		check_file(argv[i]);
		if (failures != before)
			fprintf(stderr, "%s: failed\n", argv[i]);
	}
	return argc < 2 || failures ? 1 : 0;
}
