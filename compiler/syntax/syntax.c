/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a file to the tree of it and of all that it includes. Files are parsed
 * one by one; an include is looked at when the file that has it is done, and
 * its declarations are put behind it.
 */
#include <errno.h>
#include <string.h>

#include "syntax/locate.h"
#include "syntax/tokens.h"

#define MAX_INCLUDES 32 /* files inside each other */

/* A file that was begun: which one it is on disk, and where from. */
struct file {
	const struct source *source;
	const char *identity; /* its path without links and dots; NULL: not a file on disk */
	struct span included; /* the include that led to it; SPAN_NONE for the first */
	bool open;            /* what it includes is being read */
};

struct session {
	struct arena *arena;
	struct source_set *sources;
	struct diags *diags;
	vec(struct file) files;
	unsigned depth;
	bool failed;
};

static struct decl *parse_text(struct session *s, const struct source *source)
{
	struct parse p = {
		.arena = s->arena,
		.diags = s->diags,
		.source = source,
		.offset = source->base,
		.kind = TOK_SEMICOLON, /* a statement begins */
	};

	if (!scanner_open(&p) || iop_yyparse(&p) != 0)
		p.failed = true;
	scanner_close(&p);
	s->failed |= p.failed;
	return p.decls;
}

static struct diag *include_error(struct session *s, const struct decl *d, const char *why)
{
	s->failed = true;
	return diag_error(s->diags, d->name.at, "cannot include `%s`: %s", d->name.text, why);
}

static void report_cycle(struct session *s, const struct decl *d, size_t again)
{
	struct diag *g = include_error(
		s, d, again + 1 == s->files.n ? "it is this file" : "it includes this file");

	for (size_t i = again + 1; i < s->files.n; i++)
		if (s->files.v[i].open)
			diag_note(g, s->files.v[i].included, "from there, `%s` is included here",
				  s->files.v[i].source->name);
}

static struct decl *parse_file(struct session *s, const struct source *source, const char *identity,
			       struct span included);

/* The declarations that an include brings; NULL if they have been read, or cannot be. */
static struct decl *include(struct session *s, const struct source *from, const struct decl *d)
{
	const struct source *source;
	struct located at;
	const char *why;

	if (!d->name.text)
		return NULL;
	if (from->builtin) {
		include_error(s, d, "a built-in file includes nothing");
		return NULL;
	}
	why = locate(s->arena, from, d->name.text, &at);
	if (why) {
		include_error(s, d, why);
		return NULL;
	}
	for (size_t i = 0; i < s->files.n; i++) {
		const struct file *f = &s->files.v[i];

		if (!f->identity || strcmp(f->identity, at.identity) != 0)
			continue;
		if (f->open)
			report_cycle(s, d, i);
		return NULL;
	}
	if (s->depth >= MAX_INCLUDES) {
		include_error(s, d, "too many files include each other");
		return NULL;
	}
	source = source_read(s->sources, at.path, at.name);
	if (!source) {
		include_error(s, d, strerror(errno));
		return NULL;
	}
	return parse_file(s, source, at.identity, d->name.at);
}

static struct decl *parse_file(struct session *s, const struct source *source, const char *identity,
			       struct span included)
{
	struct decl *decls = parse_text(s, source);
	size_t index = s->files.n;

	*vec_push(s->arena, &s->files) = (struct file){ source, identity, included, true };
	s->depth++;
	for (struct decl *d = decls; d; d = d->next) {
		struct decl *rest = d->next, *more;

		if (d->kind != DECL_INCLUDE)
			continue;
		more = include(s, source, d);
		if (!more)
			continue;
		for (d->next = more; d->next; d = d->next)
			;
		d->next = rest;
	}
	s->depth--;
	s->files.v[index].open = false;
	return decls;
}

struct ast *syntax_parse_source(struct arena *a, struct source_set *sources,
				const struct source *source, struct diags *diags)
{
	struct session s = { .arena = a, .sources = sources, .diags = diags };
	bool on_disk = !source->builtin && strcmp(source->path, "-") != 0;
	struct ast *ast = arena_new_of(a, struct ast);

	ast->sources = sources;
	ast->decls =
		parse_file(&s, source, on_disk ? identity_of(a, source->path) : NULL, SPAN_NONE);
	return s.failed ? NULL : ast;
}

struct ast *syntax_parse(struct arena *a, struct source_set *sources, const char *path,
			 struct diags *diags)
{
	const struct source *source = source_read(sources, path, NULL);

	if (!source) {
		diag_error(diags, SPAN_NONE, "cannot read `%s`: %s", path, strerror(errno));
		return NULL;
	}
	return syntax_parse_source(a, sources, source, diags);
}
