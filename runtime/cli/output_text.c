/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The output tree as people read it: lines of "key: value", tables, and headings
 * with what is below them indented.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli/output_tree.h"
#include "cli/shown.h"

#define INDENT 2
#define COLUMN_GAP 2

static bool is_shown(const struct node *n)
{
	return n->reader != OUT_PROGRAMS;
}

static const struct node *shown_from(const struct node *n)
{
	while (n && !is_shown(n))
		n = n->next;
	return n;
}

/* for each member of n that people see */
#define FOR_SHOWN(m, n)                                                                            \
	for (const struct node *m = shown_from((n)->first); m; m = shown_from(m->next))

/* An array of values is a line. */
static bool is_line(const struct node *n)
{
	if (n->kind == NODE_OBJECT)
		return false;
	FOR_SHOWN(m, n)
		if (!node_is_value(m))
			return false;
	return true;
}

/* An array of objects which are lines only. */
static bool is_table(const struct node *n)
{
	if (n->kind != NODE_ARRAY || !n->first)
		return false;
	FOR_SHOWN(row, n) {
		if (row->kind != NODE_OBJECT)
			return false;
		FOR_SHOWN(cell, row)
			if (!is_line(cell))
				return false;
	}
	return true;
}

static void spaces(FILE *f, size_t n)
{
	while (n--)
		(void)fputc(' ', f);
}

/* --- values --- */

static void write_value(FILE *f, const struct node *n)
{
	if (n->text) {
		shown_write(f, *n->text ? n->text : "-", SHOWN_LINE);
		return;
	}
	switch (n->kind) {
	case NODE_UNSIGNED: (void)fprintf(f, "%llu", n->number); break;
	case NODE_SIGNED: (void)fprintf(f, "%lld", n->signed_number); break;
	case NODE_BOOL: (void)fputs(n->number ? "yes" : "no", f); break;
	default: (void)fputs("-", f); break;
	}
}

static void write_line(FILE *f, const struct node *n)
{
	const char *between = "";

	if (node_is_value(n)) {
		write_value(f, n);
		return;
	}
	if (!shown_from(n->first))
		(void)fputs("-", f);
	FOR_SHOWN(m, n) {
		(void)fputs(between, f);
		write_value(f, m);
		between = ", ";
	}
}

/* What write_line() writes, as a string. NULL: no memory. */
static char *line_of(const struct node *n)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	write_line(f, n);
	if (ferror(f) | fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static void write_key(FILE *f, const char *key, bool capitals)
{
	for (; key && *key; key++) {
		char c = *key == '_' ? ' ' : *key;

		(void)fputc(capitals && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c, f);
	}
}

/* --- tables --- */

struct column {
	const char *key;
	size_t width;
	bool right; /* all of it are numbers */
};

struct table {
	struct column *columns;
	size_t n_columns;
};

static void table_free(struct table *t)
{
	free(t->columns);
}

static struct column *column_of(struct table *t, const char *key)
{
	struct column *larger;

	for (size_t i = 0; i < t->n_columns; i++)
		if (strcmp(t->columns[i].key, key) == 0)
			return &t->columns[i];
	larger = reallocarray(t->columns, t->n_columns + 1, sizeof(*larger));
	if (!larger)
		return NULL;
	t->columns = larger;
	larger[t->n_columns] = (struct column){ .key = key, .width = strlen(key), .right = true };
	return &larger[t->n_columns++];
}

static int measure(struct table *t, const struct node *array)
{
	FOR_SHOWN(row, array)
		FOR_SHOWN(cell, row) {
			_cleanup_free_ char *text = line_of(cell);
			struct column *c = column_of(t, cell->key);
			size_t columns;

			if (!text || !c)
				return -1;
			columns = shown_columns(text);
			if (columns > c->width)
				c->width = columns;
			c->right &= cell->kind == NODE_UNSIGNED || cell->kind == NODE_SIGNED;
		}
	return 0;
}

static const struct node *cell_of(const struct node *row, const char *key)
{
	FOR_SHOWN(cell, row)
		if (strcmp(cell->key, key) == 0)
			return cell;
	return NULL;
}

static void write_header(FILE *f, const struct table *t, size_t indent)
{
	spaces(f, indent);
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *c = &t->columns[i];
		size_t pad = c->width - strlen(c->key);

		if (c->right)
			spaces(f, pad);
		write_key(f, c->key, true);
		if (i + 1 < t->n_columns)
			spaces(f, (c->right ? 0 : pad) + COLUMN_GAP);
	}
	(void)fputc('\n', f);
}

