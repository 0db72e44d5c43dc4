/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which header a name means: one that a file declares, or one of the protocols
 * that are compiled in, which are read when they are first asked for.
 */
#include "base/source.h"
#include "lang/protocols.h"
#include "sema/sema.h"

/* A protocol of the compiler's own, read when it is first asked for. */
static const struct header *builtin_header(struct sema *s, const char *name)
{
	const struct lang_protocol *p = lang_protocol_find(name);
	size_t before = s->headers.n;

	if (!p)
		return NULL;
	const struct source *src = source_add_builtin(s->sources, p->file, p->text, p->size);

	if (!src) {
		diag_error(s->diags, SPAN_NONE, "all sources together are too large");
		return NULL;
	}
	const struct ast *ast = syntax_parse_source(s->arena, s->sources, src, s->diags);

	for (const struct decl *d = ast ? ast->decls : NULL; d; d = d->next)
		if (d->kind == DECL_HEADER)
			sema_header(s, d, true);
	/* The only one in it; not there if a policy has more headers than it may. */
	return s->headers.n > before ? s->headers.v[before] : NULL;
}

const struct header *sema_find_header(struct sema *s, const struct item *word)
{
	const char *names[64];
	size_t n = 0;

	if (word->kind != ITEM_WORD) {
		diag_error(s->diags, word->at, "expected the name of a header");
		return NULL;
	}
	const char *name = word->path[0].text;

	for (size_t i = 0; i < s->headers.n; i++) {
		if (strcmp(s->headers.v[i]->name, name) == 0)
			return s->headers.v[i];
		if (n < 48)
			names[n++] = s->headers.v[i]->name;
	}
	if (lang_protocol_find(name))
		return builtin_header(s, name);
	for (const struct lang_protocol *p = lang_protocols; p->name && n < 64; p++)
		names[n++] = p->name;
	struct diag *d = diag_error(s->diags, word->at, "there is no header `%s`", name);
	const char *near = diag_closest(name, names, n);

	if (near)
		diag_help(d, "did you mean `%s`?", near);
	else
		diag_help(d, "declare it: `header %s { op u8; … }`", name);
	return NULL;
}
