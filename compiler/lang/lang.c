/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of fields.def and words.def as tables.
 */
#include "lang/lang.h"

#include <string.h>

#include "base/diag.h"

#define NOW LANG_NOW
#define LATER LANG_LATER
#define RX SEEN_RX
#define STACK SEEN_STACK
#define SOCKET SEEN_SOCKET
#define RUN SEEN_RUN
#define TX SEEN_TX
#define DISK SEEN_DISK

/* Rows whose form starts with their word carry it once; row_word() finds it. */
#define ROW(form_, ...) { .form = (form_), __VA_ARGS__ }

/* clang-format off */
static const struct lang_row stage_rows[] = {
#define STAGE(id, word_, since_, hook_, doc_) [STAGE_##id] = { .word = word_, .form = hook_, .since = since_, .doc = doc_ },
#include "lang/words.def"
#undef STAGE
};
static const struct lang_row action_rows[] = {
#define ACTION(id, stages_, since_, ends_, form_, doc_) ROW(form_, .stages = (stages_), .since = since_, .ends = ends_, .doc = doc_),
#include "lang/words.def"
#undef ACTION
};
static const struct lang_row selector_rows[] = {
#define SELECTOR(id, stages_, since_, form_, doc_) ROW(form_, .stages = (stages_), .since = since_, .doc = doc_),
#include "lang/words.def"
#undef SELECTOR
};
static const struct lang_row knob_rows[] = {
#define KNOB(stages_, since_, form_, doc_) ROW(form_, .stages = (stages_), .since = since_, .doc = doc_),
#include "lang/words.def"
#undef KNOB
};
static const struct lang_row class_attr_rows[] = {
#define CLASS_ATTR(since_, form_, doc_) ROW(form_, .since = since_, .doc = doc_),
#include "lang/words.def"
#undef CLASS_ATTR
};
static const struct lang_row workload_stmt_rows[] = {
#define WORKLOAD_STMT(id, since_, form_, doc_) ROW(form_, .since = since_, .doc = doc_),
#include "lang/words.def"
#undef WORKLOAD_STMT
};
static const struct lang_row proto_rows[] = {
#define PROTO(id, number_, since_, word_) ROW(word_, .number = number_, .since = since_, .doc = ""),
#include "lang/words.def"
#undef PROTO
};
static const struct lang_row owner_rows[] = {
#define OWNER(id, word_, doc_) ROW(word_, .doc = doc_),
#include "lang/words.def"
#undef OWNER
};
static const struct lang_row pool_term_rows[] = {
#define POOL_TERM(id, form_, doc_) ROW(form_, .doc = doc_),
#include "lang/words.def"
#undef POOL_TERM
};
static const struct lang_row header_type_rows[] = {
#define HEADER_TYPE(id, form_, doc_) ROW(form_, .doc = doc_),
#include "lang/words.def"
#undef HEADER_TYPE
};
static const struct lang_row expect_rows[] = {
#define EXPECT(id, form_, doc_) ROW(form_, .doc = doc_),
#include "lang/words.def"
#undef EXPECT
};
static const struct lang_row feature_rows[] = {
#define FEATURE(id, since_, word_, doc_) { .word = word_, .form = word_, .number = since_, .doc = doc_ },
#include "lang/words.def"
#undef FEATURE
};

