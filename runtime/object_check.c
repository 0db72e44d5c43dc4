/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this a description that can be trusted? First its frame (header, where the
 * tables lie), then every field of every row as object_tables.c says, at last
 * what the fields must have to do with one another. All sums are of 32-bit
 * numbers in 64 bits, so none overflows.
 */
#include "object_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "object_tables.h"

/* References of one kind may share rows, but not so that a file of 16 MiB stands for
 * more than this many rows of text. Bytes of packets have a bound of their own. */
#define MAX_SHARED_ROWS (1u << 20)
#define KNOWN_FLAGS IOP_DESC_REQUIRE_NATIVE_XDP

int check_bad(struct check *c, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->error, c->error_size, fmt, ap);
	va_end(ap);
	errno = code;
	return -1;
}

static __u32 word(const void *r, __u32 at)
{
	__u32 value;

	memcpy(&value, (const char *)r + at, sizeof(value));
	return value;
}

/* --- the frame --- */

static int check_header(struct check *c, size_t size)
{
	const struct iop_desc_header *h = c->desc;

	if (size < 2 * sizeof(__u32))
		return check_bad(c, EBADMSG, "the description is cut short within its header");
	if (h->magic == __builtin_bswap32(IOP_DESC_MAGIC))
		return check_bad(c, EBADMSG, "the description is of the other byte order");
	if (h->magic != IOP_DESC_MAGIC)
		return check_bad(c, EBADMSG, "the description has no magic number");
	if (h->version > IOP_DESC_VERSION)
		return check_bad(c, ENOTSUP,
				 "the description is of version %u, this program reads version %u",
				 h->version, IOP_DESC_VERSION);
	if (h->version != IOP_DESC_VERSION)
		return check_bad(c, EBADMSG, "the description is of the unknown version %u",
				 h->version);
	if (size < sizeof(*h))
		return check_bad(c, EBADMSG, "the description is cut short within its header");
	if (h->size != size)
		return check_bad(c, EBADMSG,
				 "the description says that it has %u bytes, it has %zu", h->size,
				 size);
	if (h->n_tables < IOP_TABLE_COUNT)
		return check_bad(c, EBADMSG, "the description has %u tables of %u", h->n_tables,
				 IOP_TABLE_COUNT);
	if (offsetof(struct iop_desc_header, tables) +
		    (unsigned long long)h->n_tables * sizeof(h->tables[0]) >
	    size)
		return check_bad(c, EBADMSG,
				 "the description is cut short within its list of tables");
	if (h->flags & ~KNOWN_FLAGS)
		return check_bad(c, ENOTSUP,
				 "the description has flags that this program does not know: 0x%x",
				 h->flags & ~KNOWN_FLAGS);
	return 0;
}

static int check_table(struct check *c, __u32 id)
{
	const struct iop_desc_table *t = &c->desc->tables[id];
	const struct table_rule *rule = &table_rules[id];
	unsigned long long bytes = (unsigned long long)t->count * t->row_size;

	/* A byte cannot grow: strings and blobs are addressed by it. */
	if (t->row_size < rule->row_size || t->row_size % rule->align ||
	    (rule->row_size == 1 && t->row_size != 1))
		return check_bad(c, EBADMSG, "table of %s rows: bad row size %u", rule->one,
				 t->row_size);
	if (t->offset % 8)
		return check_bad(c, EBADMSG,
				 "table of %s rows: its offset %u is not a multiple of 8",
				 rule->one, t->offset);
	if (t->offset > c->desc->size || bytes > c->desc->size - t->offset)
		return check_bad(c, EBADMSG,
				 "table of %s rows: %u rows at offset %u do not fit into %u bytes",
				 rule->one, t->count, t->offset, c->desc->size);
	return 0;
}

/* --- strings --- */

static bool is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

bool check_identifier(const char *s)
{
	if (!is_letter(*s))
		return false;
	while (is_letter(*s) || is_digit(*s))
		s++;
	return !*s;
}

/* Names of maps become names of files: nothing but letters, digits and dots, and not dots
 * alone. */
static bool is_symbol(const char *s)
{
	bool filled = false;

	for (; is_letter(*s) || is_digit(*s) || *s == '.'; s++)
		filled |= *s != '.';
	return filled && !*s;
}

const char *check_string_at(const struct check *c, __u32 offset)
{
	return offset < check_count(c, IOP_TABLE_STRINGS) ? check_row(c, IOP_TABLE_STRINGS, offset)
							  : NULL;
}

static int check_strings(struct check *c)
{
	__u32 n = check_count(c, IOP_TABLE_STRINGS);
	const char *s = check_row(c, IOP_TABLE_STRINGS, 0);

	if (!n)
		return check_bad(c, EBADMSG, "table of strings: empty");
	if (s[0] != '\0')
		return check_bad(c, EBADMSG, "table of strings: does not begin with a NUL");
	if (s[n - 1] != '\0')
		return check_bad(c, EBADMSG, "table of strings: does not end with a NUL");
	return 0;
}

