/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iopctl inspect: an object explained. Needs no privilege and does not ask the
 * kernel; everything shown comes from the file.
 */
#include "cli/inspect.h"

#include <bpf/libbpf.h>
#include <stdlib.h>

#include "cleanup.h"
#include "cli/cli.h"
#include "declared.h"
#include "units.h"
#include "words.h"

/* A sentence of words.h as a value: SAY(out, key, words_x(f, …)). */
#define SAY(out, key, call)                                     \
	do {                                                    \
		_cleanup_free_ char *say_text = NULL;           \
		size_t say_size = 0;                            \
		FILE *f = open_memstream(&say_text, &say_size); \
		if (f) {                                        \
			call;                                   \
			if (ferror(f) | fclose(f))              \
				out_no_memory(out);             \
			else                                    \
				out_string(out, key, say_text); \
		} else {                                        \
			out_no_memory(out);                     \
		}                                               \
	} while (0)

static void say_place(struct output *out, const struct iop_object *o,
		      const struct iop_desc_place *place)
{
	SAY(out, "at", words_place(f, o, place));
}

static void say_header(struct output *out, const struct iop_object *o)
{
	char digest[2 * sizeof(o->desc->digest) + 1];

	for (size_t i = 0; i < sizeof(o->desc->digest); i++)
		(void)snprintf(digest + 2 * i, 3, "%02x", o->desc->digest[i]);
	out_string(out, "policy", object_string(o, o->desc->policy));
	out_string(out, "object", o->path);
	out_string(out, "digest", digest);
	out_string(out, "compiler", object_string(o, o->desc->compiler));
	out_number(out, "format", o->desc->version);
	if (o->elf)
		out_number(out, "bytes", o->elf_size);
	if (o->desc->flags & IOP_DESC_REQUIRE_NATIVE_XDP) {
		out_array(out, "requires");
		out_string(out, NULL, "native xdp");
		out_close(out);
	}
}

static void say_pools(struct output *out, const struct iop_object *o)
{
	if (!object_count(o, IOP_TABLE_POOLS))
		return;
	out_array(out, "pools");
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_POOLS); i++) {
		const struct iop_desc_pool *p = object_pool(o, i);

		out_object(out, NULL);
		out_string(out, "name", object_string(o, p->name));
		SAY(out, "what", words_pool(f, o, p));
		out_string(out, "known",
			   *object_string(o, p->variable) ? "at load" : "when compiled");
		out_bool(out, "steered_to", p->steered);
		say_place(out, o, &p->place);
		out_close(out);
	}
	out_close(out);
}

static void say_quantity(struct output *out, const char *key, __u64 value, enum iop_param_type type)
{
	char text[UNITS_TEXT];

	out_quantity(out, key, value, "%s", units_format(value, type, text));
}

static void say_params(struct output *out, const struct iop_object *o)
{
	if (!object_count(o, IOP_TABLE_PARAMS))
		return;
	out_array(out, "params");
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_PARAMS); i++) {
		const struct iop_desc_param *p = object_param(o, i);

		out_object(out, NULL);
		out_string(out, "name", object_string(o, p->name));
		out_string(out, "type", word_of_param(p->type));
		say_quantity(out, "value", p->value, p->type);
		say_quantity(out, "least", p->min, p->type);
		say_quantity(out, "most", p->max, p->type);
		out_bool(out, "used", *object_string(o, p->variable));
		out_bool(out, "live", p->live);
		say_place(out, o, &p->place);
		out_close(out);
	}
	out_close(out);
}

static void say_classes(struct output *out, const struct iop_object *o,
			const struct iop_desc_workload *w)
{
	out_array(out, "classes");
	for (__u32 i = 0; i < w->n_classes; i++) {
		const struct iop_desc_class *c = object_class(o, w->first_class + i);

		out_object(out, NULL);
		out_string(out, "name", object_string(o, c->name));
		out_number(out, "number", w->first_class + i);
		out_number(out, "rank", c->rank);
		say_place(out, o, &c->place);
		out_close(out);
	}
	out_close(out);
}

static void say_workloads(struct output *out, const struct iop_object *o)
{
	out_array(out, "workloads");
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_WORKLOADS); i++) {
		const struct iop_desc_workload *w = object_workload(o, i);

		out_object(out, NULL);
		out_string(out, "name", object_string(o, w->name));
		out_number(out, "rank", w->rank);
		out_array(out, "match");
		for (__u32 k = 0; k < w->n_matches; k++)
			SAY(out, NULL, words_match(f, o, object_match(o, w->first_match + k)));
		out_close(out);
		out_array(out, "threads");
		for (__u32 k = 0; k < w->n_owners; k++) {
			const struct iop_desc_owner *owner = object_owner(o, w->first_owner + k);

			out_format(out, NULL, "%s \"%s\"", word_of_owner(owner->kind),
				   object_string(o, owner->text));
		}
		out_close(out);
		say_place(out, o, &w->place);
		say_classes(out, o, w);
		out_close(out);
	}
	out_close(out);
}

