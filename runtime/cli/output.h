/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What iopctl says, written once for people and for programs. A verb builds a
 * tree of objects, arrays and values; at its end the tree is rendered as JSON
 * (--json) or as aligned lines and tables. Errors and warnings go the same way:
 * with --json they are members of the one object that is printed, else lines on
 * stderr.
 *
 * In text an object is lines of "key: value", an array of objects a table with a
 * column a key (an object in it that holds more than values becomes lines of its
 * own below a heading), an array of values a list in one line. Underscores of
 * keys become spaces. Whatever strings hold, no control character reaches a terminal.
 *
 * Running out of memory is remembered, and told by output_finish().
 */
#ifndef IOP_CLI_OUTPUT_H
#define IOP_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output;

/* The tree's root is an object. Streams stay the caller's. NULL: no memory. */
struct output *output_new(FILE *out, FILE *err, bool json);
void output_free(struct output *o);
/* Renders and flushes; 0, or -1 with errno when something could not be written. */
int output_finish(struct output *o);

/* `key` is NULL in an array. Keys are literals or live as long as the output. */
void out_object(struct output *o, const char *key);
void out_array(struct output *o, const char *key);
void out_close(struct output *o); /* the innermost object or array */

void out_string(struct output *o, const char *key, const char *text);
void out_format(struct output *o, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void out_number(struct output *o, const char *key, unsigned long long n);
void out_signed(struct output *o, const char *key, long long n);
void out_bool(struct output *o, const char *key, bool yes);
void out_null(struct output *o, const char *key);
/* A number for programs, its text for people: 1000 and "1k/s". */
void out_quantity(struct output *o, const char *key, unsigned long long n, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A sentence for people, a line of its own above all that has a key. */
void out_say(struct output *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For who makes a value and has no memory for it: output_finish() tells. */
void out_no_memory(struct output *o);

/* The next object, array or value is for one kind of reader only. */
enum out_reader { OUT_EVERYBODY, OUT_PROGRAMS, OUT_PEOPLE };
void out_for(struct output *o, enum out_reader reader);

/* Something that went wrong or that a user should know. All of it is copied. */
struct out_message {
	const char *level; /* literal: "error", "warning", "note" */
	const char *kind;  /* literal, a word for programs: "usage", "kernel", …; NULL: none */
	const char *file;  /* place in the policy's sources; NULL or "": none */
	unsigned line, column;
	const char *text;   /* no newline at its end, no "error:" at its front */
	const char *source; /* the line there; NULL or "" */
	const char *help;   /* likewise */
	const char *detail; /* likewise; may have several lines */
};

void out_message(struct output *o, const struct out_message *m);
void out_error(struct output *o, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void out_warning(struct output *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool output_is_json(const struct output *o);

#endif
