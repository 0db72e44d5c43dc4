/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of diagnostics, and the search for the word that was meant. How it
 * all looks is diag_render.c's.
 */
#include "base/diag.h"

#include <string.h>

#include "base/diag_model.h"

#define MAX_WORD 64

struct diags *diags_new(struct arena *a, const struct source_set *sources)
{
	struct diags *d = arena_new_of(a, struct diags);

	d->arena = a;
	d->sources = sources;
	return d;
}

static bool is_repetition(const struct diags *d, enum diag_level level, struct span at,
			  const char *text)
{
	for (size_t i = 0; i < d->kept.n; i++) {
		const struct diag *g = d->kept.v[i];

		if (g->level == level && g->at.begin == at.begin && g->at.end == at.end &&
		    strcmp(g->text, text) == 0)
			return true;
	}
	return false;
}

static struct diag *add(struct diags *d, enum diag_level level, struct span at, const char *fmt,
			va_list ap)
{
	bool error = level == DIAG_ERROR;
	unsigned *reported = error ? &d->errors : &d->warnings;
	unsigned *kept = error ? &d->kept_errors : &d->kept_warnings;
	struct diag *g;
	const char *text;

	if (*kept >= (error ? DIAG_MAX_ERRORS : DIAG_MAX_WARNINGS)) {
		++*reported;
		return &d->scratch;
	}
	text = arena_vprintf(d->arena, fmt, ap);
	if (is_repetition(d, level, at, text))
		return &d->scratch;

	g = arena_new_of(d->arena, struct diag);
	g->owner = d;
	g->level = level;
	g->at = at;
	g->text = text;
	*vec_push(d->arena, &d->kept) = g;
	++*reported;
	++*kept;
	return g;
}

struct diag *diag_error(struct diags *d, struct span at, const char *fmt, ...)
{
	struct diag *g;
	va_list ap;

	va_start(ap, fmt);
	g = add(d, DIAG_ERROR, at, fmt, ap);
	va_end(ap);
	return g;
}

struct diag *diag_warning(struct diags *d, struct span at, const char *fmt, ...)
{
	struct diag *g;
	va_list ap;

	va_start(ap, fmt);
	g = add(d, DIAG_WARNING, at, fmt, ap);
	va_end(ap);
	return g;
}

void diag_note(struct diag *g, struct span at, const char *fmt, ...)
{
	struct diag_note *note;
	va_list ap;

	if (!g->owner)
		return;
	note = vec_push(g->owner->arena, &g->notes);
	note->at = at;
	va_start(ap, fmt);
	note->text = arena_vprintf(g->owner->arena, fmt, ap);
	va_end(ap);
}

void diag_help(struct diag *g, const char *fmt, ...)
{
	va_list ap;

	if (!g->owner)
		return;
	va_start(ap, fmt);
	*vec_push(g->owner->arena, &g->help) = arena_vprintf(g->owner->arena, fmt, ap);
	va_end(ap);
}

unsigned diags_errors(const struct diags *d)
{
	return d->errors;
}

unsigned diags_warnings(const struct diags *d)
{
	return d->warnings;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits from `a` to `b`: a letter put in, left out, changed, or two neighbours
 * swapped. Only the last three rows of the table are kept. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][MAX_WORD + 1];

	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			now[j] = least(before[j - 1] + (a[i - 1] != b[j - 1]),
				       least(before[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], rows[(i + 1) % 3][j - 2] + 1);
		}
	}
	return rows[na % 3][nb];
}

const char *diag_closest(const char *word, const char *const *candidates, size_t n)
{
	size_t length = strlen(word);
	unsigned best = (unsigned)(length / 3) + 1;
	const char *found = NULL;

	if (length > MAX_WORD)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = candidates[i] ? strlen(candidates[i]) : MAX_WORD + 1;
		unsigned d;

		if (other > MAX_WORD)
			continue;
		d = distance(word, length, candidates[i], other);
		if (d < best) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}
