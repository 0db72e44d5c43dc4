/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vocabulary: every word of the language is a row of fields.def or
 * words.def. Later rooms compare ids; strings are compared here and in sema,
 * once.
 *
 * Placeholders of a `form`: NUMBER NUMBERS(`0-3,8`) RATE DURATION PERCENT STRING
 * SIZE(number or field) KEY(`flow` or a field) POOL HEADER CACHE SIGNAL NAME
 * SELECTOR ACTION WORKERS(`0-2` `0,3` `last 2` `all` `all but last 1`) PORTS ADDRS
 * PROTO OWNER BUDGET(`2..5`) CONDITION; [ ] is optional; other words stand for
 * themselves.
 */
#ifndef IOP_LANG_LANG_H
#define IOP_LANG_LANG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lang_since { LANG_NOW, LANG_LATER };

enum lang_type {
	TYPE_NUMBER,
	TYPE_MAC,
	TYPE_ADDR,
	TYPE_BYTES,
	TYPE_DURATION, /* ns */
	TYPE_RATE,     /* requests a second */
	TYPE_BITRATE,  /* bit/s */
	TYPE_PERCENT,
};

enum lang_stage {
#define STAGE(id, word, since, hook, doc) STAGE_##id,
#include "lang/words.def"
#undef STAGE
	STAGE_COUNT
};

/* Sets of stages: bit per lang_stage. */
enum lang_seen {
#define STAGE(id, word, since, hook, doc) SEEN_##id = 1 << STAGE_##id,
#include "lang/words.def"
#undef STAGE
};

enum lang_field {
#define FIELD(id, name, type, bits, stages, doc) FIELD_##id,
#include "lang/fields.def"
#undef FIELD
	FIELD_COUNT
};

enum lang_action {
#define ACTION(id, stages, since, ends, form, doc) ACTION_##id,
#include "lang/words.def"
#undef ACTION
	ACTION_KINDS
};

enum lang_selector {
#define SELECTOR(id, stages, since, form, doc) SELECTOR_##id,
#include "lang/words.def"
#undef SELECTOR
	SELECTOR_COUNT
};

enum lang_workload_stmt {
#define WORKLOAD_STMT(id, since, form, doc) WSTMT_##id,
#include "lang/words.def"
#undef WORKLOAD_STMT
	WSTMT_COUNT
};

enum lang_proto {
#define PROTO(id, number, since, word) PROTO_##id = number,
#include "lang/words.def"
#undef PROTO
};

enum lang_owner {
#define OWNER(id, word, doc) OWNER_##id,
#include "lang/words.def"
#undef OWNER
	OWNER_COUNT
};

enum lang_pool_term {
#define POOL_TERM(id, form, doc) POOL_TERM_##id,
#include "lang/words.def"
#undef POOL_TERM
	POOL_TERM_COUNT
};

enum lang_header_type {
#define HEADER_TYPE(id, form, doc) HTYPE_##id,
#include "lang/words.def"
#undef HEADER_TYPE
	HTYPE_COUNT
};

enum lang_expect {
#define EXPECT(id, form, doc) EXPECT_##id,
#include "lang/words.def"
#undef EXPECT
	EXPECT_COUNT
};

enum lang_feature {
#define FEATURE(id, since, word, doc) FEATURE_##id,
#include "lang/words.def"
#undef FEATURE
	FEATURE_COUNT
};

struct lang_field_row {
	const char *name;
	enum lang_type type;
	unsigned bits;
	unsigned stages;
	const char *reader; /* function of the stage library; of NUMBER, MAC, ADDR */
	const char *doc;
};

/* A row that starts with a word and goes on with a form. */
struct lang_row {
	const char *word; /* first word of the form */
	const char *form;
	unsigned stages;
	enum lang_since since;
	bool ends; /* actions */
	unsigned number; /* protocols, features: KERNEL() */
	const char *doc;
};

#define KERNEL(major, minor) ((major) << 16 | (minor))

extern const struct lang_field_row lang_fields[FIELD_COUNT];

/* A table of rows; `rows[id]`. */
struct lang_table {
	const char *what; /* "action", "selector", … as it is called in messages */
	const struct lang_row *rows;
	size_t n;
};

extern const struct lang_table lang_stages, lang_actions, lang_selectors, lang_knobs,
	lang_class_attrs, lang_workload_stmts, lang_protos, lang_owners, lang_pool_terms,
	lang_header_types, lang_expects, lang_features;

/* All tables, for the documentation and completion; ends with NULL. */
extern const struct lang_table *const lang_tables[];

/* Index of the first row from `from` on whose word is `word`, or -1. */
int lang_find(const struct lang_table *t, const char *word, size_t from);
/* The table's word that is close to `word`, copied to `buf` and returned; or NULL. */
#define LANG_WORD_MAX 40
const char *lang_suggest(const struct lang_table *t, const char *word, char buf[LANG_WORD_MAX]);

/* Index of the field, or -1; the name close to `name`, or NULL. */
int lang_field_find(const char *name);
const char *lang_field_suggest(const char *name);
/* Row of lang_protos of the packets that have the field, or -1: packets of all of them. */
int lang_field_proto(int field);

/* "number", "address", "duration", … with its article where a sentence needs it. */
const char *lang_type_name(enum lang_type t);

#endif
