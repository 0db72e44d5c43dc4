/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets under a name: addresses or numbers, written in the policy or one a line of a file.
 * They are kept sorted and without overlap, whatever their order was.
 */
#include <errno.h>
#include <stdlib.h>

#include "sema/sema.h"
#include "syntax/entries.h"
#include "syntax/locate.h"

static bool contains(const struct prefix *a, const struct prefix *b)
{
	unsigned whole = a->len / 8, rest = a->len % 8;

	return a->family == b->family && a->len <= b->len && memcmp(a->addr, b->addr, whole) == 0 &&
	       (!rest || (a->addr[whole] ^ b->addr[whole]) >> (8 - rest) == 0);
}

static int by_address(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int order;

	if (x->family != y->family)
		return x->family - y->family;
	order = memcmp(x->addr, y->addr, sizeof(x->addr));
	return order ? order : x->len - y->len;
}

/* Without those that lie in another. */
static uint32_t normalise(struct prefix *p, uint32_t n)
{
	uint32_t out = 0;

	qsort(p, n, sizeof(*p), by_address);
	for (uint32_t i = 0; i < n; i++)
		if (!out || !contains(&p[out - 1], &p[i]))
			p[out++] = p[i];
	return out;
}

static void take_addresses(struct sema *s, struct set *set, const struct item *i, uint32_t n)
{
	struct prefix *p = arena_alloc(s->arena, (n + 1) * sizeof(*p));

	set->prefixes = p;
	for (; i; i = i->next, p++) {
		if (i->kind != ITEM_LITERAL || i->lo->kind != LIT_ADDR) {
			diag_error(s->diags, i->at, "expected an address or a prefix");
			continue;
		}
		memcpy(p->addr, i->lo->addr, i->lo->family == 4 ? 4 : 16);
		p->family = i->lo->family;
		p->len = i->lo->has_prefix ? i->lo->prefix_len : i->lo->family == 4 ? 32 : 128;
	}
	set->n = normalise(set->prefixes, n);
}

static void take_numbers(struct sema *s, struct set *set, const struct item *i, uint32_t n)
{
	struct range *r = arena_alloc(s->arena, (n + 1) * sizeof(*r));

	set->ranges = r;
	for (; i; i = i->next, r++) {
		const struct literal *lo = i->lo, *hi = i->kind == ITEM_RANGE ? i->hi : i->lo;

		if ((i->kind != ITEM_LITERAL && i->kind != ITEM_RANGE) || lo->kind != LIT_NUMBER ||
		    hi->kind != LIT_NUMBER) {
			diag_error(s->diags, i->at, "expected a number or a range");
			continue;
		}
		*r = (struct range){ lo->value, hi->value };
		if (r->lo > r->hi)
			diag_error(s->diags, i->at, "this range is empty");
	}
	set->n = ranges_normalise(set->ranges, n);
}

/* The items of `from file "…"`; false after an error. */
static bool read_file(struct sema *s, const struct decl *d, const struct item *name,
		      const struct item **first)
{
	const struct source *from = source_of(s->sources, d->at.begin), *file;
	const char *why = from && from->builtin ? "a built-in file has no sets" : NULL;
	struct located at = { 0 };
	struct item *items = NULL;

	if (strlen(name->lo->text) != name->lo->len)
		why = "its name has a NUL byte in it";
	if (!why && from)
		why = locate(s->arena, from, name->lo->text, &at);
	file = why || !from ? NULL : source_read(s->sources, at.path, at.name);
	if (!file) {
		diag_error(s->diags, name->at, "cannot read `%s`: %s", name->lo->text,
			   why ? why : strerror(errno));
		return false;
	}
	if (!syntax_entries(s->arena, file, s->diags, &items))
		return false;
	*first = items;
	return true;
}

/* What stands behind the type: `{ … }` or `from file "…"`. */
static bool entries(struct sema *s, const struct decl *d, const struct item *type,
		    const struct item **first)
{
	const struct item *i = type->next;

	if (i && i->kind == ITEM_SET && !i->next) {
		*first = i->args;
		return true;
	}
	if (item_is(i, "from") && item_is(i->next, "file") && i->next->next &&
	    i->next->next->kind == ITEM_LITERAL && i->next->next->lo->kind == LIT_STRING &&
	    !i->next->next->next)
		return read_file(s, d, i->next->next, first);
	diag_help(diag_error(s->diags, i ? i->at : type->at, "expected the entries of the set"),
		  "`set %s : %s { … };` or `set %s : %s from file \"…\";`", d->name.text,
		  type->path[0].text, d->name.text, type->path[0].text);
	return false;
}

static struct set *find(const struct sema *s, const char *name)
{
	for (size_t i = 0; i < s->sets.n; i++)
		if (strcmp(s->sets.v[i]->name, name) == 0)
			return s->sets.v[i];
	return NULL;
}

void sema_set(struct sema *s, const struct decl *d)
{
	const struct item *type = d->body->phrases->items, *first = NULL;
	struct set *set;
	uint32_t n = 0;

	if (!sema_room(s, s->sets.n, POLICY_MAX_SETS, d->name.at, "sets in a policy"))
		return;
	sema_name(s, &d->name);
	set = find(s, d->name.text);
	if (set) {
		sema_duplicate(s, "set", d->name.text, d->name.at, set->at);
		return;
	}
	if (!item_is(type, "addr") && !item_is(type, "number")) {
		diag_help(diag_error(s->diags, type->at, "expected the type of the set's entries"),
			  "`addr` or `number`");
		return;
	}
	set = arena_new_of(s->arena, struct set);
	*set = (struct set){ .id = (uint32_t)s->sets.n, .name = d->name.text, .at = d->name.at,
			     .type = item_is(type, "addr") ? TYPE_ADDR : TYPE_NUMBER };
	*vec_push(s->arena, &s->sets) = set;
	if (!entries(s, d, type, &first))
		return;
	for (const struct item *i = first; i; i = i->next)
		if (!sema_room(s, n++, POLICY_MAX_SET, i->at, "entries in a set"))
			return;
	if (!n)
		diag_error(s->diags, d->at, "this set is empty");
	else if (set->type == TYPE_ADDR)
		take_addresses(s, set, first, n);
	else
		take_numbers(s, set, first, n);
}

const struct set *sema_find_set(struct sema *s, const struct item *word, enum lang_type type)
{
	struct set *set = find(s, word->path[0].text);

	if (!set) {
		const char **names = arena_alloc(s->arena, (s->sets.n + 1) * sizeof(*names));
		struct diag *d = diag_error(s->diags, word->at, "there is no set `%s`",
					    word->path[0].text);
		const char *near;

		for (size_t i = 0; i < s->sets.n; i++)
			names[i] = s->sets.v[i]->name;
		near = diag_closest(word->path[0].text, names, s->sets.n);
		if (near)
			diag_help(d, "did you mean `%s`?", near);
		return NULL;
	}
	if (set->type != type) {
		diag_note(diag_error(s->diags, word->at, "`%s` is a set of %s, not of %s", set->name,
				     set->type == TYPE_ADDR ? "addresses" : "numbers",
				     type == TYPE_ADDR ? "addresses" : "numbers"),
			  set->at, "declared here");
		return NULL;
	}
	set->used = true;
	return set->n ? set : NULL; /* its mistakes have been told */
}
