/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to sema: its state and the functions of its files. Each of them adds
 * to the policy under construction and reports what is wrong; none stops at
 * the first mistake. sema.c calls them in order.
 */
#ifndef IOP_SEMA_SEMA_H
#define IOP_SEMA_SEMA_H

#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "sema/policy.h"
#include "syntax/ast.h"

struct sema {
	struct arena *arena;
	struct diags *diags;
	struct source_set *sources;
	const struct decl *decls;
	struct policy *policy;
	vec(struct pool *) pools;
	vec(struct param *) params;
	vec(struct set *) sets;
	vec(struct signal *) signals;
	vec(struct header *) headers; /* all that are declared or asked for */
	vec(struct workload *) workloads;
	vec(struct test) tests;
	uint32_t n_actions;
	uint32_t n_stacks;
	uint32_t n_classes;
	uint32_t n_steps;
	uint64_t n_comparisons;
	uint32_t reach_work; /* of reach.c */
};

/* Where the fields of a condition come from. */
struct scope {
	const struct header *header;   /* payload of the workload, or NULL */
	/* In a header: fields of the header or element so far. Only these are visible, and with
	 * `packet` those that each packet has. */
	bool layout, packet;
	struct hfield *const *element;
	uint32_t n_element;
	unsigned protos; /* bit per row of lang_protos: what the workload matches; 0: not known */
};

/* --- form.c: phrases against the forms of lang/ --- */

/* What the placeholders of a form took: a run of items each. */
struct capture {
	char what[16]; /* "RATE" */
	const struct item *first;
	uint32_t n;
};

struct form {
	struct capture captures[6];
	uint32_t n;
};

/* Matches the items behind the first word of `row`. On a mismatch reports it (with the
 * form as help) and returns false. `end` is where the phrase ends. */
bool form_match(struct sema *s, const struct lang_row *row, const struct item *word,
		const struct item *items, struct form *f);
const struct capture *form_get(const struct form *f, const char *what);

/* "<what> `word` is not known", with a suggestion from the table. */
void sema_unknown(struct sema *s, const struct lang_table *t, const struct item *word);
/* "`word` is not supported yet" */
void sema_later(struct sema *s, struct span at, const char *what);
/* The item as one word, or NULL after an error that says `what` was expected. */
const char *sema_word(struct sema *s, const struct item *i, const char *what);
bool item_is(const struct item *i, const char *word);
struct span item_span(const struct item *first, uint32_t n);

/* A plain number no greater than max; false after an error. */
bool sema_number(struct sema *s, const struct item *i, const char *what, uint64_t max,
		 uint64_t *value);
/* A duration of more than 0; false after an error. */
bool sema_duration(struct sema *s, const struct item *i, const char *what, uint64_t *ns);
/* Numbers and ranges, or one set of them, into sorted disjoint ranges (or, with `ordered`,
 * in the order written; overlaps are errors then). */
bool sema_ranges(struct sema *s, const struct capture *c, const char *what, uint64_t max,
		 bool ordered, struct range **ranges, uint32_t *n);
/* Addresses and prefixes, one set of them, or the name of a set, which goes to `set`. */
bool sema_prefixes(struct sema *s, const struct capture *c, struct prefix **prefixes,
		   uint32_t *n, const struct set **set);
/* Sorts, joins what overlaps or touches; returns the new count. */
uint32_t ranges_normalise(struct range *r, uint32_t n);
void sema_duplicate(struct sema *s, const char *what, const char *name, struct span at,
		    struct span before);
/* Is there room for one more? If not, the first one that is too many is an error; the
 * others are passed over, so that a list without an end is read in linear time. */
bool sema_room(struct sema *s, size_t n, size_t max, struct span at, const char *what);
/* A name that the object carries: an error if it is too long. */
void sema_name(struct sema *s, const struct name *n);

/* --- pool.c, header.c --- */
void sema_pool(struct sema *s, const struct decl *d);
void sema_param(struct sema *s, const struct decl *d);
/* Is it a rate that a limit can keep? If not, an error is added. */
bool sema_rate_fits(struct sema *s, enum lang_type type, uint64_t rate, struct span at);
void sema_header(struct sema *s, const struct decl *d, bool builtin);
/* The header with another number for one of its GIVEN fields; NULL after an error. */
struct header_given {
	const char *name;
	uint64_t number;
};
const struct header *sema_header_with(struct sema *s, const struct header *h,
				      const struct item *name, const struct item *number);
