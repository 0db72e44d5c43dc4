/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diagnostics as people and editors read them. In text, each place is
 *
 *   dns_edge.iop:27:35: error: there is no pool `nett`
 *      27 |         all -> steer to nett by hash(flow);
 *         |                         ^~~~
 *
 * with its notes in the same form below it, and `help:` lines at the end.
 */
#include <inttypes.h>
#include <string.h>

#include "base/diag_model.h"
#include "base/diag_text.h"

#define MAX_KEPT (DIAG_MAX_ERRORS + DIAG_MAX_WARNINGS)
#define TAB_COLUMNS 8
#define GUTTER_DIGITS 5

/* A line of more bytes than LINE_BYTES is cut to a window that begins
 * BEFORE_BYTES before the place and has WINDOW_BYTES. */
#define LINE_BYTES 160
#define BEFORE_BYTES 40
#define WINDOW_BYTES 120

static const char *const colour_of[] = {
	[DIAG_ERROR] = "\033[1;31m",
	[DIAG_WARNING] = "\033[1;35m",
};
static const char *const name_of[] = {
	[DIAG_ERROR] = "error",
	[DIAG_WARNING] = "warning",
};

#define COLOUR_NOTE "\033[1;36m"
#define COLOUR_HELP "\033[1;32m"
#define COLOUR_BOLD "\033[1m"

struct painter {
	const struct source_set *sources;
	FILE *out;
	bool colour;
};

static void paint(const struct painter *p, const char *colour, const char *text)
{
	fprintf(p->out, "%s%s%s", p->colour ? colour : "", text, p->colour ? "\033[0m" : "");
}

/* A span within one file, with its ends looked up. */
struct place {
	struct position begin, end;
};

static struct place place_of(const struct source_set *sources, struct span at)
{
	struct place place = { source_position(sources, at.begin), { NULL, 0, 0 } };
	const struct source *f = place.begin.source;

	if (!f)
		return place;
	if (at.end < at.begin)
		at.end = at.begin;
	if (at.end > f->base + f->size)
		at.end = f->base + (uint32_t)f->size;
	place.end = source_position(sources, at.end);
	return place;
}

/* What is shown of a line, as offsets into it: the window and the marked part. */
struct excerpt {
	const char *line;
	size_t length, from, to, mark, mark_end;
};

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static struct excerpt excerpt_of(const struct place *place)
{
	const struct source *f = place->begin.source;
	uint32_t line = place->begin.line;
	size_t begin = f->line[line - 1];
	size_t end = line < f->n_lines ? f->line[line] - 1 : f->size;
	struct excerpt x = { .line = f->text + begin };

	if (end > begin && f->text[end - 1] == '\r')
		end--;
	x.length = x.to = end - begin;
	x.mark = place->begin.column - 1;
	x.mark_end = place->end.line == line ? place->end.column - 1 : x.length;
	if (x.mark > x.length)
		x.mark = x.length;
	if (x.length <= LINE_BYTES)
		return x;

	/* cut between characters, wherever that is possible */
	x.from = x.mark > BEFORE_BYTES ? x.mark - BEFORE_BYTES : 0;
	for (int i = 0; i < 3 && x.from > 0 && is_continuation(x.line[x.from]); i++)
		x.from--;
	if (x.length - x.from > WINDOW_BYTES)
		x.to = x.from + WINDOW_BYTES;
	for (int i = 0; i < 3 && x.to < x.length && is_continuation(x.line[x.to]); i++)
		x.to++;
	return x;
}

static void render_excerpt(const struct painter *p, const struct place *place, const char *colour)
{
	struct excerpt x = excerpt_of(place);
	unsigned column = 0, before = 0, marked = 0;

	fprintf(p->out, "%*" PRIu32 " | ", GUTTER_DIGITS, place->begin.line);
	if (x.from > 0) {
		fputs("...", p->out);
		column = before = 3;
	}
	for (size_t i = x.from; i < x.to;) {
		struct glyph g = glyph_at(x.line + i, x.length - i);

		if (x.line[i] == '\t') {
			g.columns = TAB_COLUMNS - column % TAB_COLUMNS;
			fprintf(p->out, "%*s", (int)g.columns, "");
		} else {
			fputs(g.shown, p->out);
		}
		if (i + g.bytes <= x.mark)
			before += g.columns;
		else if (i < x.mark_end)
			marked += g.columns;
		column += g.columns;
		i += g.bytes;
	}
	fprintf(p->out, "%s\n%*s | %*s", x.to < x.length ? "..." : "", GUTTER_DIGITS, "",
		(int)before, "");
	if (p->colour)
		fputs(colour, p->out);
	fputc('^', p->out);
	while (marked-- > 1)
		fputc('~', p->out);
	fputs(p->colour ? "\033[0m\n" : "\n", p->out);
}

