/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports own copies of all strings, so that a message outlives the object and the
 * log that it speaks of. Without memory a message is lost, but never the fact
 * that there was an error.
 */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"

struct iop_report {
	struct iop_message *messages;
	size_t n, cap;
	enum iop_cause first_cause;
	bool keeps_detail;
};

struct iop_report *iop_report_new(void)
{
	return calloc(1, sizeof(struct iop_report));
}

void iop_report_keep_detail(struct iop_report *r)
{
	r->keeps_detail = true;
}

/* Strings of a message are ours or this one, which nobody frees. */
static const char nothing[] = "";

static void drop(const char *text)
{
	if (text != nothing)
		free((void *)text);
}

static const char *copy(const char *text)
{
	const char *mine = text && *text ? strdup(text) : nothing;

	return mine ? mine : nothing;
}

static const char *vprint(const char *fmt, va_list ap)
{
	char *text;

	return vasprintf(&text, fmt, ap) < 0 ? nothing : text;
}

void iop_report_free(struct iop_report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct iop_message *m = &r->messages[i];

		drop(m->file);
		drop(m->text);
		drop(m->source);
		drop(m->help);
		drop(m->detail);
	}
	free(r->messages);
	free(r);
}

size_t iop_report_count(const struct iop_report *r)
{
	return r ? r->n : 0;
}

const struct iop_message *iop_report_message(const struct iop_report *r, size_t i)
{
	return r && i < r->n ? &r->messages[i] : NULL;
}

enum iop_cause iop_report_cause(const struct iop_report *r)
{
	return r ? r->first_cause : IOP_CAUSE_NONE;
}

struct report_place report_place(const struct iop_object *o, const struct iop_desc_place *place)
{
	if (!place->line)
		return REPORT_NOWHERE;
	return (struct report_place){ object_string(o, place->file), place->line, place->column };
}

static void add(struct iop_report *r, enum iop_level level, enum iop_cause cause,
		struct report_place place, const char *fmt, va_list ap)
{
	if (!r)
		return;
	if (cause != IOP_CAUSE_NONE && r->first_cause == IOP_CAUSE_NONE)
		r->first_cause = cause;
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 8;
		struct iop_message *grown = realloc(r->messages, cap * sizeof(*grown));

		if (!grown)
			return;
		r->messages = grown;
		r->cap = cap;
	}
	r->messages[r->n++] = (struct iop_message){
		.level = level,
		.cause = cause,
		.file = copy(place.file),
		.line = place.line,
		.column = place.column,
		.text = vprint(fmt, ap),
		.source = nothing,
		.help = nothing,
		.detail = nothing,
	};
}

int report_error(struct iop_report *r, int code, enum iop_cause cause, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, IOP_LEVEL_ERROR, cause, REPORT_NOWHERE, fmt, ap);
	va_end(ap);
	return code;
}

int report_error_at(struct iop_report *r, int code, enum iop_cause cause, struct report_place place,
		    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, IOP_LEVEL_ERROR, cause, place, fmt, ap);
	va_end(ap);
	return code;
}

int report_no_memory(struct iop_report *r)
{
	return report_error(r, -ENOMEM, IOP_CAUSE_ENVIRONMENT, "out of memory");
}

void report_warning(struct iop_report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, IOP_LEVEL_WARNING, IOP_CAUSE_NONE, REPORT_NOWHERE, fmt, ap);
	va_end(ap);
}

void report_warning_at(struct iop_report *r, struct report_place place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, IOP_LEVEL_WARNING, IOP_CAUSE_NONE, place, fmt, ap);
	va_end(ap);
}

void report_note(struct iop_report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, IOP_LEVEL_NOTE, IOP_CAUSE_NONE, REPORT_NOWHERE, fmt, ap);
	va_end(ap);
}

static struct iop_message *last(struct iop_report *r)
{
	return r && r->n ? &r->messages[r->n - 1] : NULL;
}

void report_help(struct iop_report *r, const char *fmt, ...)
{
	struct iop_message *m = last(r);
	va_list ap;

	if (!m)
		return;
	drop(m->help);
	va_start(ap, fmt);
	m->help = vprint(fmt, ap);
	va_end(ap);
}

void report_source(struct iop_report *r, const char *line)
{
	struct iop_message *m = last(r);

	if (!m)
		return;
	drop(m->source);
	m->source = copy(line);
}

void report_detail(struct iop_report *r, const char *text)
{
	struct iop_message *m = last(r);

	if (!m || !r->keeps_detail)
		return;
	drop(m->detail);
	m->detail = copy(text);
}