const struct lang_field_row lang_fields[FIELD_COUNT] = {
#define NUMBER TYPE_NUMBER
#define MAC TYPE_MAC
#define ADDR TYPE_ADDR
#define BYTES TYPE_BYTES
#define FIELD(id, name_, type_, bits_, stages_, doc_) \
	{ .name = name_, .type = type_, .bits = bits_, .stages = stages_, .reader = "iop_field_" #id, .doc = doc_ },
#include "lang/fields.def"
#undef FIELD
};

#define TABLE(id, what_, rows_) \
	const struct lang_table id = { .what = what_, .rows = rows_, .n = sizeof(rows_) / sizeof(rows_[0]) }

TABLE(lang_stages, "stage", stage_rows);
TABLE(lang_actions, "action", action_rows);
TABLE(lang_selectors, "selector", selector_rows);
TABLE(lang_knobs, "setting", knob_rows);
TABLE(lang_class_attrs, "class attribute", class_attr_rows);
TABLE(lang_workload_stmts, "statement", workload_stmt_rows);
TABLE(lang_protos, "protocol", proto_rows);
TABLE(lang_owners, "owner of threads", owner_rows);
TABLE(lang_pool_terms, "pool term", pool_term_rows);
TABLE(lang_header_types, "type", header_type_rows);
TABLE(lang_expects, "expectation", expect_rows);
TABLE(lang_features, "kernel feature", feature_rows);
/* clang-format on */

const struct lang_table *const lang_tables[] = {
	&lang_stages,     &lang_actions,        &lang_selectors, &lang_knobs,
	&lang_class_attrs, &lang_workload_stmts, &lang_protos,    &lang_owners,
	&lang_pool_terms, &lang_header_types,   &lang_expects,   &lang_features,
	NULL,
};

/* Length of the first word of a row: `[le] u16` starts with u16. */
static const char *row_word(const struct lang_row *row, size_t *len)
{
	const char *s = row->word ? row->word : row->form;

	if (!row->word && *s == '[')
		s = strchr(s, ' ') + 1;
	*len = row->word ? strlen(s) : strcspn(s, " (");
	return s;
}

int lang_find(const struct lang_table *t, const char *word, size_t from)
{
	for (size_t i = from; i < t->n; i++) {
		size_t len;
		const char *s = row_word(&t->rows[i], &len);

		if (strlen(word) == len && memcmp(s, word, len) == 0)
			return (int)i;
	}
	return -1;
}

const char *lang_suggest(const struct lang_table *t, const char *word, char buf[LANG_WORD_MAX])
{
	enum { MAX_WORDS = 64 };
	char words[MAX_WORDS][LANG_WORD_MAX];
	const char *list[MAX_WORDS];
	size_t n = 0;

	for (size_t i = 0; i < t->n && n < MAX_WORDS; i++) {
		size_t len;
		const char *s = row_word(&t->rows[i], &len);

		if (len >= LANG_WORD_MAX)
			continue;
		memcpy(words[n], s, len);
		words[n][len] = '\0';
		list[n] = words[n];
		n++;
	}
	const char *near = diag_closest(word, list, n);
	if (!near)
		return NULL;
	memcpy(buf, near, strlen(near) + 1);
	return buf;
}

int lang_field_find(const char *name)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		if (strcmp(lang_fields[i].name, name) == 0)
			return i;
	return -1;
}

int lang_field_proto(int field)
{
	const char *name = lang_fields[field].name;

	for (size_t i = 0; i < lang_protos.n; i++) {
		size_t n = strlen(lang_protos.rows[i].form);

		if (strncmp(name, lang_protos.rows[i].form, n) == 0 && name[n] == '.')
			return (int)i;
	}
	return -1;
}

const char *lang_field_suggest(const char *name)
{
	const char *list[FIELD_COUNT];

	for (int i = 0; i < FIELD_COUNT; i++)
		list[i] = lang_fields[i].name;
	return diag_closest(name, list, FIELD_COUNT);
}

const char *lang_type_name(enum lang_type t)
{
	static const char *const names[] = {
		[TYPE_NUMBER] = "a number",     [TYPE_MAC] = "a MAC address",
		[TYPE_ADDR] = "an address",     [TYPE_BYTES] = "bytes",
		[TYPE_DURATION] = "a duration", [TYPE_RATE] = "a rate",
		[TYPE_BITRATE] = "a bit rate",  [TYPE_PERCENT] = "a percentage",
	};
	return names[t];
}
