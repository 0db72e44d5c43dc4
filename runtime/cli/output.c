/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building the tree of what iopctl says. Failing to get memory is remembered
 * once, so that verbs need not look after each value.
 */
#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli/output_tree.h"
#include "cli/shown.h"

struct output {
	FILE *out, *err;
	bool json;
	bool failed; /* no memory */
	enum out_reader next;
	struct node *root, *here;
	struct node *messages; /* member of the root, made when it is needed */
};

static void node_free(struct node *n)
{
	while (n) {
		struct node *next = n->next;

		node_free(n->first);
		free(n->text);
		free(n);
		n = next;
	}
}

/* Takes `text` over. NULL: no memory. */
static struct node *add(struct output *o, struct node *parent, const char *key, enum node_kind kind,
			char *text)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n) {
		free(text);
		o->failed = true;
		return NULL;
	}
	n->kind = kind;
	n->key = key;
	n->text = text;
	n->parent = parent;
	n->reader = o->next;
	o->next = OUT_EVERYBODY;
	if (!parent)
		return n;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

struct output *output_new(FILE *out, FILE *err, bool json)
{
	struct output *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	*o = (struct output){ .out = out, .err = err, .json = json };
	o->root = o->here = add(o, NULL, NULL, NODE_OBJECT, NULL);
	if (!o->root) {
		free(o);
		return NULL;
	}
	return o;
}

void output_free(struct output *o)
{
	if (!o)
		return;
	node_free(o->root);
	free(o);
}

int output_finish(struct output *o)
{
	if (o->failed) {
		errno = ENOMEM;
		return -1;
	}
	if (o->json ? output_render_json(o->root, o->out) : output_render_text(o->root, o->out))
		return -1;
	if (fflush(o->out) || ferror(o->out)) {
		if (!errno)
			errno = EIO;
		return -1;
	}
	return 0;
}

void out_no_memory(struct output *o)
{
	o->failed = true;
}

bool output_is_json(const struct output *o)
{
	return o->json;
}

/* --- the tree --- */

/* What is below a node that could not be made goes below its parent, and is
 * never shown: failed is set. */
static void open_node(struct output *o, const char *key, enum node_kind kind)
{
	struct node *n = add(o, o->here, key, kind, NULL);

	if (n)
		o->here = n;
}

void out_object(struct output *o, const char *key)
{
	open_node(o, key, NODE_OBJECT);
}

void out_array(struct output *o, const char *key)
{
	open_node(o, key, NODE_ARRAY);
}

void out_close(struct output *o)
{
	if (o->here->parent)
		o->here = o->here->parent;
}

void out_for(struct output *o, enum out_reader reader)
{
	o->next = reader;
}

/* NULL without memory, which is remembered. */
static char *format(struct output *o, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0) {
		o->failed = true;
		return NULL;
	}
	return text;
}

static void add_string(struct output *o, struct node *parent, const char *key, const char *text)
{
	char *copy = strdup(text);

	if (copy)
		(void)add(o, parent, key, NODE_STRING, copy);
	else
		o->failed = true;
}

static void add_number(struct output *o, struct node *parent, const char *key, enum node_kind kind,
		       unsigned long long number)
{
	struct node *n = add(o, parent, key, kind, NULL);

	if (n)
		n->number = number;
}

void out_string(struct output *o, const char *key, const char *text)
{
	add_string(o, o->here, key, text);
}

void out_format(struct output *o, const char *key, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = format(o, fmt, ap);
	va_end(ap);
	if (text)
		(void)add(o, o->here, key, NODE_STRING, text);
}

void out_number(struct output *o, const char *key, unsigned long long n)
{
	add_number(o, o->here, key, NODE_UNSIGNED, n);
}

void out_signed(struct output *o, const char *key, long long number)
{
	struct node *n = add(o, o->here, key, NODE_SIGNED, NULL);

	if (n)
		n->signed_number = number;
}

void out_bool(struct output *o, const char *key, bool yes)
{
	add_number(o, o->here, key, NODE_BOOL, yes);
}

void out_null(struct output *o, const char *key)
{
	(void)add(o, o->here, key, NODE_NULL, NULL);
}

void out_quantity(struct output *o, const char *key, unsigned long long number, const char *fmt,
		  ...)
{
	struct node *n;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = format(o, fmt, ap);
	va_end(ap);
	if (!text)
		return;
	n = add(o, o->here, key, NODE_UNSIGNED, text);
	if (n)
		n->number = number;
}

void out_say(struct output *o, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = format(o, fmt, ap);
	va_end(ap);
	o->next = OUT_PEOPLE;
	if (text)
		(void)add(o, o->root, NULL, NODE_STRING, text);
	o->next = OUT_EVERYBODY;
}

/* --- messages --- */

static bool filled(const char *s)
{
	return s && *s;
}

/* A line, or several, each behind `margin`. */
static void write_indented(FILE *f, const char *margin, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		_cleanup_free_ char *line = strndup(text, length);

		(void)fputs(margin, f);
		if (line)
			shown_write(f, line, SHOWN_TEXT);
		(void)fputc('\n', f);
		text += length + (text[length] == '\n');
	}
}

/* Errors of stderr have nobody left to be told to. */
static void write_message(FILE *f, const struct out_message *m)
{
	(void)fputs("iopctl: ", f);
	if (filled(m->file) && m->line) {
		shown_write(f, m->file, SHOWN_LINE);
		(void)fprintf(f, ":%u:", m->line);
		if (m->column)
			(void)fprintf(f, "%u:", m->column);
		(void)fputc(' ', f);
	}
	(void)fprintf(f, "%s: ", m->level);
	shown_write(f, m->text, SHOWN_TEXT);
	(void)fputc('\n', f);
	if (filled(m->source))
		write_indented(f, "    ", m->source);
	if (filled(m->help)) {
		(void)fputs("  help: ", f);
		shown_write(f, m->help, SHOWN_TEXT);
		(void)fputc('\n', f);
	}
	if (filled(m->detail))
		write_indented(f, "  | ", m->detail);
}

void out_message(struct output *o, const struct out_message *m)
{
	struct node *n;

	if (!o->json) {
		write_message(o->err, m);
		return;
	}
	o->next = OUT_EVERYBODY;
	if (!o->messages)
		o->messages = add(o, o->root, "messages", NODE_ARRAY, NULL);
	n = o->messages ? add(o, o->messages, NULL, NODE_OBJECT, NULL) : NULL;
	if (!n)
		return;
	add_string(o, n, "level", m->level);
	if (filled(m->kind))
		add_string(o, n, "kind", m->kind);
	if (filled(m->file) && m->line) {
		add_string(o, n, "file", m->file);
		add_number(o, n, "line", NODE_UNSIGNED, m->line);
		if (m->column)
			add_number(o, n, "column", NODE_UNSIGNED, m->column);
	}
	add_string(o, n, "message", m->text);
	if (filled(m->source))
		add_string(o, n, "source", m->source);
	if (filled(m->help))
		add_string(o, n, "help", m->help);
	if (filled(m->detail))
		add_string(o, n, "detail", m->detail);
}

static void out_plain(struct output *o, const char *level, const char *kind, const char *fmt,
		      va_list ap)
{
	_cleanup_free_ char *text = format(o, fmt, ap);

	if (text)
		out_message(o, &(struct out_message){ .level = level, .kind = kind, .text = text });
}

void out_error(struct output *o, const char *kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	out_plain(o, "error", kind, fmt, ap);
	va_end(ap);
}

void out_warning(struct output *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	out_plain(o, "warning", NULL, fmt, ap);
	va_end(ap);
}
