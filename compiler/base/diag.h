/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diagnostics as data. Passes add them; the driver renders them, sorted by
 * file and offset, as text with underlined spans or as JSON. At most
 * DIAG_MAX_ERRORS errors are kept; a further one is counted.
 */
#ifndef IOP_BASE_DIAG_H
#define IOP_BASE_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/source.h"

#define DIAG_MAX_ERRORS 20

struct arena;
struct diags;
struct diag;

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diags *diags_new(struct arena *a, const struct source_set *sources);

/* Adds one. `at` may be SPAN_NONE. The message is a sentence without a full
 * stop and without a prefix. Never NULL: beyond the limit, or for an exact
 * repetition, a scratch diagnostic that is not shown is returned. */
struct diag *diag_error(struct diags *d, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct diag *diag_warning(struct diags *d, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A second place with its own words ("first matched here"); any number of them. */
void diag_note(struct diag *g, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One `help:` line. */
void diag_help(struct diag *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How many errors were reported, those beyond the limit included. */
unsigned diags_errors(const struct diags *d);
unsigned diags_warnings(const struct diags *d);

enum diag_format { DIAG_TEXT, DIAG_TEXT_COLOUR, DIAG_JSON };

void diags_render(const struct diags *d, enum diag_format format, FILE *out);

/*
 * The name among `candidates` (n of them, NULLs allowed) that is close enough
 * to `word` to be meant, or NULL. Damerau-Levenshtein distance of at most a
 * third of the word's length.
 */
const char *diag_closest(const char *word, const char *const *candidates, size_t n);

#endif