static int write_row(FILE *f, const struct table *t, const struct node *row, size_t indent)
{
	/* Spaces are owed until something follows, so that no line ends with one. */
	size_t owed = indent;

	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *c = &t->columns[i];
		const struct node *cell = cell_of(row, c->key);
		_cleanup_free_ char *text = cell ? line_of(cell) : strdup("");
		size_t columns;

		if (!text)
			return -1;
		columns = shown_columns(text);
		if (c->right)
			owed += c->width - columns;
		if (columns) {
			spaces(f, owed);
			owed = 0;
			(void)fputs(text, f); /* line_of() has made it fit */
		}
		owed += (c->right ? 0 : c->width - columns) + COLUMN_GAP;
	}
	(void)fputc('\n', f);
	return 0;
}

static int write_table(FILE *f, const struct node *array, size_t indent)
{
	_cleanup_(table_free) struct table t = { 0 };

	if (measure(&t, array))
		return -1;
	write_header(f, &t, indent);
	FOR_SHOWN(row, array)
		if (write_row(f, &t, row, indent))
			return -1;
	return 0;
}

/* --- blocks --- */

static int write_object(FILE *f, const struct node *object, size_t indent,
			const struct node *without);

/* Objects that hold more than lines: the first value of each is its heading. */
static int write_items(FILE *f, const struct node *array, size_t indent)
{
	const struct node *first_item = shown_from(array->first);

	FOR_SHOWN(item, array) {
		const struct node *title =
			item->kind == NODE_OBJECT ? shown_from(item->first) : NULL;

		if (item != first_item)
			(void)fputc('\n', f);
		if (title && !is_line(title))
			title = NULL;
		spaces(f, indent);
		if (title)
			write_line(f, title);
		else if (node_is_value(item))
			write_value(f, item);
		else
			(void)fputc('-', f);
		(void)fputc('\n', f);
		if (!node_is_value(item) && write_object(f, item, indent + INDENT, title))
			return -1;
	}
	return 0;
}

static int write_block(FILE *f, const struct node *n, size_t indent)
{
	if (n->kind == NODE_OBJECT)
		return write_object(f, n, indent, NULL);
	return is_table(n) ? write_table(f, n, indent) : write_items(f, n, indent);
}

/* Lines first, so that they stand together; then what needs a heading. */
static int write_object(FILE *f, const struct node *object, size_t indent,
			const struct node *without)
{
	size_t width = 0;
	bool above = without != NULL;

	FOR_SHOWN(m, object)
		if (m != without && is_line(m) && m->key && strlen(m->key) > width)
			width = strlen(m->key);
	FOR_SHOWN(m, object) {
		if (m == without || !is_line(m))
			continue;
		spaces(f, indent);
		if (m->key) { /* else a sentence */
			write_key(f, m->key, false);
			(void)fputc(':', f);
			spaces(f, width - strlen(m->key) + 1);
		}
		write_line(f, m);
		(void)fputc('\n', f);
		above = true;
	}
	FOR_SHOWN(m, object) {
		if (m == without || is_line(m))
			continue;
		/* Only the outermost blocks are set apart by an empty line. */
		if (above && indent == 0)
			(void)fputc('\n', f);
		above = true;
		spaces(f, indent);
		write_key(f, m->key, false);
		(void)fputs(":\n", f);
		if (write_block(f, m, indent + INDENT))
			return -1;
	}
	return 0;
}

int output_render_text(const struct node *root, FILE *f)
{
	const struct node *only = shown_from(root->first);
	int rc;

	/* A lone table needs no heading. */
	if (only && !shown_from(only->next) && is_table(only))
		rc = write_table(f, only, 0);
	else
		rc = write_object(f, root, 0, NULL);
	if (rc)
		errno = ENOMEM;
	return rc;
}
