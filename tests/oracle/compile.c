/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compiler's rooms one after the other; see compile.h.
 */
#include "compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/source.h"
#include "emit/emit.h"
#include "syntax/ast.h"

/* What a policy is refused for though each part of it is valid. */
static const char *const fair[] = {
	"no packet can be of class",
	"no packet can meet this condition",
	"both match packets",
	"is never reached",
	"no packet goes from an address of one family",
};

/* Is each error one of those? */
static bool all_fair(const char *messages)
{
	const char *error = messages;

	while ((error = strstr(error, " error: "))) {
		const char *end = strchr(error, '\n');
		bool found = false;

		for (size_t i = 0; i < sizeof(fair) / sizeof(fair[0]); i++) {
			const char *at = strstr(error, fair[i]);

			found |= at && (!end || at < end);
		}
		if (!found)
			return false;
		error++;
	}
	return true;
}

static bool run_rooms(struct compiled *c, struct source_set *sources, const char *text, size_t size,
		      struct diags *diags, bool *parsed)
{
	const struct source *source = source_add(sources, "random.iop", "random.iop", text, size);
	const struct ast *ast =
		source ? syntax_parse_source(c->arena, sources, source, diags) : NULL;
	const struct emitted *emitted;
	const void *description;
	uint32_t n;

	*parsed = ast;
	c->policy = ast ? sema_check(c->arena, ast, sources, diags) : NULL;
	c->plan = c->policy ? plan_make(c->arena, c->policy, 0, diags) : NULL;
	description = c->plan ? plan_describe(c->arena, c->plan, "oracle", &n) : NULL;
	emitted = description ? emit_plan(c->arena, c->plan, description, n, EMIT_OBJECT, diags)
			      : NULL;
	if (!emitted)
		return false;
	c->object = emitted->data;
	c->size = emitted->size;
	return true;
}

enum compile_result compile_text(const char *text, size_t size, struct compiled *c)
{
	struct source_set *sources;
	struct diags *diags;
	FILE *messages;
	size_t messages_size;
	bool parsed, fine;

	*c = (struct compiled){ .arena = arena_new() };
	sources = source_set_new(c->arena);
	diags = diags_new(c->arena, sources);
	fine = run_rooms(c, sources, text, size, diags, &parsed);

	messages = open_memstream(&c->messages, &messages_size);
	if (!messages)
		abort();
	diags_render(diags, DIAG_TEXT, messages);
	fclose(messages);
	if (fine)
		return COMPILED;
	return parsed && !c->policy && all_fair(c->messages) ? REFUSED : BROKEN;
}

void compiled_free(struct compiled *c)
{
	free(c->messages);
	arena_free(c->arena);
}