/* The field that is being looked at; put into words only when it is bad. */
struct spot {
	__u32 table, row;
	const struct field *field;
};

static int bad_field(struct check *c, const struct spot *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int bad_field(struct check *c, const struct spot *at, const char *fmt, ...)
{
	char why[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return check_bad(c, EBADMSG, "%s %u: %s: %s", table_rules[at->table].one, at->row,
			 at->field->name, why);
}

static int check_string(struct check *c, const struct spot *at, __u32 offset)
{
	enum field_kind kind = at->field->kind;
	bool is_name = kind != FIELD_TEXT && kind != FIELD_FILLED;
	size_t max = is_name ? OBJECT_MAX_NAME : OBJECT_MAX_STRING;
	const char *s = check_string_at(c, offset);

	if (!s)
		return bad_field(c, at, "offset %u is not in the table of strings (%u bytes)",
				 offset, check_count(c, IOP_TABLE_STRINGS));
	if (strnlen(s, max + 1) > max)
		return bad_field(c, at, "longer than %zu bytes", max);
	if (!*s)
		return kind == FIELD_TEXT || kind == FIELD_VARIABLE ? 0 : bad_field(c, at, "empty");
	if ((kind == FIELD_NAME || kind == FIELD_VARIABLE) && !check_identifier(s))
		return bad_field(c, at, "not a name");
	if (kind == FIELD_SYMBOL && !is_symbol(s))
		return bad_field(c, at, "not the name of a program or map");
	return 0;
}

/* --- the fields --- */

/* What a whole table's worth of one field has used up. */
struct tally {
	unsigned char *owned; /* OWN: one byte a row of the other table */
	unsigned long long shared;
};

static int check_rows(struct check *c, const struct spot *at, struct tally *tally)
{
	const struct field *f = at->field;
	const void *r = check_row(c, at->table, at->row);
	__u32 first = word(r, f->at), n = word(r, f->n_at), there = check_count(c, f->of);
	__u32 max = f->of == IOP_TABLE_BLOBS ? IOP_DESC_MAX_SIZE : MAX_SHARED_ROWS;

	if (!n)
		return 0;
	if (first > there || n > there - first)
		return bad_field(c, at, "%u rows from %u on, but there are %u", n, first, there);
	tally->shared += n;
	if (tally->shared > max)
		return bad_field(c, at, "with it, more than %u rows are named", max);
	for (__u32 i = first; tally->owned && i < first + n; i++)
		if (tally->owned[i]++)
			return bad_field(c, at, "%s %u belongs to another one",
					 table_rules[f->of].one, i);
	return 0;
}

static int check_field(struct check *c, const struct spot *at, struct tally *tally)
{
	const struct field *f = at->field;
	__u32 value = word(check_row(c, at->table, at->row), f->at);

	switch ((enum field_kind)f->kind) {
	case FIELD_NAME:
	case FIELD_SYMBOL:
	case FIELD_VARIABLE:
	case FIELD_TEXT:
	case FIELD_FILLED: return check_string(c, at, value);
	case FIELD_OPTION:
	case FIELD_INDEX:
		if (value < check_count(c, f->of) || (f->kind == FIELD_OPTION && value == IOP_NONE))
			return 0;
		return bad_field(c, at, "there is no %s %u (%u rows)", table_rules[f->of].one,
				 value, check_count(c, f->of));
	case FIELD_ENUM: return value < f->of ? 0 : bad_field(c, at, "unknown value %u", value);
	case FIELD_OWN:
	case FIELD_SHARE: return check_rows(c, at, tally);
	}
	return bad_field(c, at, "no rule");
}

static int check_fields(struct check *c, __u32 table)
{
	const struct table_rule *rule = &table_rules[table];

	for (__u32 k = 0; k < rule->n_fields; k++) {
		const struct field *f = &rule->fields[k];
		_cleanup_free_ unsigned char *owned = NULL;
		struct tally tally = { 0 };

		if (f->kind == FIELD_OWN) {
			owned = calloc(check_count(c, f->of) + 1ul, 1);
			if (!owned)
				return check_bad(c, ENOMEM, "out of memory");
			tally.owned = owned;
		}
		for (__u32 i = 0; i < check_count(c, table); i++) {
			struct spot at = { table, i, f };

			if (check_field(c, &at, &tally))
				return -1;
		}
	}
	return 0;
}

int object_check(const void *section, size_t size, char *error, size_t error_size)
{
	struct check c = { section, error, error_size };

	if (check_header(&c, size))
		return -1;
	for (__u32 t = 0; t < IOP_TABLE_COUNT; t++)
		if (check_table(&c, t))
			return -1;
	if (check_strings(&c))
		return -1;
	for (__u32 t = 0; t < IOP_TABLE_COUNT; t++)
		if (check_fields(&c, t))
			return -1;
	return check_relations(&c);
}