static void say_stages(struct output *out, const struct iop_object *o)
{
	out_array(out, "stages");
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_STAGES); i++) {
		const struct iop_desc_stage *s = object_stage(o, i);
		const char *program = object_string(o, s->program);

		out_object(out, NULL);
		out_string(out, "stage", word_of_hook(s->hook));
		out_string(out, "program", program);
		out_number(out, "instructions", declared_instructions(o, program));
		say_place(out, o, &s->place);
		out_close(out);
	}
	out_close(out);
}

/* The pool or the workers that a map's content is about. */
static void say_about(struct output *out, const struct iop_object *o, const struct iop_desc_map *m)
{
	if (m->role == IOP_MAP_NEAR_WORKER)
		SAY(out, "of",
		    (fputs("workers ", f), words_workers(f, o, m->workers_kind, m->first_range,
							 m->n_ranges, m->workers_n)));
	else if (m->pool != IOP_NONE)
		out_format(out, "of", "pool %s", object_string(o, object_pool(o, m->pool)->name));
	else
		out_null(out, "of");
}

static void say_maps(struct output *out, const struct iop_object *o, const struct declared *d)
{
	if (!object_count(o, IOP_TABLE_MAPS))
		return;
	out_array(out, "maps");
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MAPS); i++) {
		const struct iop_desc_map *m = object_map(o, i);
		struct declared_map map;

		out_object(out, NULL);
		out_string(out, "name", object_string(o, m->name));
		out_string(out, "role", word_of_role(m->role));
		out_string(out, "scope", word_of_scope(m->scope));
		if (d && declared_map(d, object_string(o, m->name), &map)) {
			const char *type = libbpf_bpf_map_type_str(map.type);

			out_string(out, "type", type ? type : "unknown");
			out_number(out, "key", map.key_size);
			out_number(out, "value", map.value_size);
			out_number(out, "entries", map.max_entries);
		} else if (d) {
			out_string(out, "type", "absent");
		}
		say_about(out, o, m);
		say_place(out, o, &m->place);
		out_close(out);
	}
	out_close(out);
}

static void say_features(struct output *out, const struct iop_object *o)
{
	if (!object_count(o, IOP_TABLE_FEATURES))
		return;
	out_array(out, "features");
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_FEATURES); i++) {
		const struct iop_desc_feature *feature = object_feature(o, i);

		out_object(out, NULL);
		out_string(out, "feature", word_of_feature(feature->feature));
		out_string(out, "what", object_string(o, feature->what));
		out_format(out, "since", "%u.%u", feature->since >> 16, feature->since & 0xffff);
		out_string(out, "why", object_string(o, feature->why));
		say_place(out, o, &feature->place);
		out_close(out);
	}
	out_close(out);
}

static void say_steps(struct output *out, const struct iop_object *o, const struct iop_desc_test *t)
{
	out_for(out, OUT_PROGRAMS);
	out_array(out, "steps");
	for (__u32 k = 0; k < t->n_steps; k++)
		SAY(out, NULL, words_step(f, o, object_step(o, t->first_step + k)));
	out_close(out);
}

static void say_tests(struct output *out, const struct iop_object *o)
{
	if (!object_count(o, IOP_TABLE_TESTS))
		return;
	out_array(out, "tests");
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_TESTS); i++) {
		const struct iop_desc_test *t = object_test(o, i);
		__u32 packets = 0;

		for (__u32 k = 0; k < t->n_steps; k++)
			packets += object_step(o, t->first_step + k)->kind == IOP_STEP_PACKET;
		out_object(out, NULL);
		out_string(out, "name", object_string(o, t->name));
		out_number(out, "packets", packets);
		out_number(out, "expectations", t->n_steps - packets);
		say_place(out, o, &t->place);
		say_steps(out, o, t);
		out_close(out);
	}
	out_close(out);
}

void inspect_say(struct output *out, const struct iop_object *o)
{
	struct declared *d = o->elf ? declared_read(o) : NULL;

	say_header(out, o);
	say_pools(out, o);
	say_params(out, o);
	say_workloads(out, o);
	say_stages(out, o);
	say_maps(out, o, d);
	say_features(out, o);
	say_tests(out, o);
	declared_free(d);
}

static int run(struct cli *c)
{
	struct iop_object *o;
	char error[1024];

	o = object_open(c->arguments[0], error, sizeof(error));
	if (!o)
		return cli_fail(c, cli_object_exit(), "%s", error);
	inspect_say(c->out, o);
	object_close(o);
	return CLI_FINE;
}

const struct cli_verb verb_inspect = {
	.name = "inspect",
	.arguments = "FILE",
	.doc = "explain a compiled policy: what it does, where, and what it needs",
	.more = "Nothing is loaded, and no privilege is needed. Stages are listed in the order in\n"
		"which they are attached.",
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