static void render_place(const struct painter *p, struct span at, const char *kind,
			 const char *colour, const char *text)
{
	struct place place = place_of(p->sources, at);

	if (p->colour)
		fputs(COLOUR_BOLD, p->out);
	if (place.begin.source) {
		print_shown(p->out, place.begin.source->name);
		fprintf(p->out, ":%" PRIu32 ":%" PRIu32 ": ", place.begin.line, place.begin.column);
	}
	paint(p, colour, kind);
	fputs(": ", p->out);
	if (p->colour)
		fputs(COLOUR_BOLD, p->out);
	print_shown(p->out, text);
	fputs(p->colour ? "\033[0m\n" : "\n", p->out);
	if (place.begin.source)
		render_excerpt(p, &place, colour);
}

static void render_text(const struct painter *p, const struct diag *g)
{
	render_place(p, g->at, name_of[g->level], colour_of[g->level], g->text);
	for (size_t i = 0; i < g->notes.n; i++)
		render_place(p, g->notes.v[i].at, "note", COLOUR_NOTE, g->notes.v[i].text);
	for (size_t i = 0; i < g->help.n; i++) {
		paint(p, COLOUR_HELP, "help");
		fputs(": ", p->out);
		print_shown(p->out, g->help.v[i]);
		fputc('\n', p->out);
	}
}

static void json_place(const struct painter *p, struct span at, const char *text)
{
	struct place place = place_of(p->sources, at);
	const char *file = place.begin.source ? place.begin.source->name : NULL;

	fputs("\"file\":", p->out);
	print_json(p->out, file);
	if (file)
		fprintf(p->out,
			",\"line\":%" PRIu32 ",\"column\":%" PRIu32 ",\"end_line\":%" PRIu32
			",\"end_column\":%" PRIu32,
			place.begin.line, place.begin.column, place.end.line, place.end.column);
	else
		fputs(",\"line\":null,\"column\":null,\"end_line\":null,\"end_column\":null",
		      p->out);
	fputs(",\"message\":", p->out);
	print_json(p->out, text);
}

static void render_json(const struct painter *p, const struct diag *g)
{
	fprintf(p->out, "{\"level\":\"%s\",", name_of[g->level]);
	json_place(p, g->at, g->text);
	fputs(",\"notes\":[", p->out);
	for (size_t i = 0; i < g->notes.n; i++) {
		fputs(i ? ",{" : "{", p->out);
		json_place(p, g->notes.v[i].at, g->notes.v[i].text);
		fputc('}', p->out);
	}
	fputs("],\"help\":[", p->out);
	for (size_t i = 0; i < g->help.n; i++) {
		if (i)
			fputc(',', p->out);
		print_json(p->out, g->help.v[i]);
	}
	fputs("]}", p->out);
}

/* By place; those at one place in the order of report. */
static size_t sorted(const struct diags *d, const struct diag *order[MAX_KEPT])
{
	size_t n = 0;

	for (size_t i = 0; i < d->kept.n; i++) {
		const struct diag *g = d->kept.v[i];
		size_t at = n++;

		for (; at > 0 && order[at - 1]->at.begin > g->at.begin; at--)
			order[at] = order[at - 1];
		order[at] = g;
	}
	return n;
}

/* What was counted only, as one more diagnostic without a place. */
static size_t add_rest(struct diag *rest, char text[64], enum diag_level level, unsigned n)
{
	if (n == 0)
		return 0;
	snprintf(text, 64, "%u more %s%s not shown", n, name_of[level], n == 1 ? "" : "s");
	*rest = (struct diag){ .level = level, .text = text };
	return 1;
}

void diags_render(const struct diags *d, enum diag_format format, FILE *out)
{
	struct painter p = { d->sources, out, format == DIAG_TEXT_COLOUR };
	const struct diag *order[MAX_KEPT];
	size_t n = sorted(d, order), n_rest = 0;
	struct diag rest[2];
	char text[2][64];

	n_rest += add_rest(&rest[0], text[0], DIAG_ERROR, d->errors - d->kept_errors);
	n_rest +=
		add_rest(&rest[n_rest], text[n_rest], DIAG_WARNING, d->warnings - d->kept_warnings);
	if (format == DIAG_JSON)
		fputc('[', out);
	for (size_t i = 0; i < n; i++) {
		if (format == DIAG_JSON)
			fputs(i ? ",\n" : "", out);
		(format == DIAG_JSON ? render_json : render_text)(&p, order[i]);
	}
	for (size_t i = 0; i < n_rest; i++) {
		if (format == DIAG_JSON) {
			fputs(n + i ? ",\n" : "", out);
			render_json(&p, &rest[i]);
		} else {
			fprintf(out, "%s\n", rest[i].text);
		}
	}
	if (format == DIAG_JSON)
		fputs("]\n", out);
}