struct pool *sema_find_pool(struct sema *s, const struct item *word);
const struct header *sema_find_header(struct sema *s, const struct item *word);
struct param *sema_param_named(const struct sema *s, const char *name);
const struct hfield *header_field(const struct header *h, const char *name);
/* Does a string stand for this REPEAT, split at its `join`? Elements are a length of one
 * byte and the bytes that it counts, and an empty one is the last. */
bool hfield_joins(const struct hfield *f);

/* --- set.c --- */
void sema_set(struct sema *s, const struct decl *d);
/* The set that the word names; NULL after an error. */
const struct set *sema_find_set(struct sema *s, const struct item *word, enum lang_type type);
/* --- signal.c --- */
void sema_signal(struct sema *s, const struct decl *d);
/* The signal that `min(…)` names, NULL after an error. */
const struct signal *sema_find_signal(struct sema *s, const struct item *call);

/* --- operand.c --- */
enum operand_kind { OPERAND_BAD, OPERAND_VALUE, OPERAND_ADDR, OPERAND_BYTES };
struct operand {
	enum operand_kind kind;
	const struct value *value; /* VALUE */
	struct field_ref field;    /* ADDR, BYTES: a field */
	struct span at;
};
/* An expression that is no condition. */
struct operand sema_operand(struct sema *s, const struct scope *scope, const struct expr *e,
			    const struct hfield *enums_of);
bool sema_field(struct sema *s, const struct scope *scope, const struct item *i,
		struct field_ref *f);
enum lang_type field_ref_type(const struct field_ref *f);
unsigned field_ref_bits(const struct field_ref *f); /* of numbers */
unsigned field_ref_stages(const struct field_ref *f);
const struct enum_value *hfield_enum(const struct hfield *f, const char *name);
/* "`word` is no value of …" */
void hfield_no_enum(struct sema *s, const struct hfield *f, const struct item *word);
/* A string as the bytes of the field, for comparing (`whole`) or for a part of it. */
bool sema_field_bytes(struct sema *s, const struct field_ref *f, const struct literal *l,
		      struct span at, bool whole, struct bytes *out);

/* --- cond.c, reach.c --- */
/* The greatest number that this can be. */
uint64_t sema_value_max(const struct value *v);
const struct cond *sema_cond(struct sema *s, const struct scope *scope, const struct expr *e);
/* How many comparisons it is, as POLICY_MAX_COMPARISONS counts them. */
uint64_t cond_comparisons(const struct cond *c);
/* Calls fn for every field that the condition reads. */
void cond_fields(const struct cond *c, void (*fn)(void *ctx, const struct field_ref *f),
		 void *ctx);
void sema_reach(struct sema *s, const struct workload *w);
/* Which classes a reply can be told to be of (reply.c). */
void sema_replies(struct sema *s, const struct workload *w);
/* Classes whose replies some rule orders; and the bands of all of them, once ranks are known. */
uint64_t sema_orders(const struct workload *w);
void sema_bands(struct sema *s);

/* --- workload.c, rules.c, overlap.c, test.c --- */
void sema_workload(struct sema *s, const struct decl *d);
void sema_priority(struct sema *s, const struct item *names, const struct workload *w);
/* Nothing comes of a priority. */
void sema_unfollowed(struct sema *s, struct span at, const char *help);
/* "there is no class `word`" (of w), or (NULL) "there is no workload `word`" */
void sema_no_such(struct sema *s, const struct item *word, const struct workload *w);
void sema_stage(struct sema *s, struct workload *w, const struct stmt *st);
/* A field that the stage of the workload cannot see is an error. */
void sema_visible(struct sema *s, const struct field_ref *f, const struct workload *w,
		  enum lang_stage stage, struct span stage_at);
/* What the matches name: bit per row of lang_protos. */
unsigned sema_protos(const struct match *m, size_t n);
/* The budget's least and most; false after an error. */
bool sema_budget(struct sema *s, const struct capture *budget, struct pool *pool,
		 const struct workload *w, uint64_t *least, uint64_t *most);
void sema_overlap(struct sema *s);
void sema_test(struct sema *s, const struct decl *d);

/* --- stack.c --- */
/* A stage begins; one of its settings, of the form that starts with `word`. */
void sema_stack_begin(struct sema *s, struct workload *w, struct span at);
void sema_stack_setting(struct sema *s, struct workload *w, const char *word, const struct form *f,
			struct span at);
/* Behind all stages of the workload: rules of rx lead to the stage's cores. */
void sema_stack_end(struct sema *s, struct workload *w);
/* Behind all workloads: who meets on the cores of a pool. */
void sema_stacks(struct sema *s);

/* --- packet.c --- */
/* The frame of a test's packet; false after errors. */
bool sema_packet(struct sema *s, const struct stmt *st, const uint8_t **frame, uint32_t *len);

#endif
