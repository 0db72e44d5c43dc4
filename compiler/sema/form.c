/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Phrases against forms. A row of the vocabulary says `limit RATE [per KEY]
 * [burst NUMBER] [else ACTION]`; this file walks a phrase along it and hands
 * back what stands at each placeholder. So the syntax of an action is its row.
 */
#include <ctype.h>
#include <stdlib.h>

#include "sema/sema.h"

bool item_is(const struct item *i, const char *word)
{
	return i && i->kind == ITEM_WORD && strcmp(i->path[0].text, word) == 0;
}

struct span item_span(const struct item *first, uint32_t n)
{
	struct span at = first->at;

	for (const struct item *i = first; i && n; i = i->next, n--)
		at.end = i->at.end;
	return at;
}

void sema_unknown(struct sema *s, const struct lang_table *t, const struct item *word)
{
	if (word->kind != ITEM_WORD && word->kind != ITEM_CALL) {
		diag_error(s->diags, word->at, "expected %s %s",
			   strchr("aeiou", *t->what) ? "an" : "a", t->what);
		return;
	}
	char buf[LANG_WORD_MAX];
	const char *near = lang_suggest(t, word->path[0].text, buf);
	struct diag *d =
		diag_error(s->diags, word->at, "there is no %s `%s`", t->what, word->path[0].text);

	if (near)
		diag_help(d, "did you mean `%s`?", near);
}

void sema_later(struct sema *s, struct span at, const char *what)
{
	diag_error(s->diags, at, "%s is not supported yet", what);
}

const char *sema_word(struct sema *s, const struct item *i, const char *what)
{
	if (i->kind == ITEM_WORD)
		return i->path[0].text;
	diag_error(s->diags, i->at, "expected %s", what);
	return NULL;
}

void sema_duplicate(struct sema *s, const char *what, const char *name, struct span at,
		    struct span before)
{
	struct diag *d = diag_error(s->diags, at, "there is a %s `%s` already", what, name);

	diag_note(d, before, "first declared here");
}

bool sema_room(struct sema *s, size_t n, size_t max, struct span at, const char *what)
{
	if (n < max)
		return true;
	diag_error(s->diags, at, "there are too many %s: %zu are the most", what, max);
	return false;
}

void sema_name(struct sema *s, const struct name *n)
{
	if (strlen(n->text) > POLICY_MAX_NAME)
		diag_error(s->diags, n->at, "a name has at most %d bytes", POLICY_MAX_NAME);
}

/* --- walking --- */

struct walk {
	struct sema *s;
	const struct lang_row *row;
	const struct item *word; /* what the phrase starts with */
	const struct item *last; /* the item before `at` */
	const struct item *at;
	struct form *f;
};

struct token {
	const char *text;
	size_t len;
	bool placeholder;
};

/* The next word of a form; brackets are words of their own. */
static bool next_token(const char **form, struct token *t)
{
	const char *s = *form;

	while (*s == ' ' || *s == ',' || (s[0] == '.' && s[1] == '.'))
		s++;
	if (!*s)
		return false;
	t->text = s;
	t->len = *s == '[' || *s == ']' || *s == '(' || *s == ')' ? 1 : strcspn(s, " []().,");
	if (t->len == 0)
		t->len = 1;
	t->placeholder = isupper((unsigned char)*s);
	*form = s + t->len;
	return true;
}

static bool token_is(const struct token *t, const char *word)
{
	return t->len == strlen(word) && memcmp(t->text, word, t->len) == 0;
}

/* What a placeholder takes, for people. */
static const struct {
	const char *placeholder, *words;
} placeholders[] = {
	{ "NUMBER", "a number" },
	{ "NUMBERS", "numbers" },
	{ "RATE", "a rate" },
	{ "DURATION", "a duration" },
	{ "PERCENT", "a percentage" },
	{ "STRING", "a string" },
	{ "SIZE", "a size (a number, or an earlier field)" },
	{ "KEY", "a key (`flow` or a field)" },
	{ "POOL", "the name of a pool" },
	{ "HEADER", "the name of a header" },
	{ "NAME", "a name" },
	{ "SELECTOR", "a selector" },
	{ "ACTION", "an action" },
	{ "WORKERS", "workers" },
	{ "PORTS", "a port" },
	{ "ADDRS", "an address" },
	{ "PROTO", "a protocol" },
	{ "OWNER", "`cgroup`, `comm` or `exe`" },
	{ "BUDGET", "a budget of cores" },
};

static bool mismatch(struct walk *w, const struct token *t)
{
	struct span at = w->at ? w->at->at : (struct span){ w->last->at.end, w->last->at.end + 1 };
	const char *words = NULL;
	struct diag *d;

	for (size_t i = 0; t && i < sizeof(placeholders) / sizeof(placeholders[0]); i++)
		if (token_is(t, placeholders[i].placeholder))
			words = placeholders[i].words;
	if (words)
		d = diag_error(w->s->diags, at, "expected %s here", words);
	else if (t)
		d = diag_error(w->s->diags, at, "expected `%.*s` here", (int)t->len, t->text);
	else
		d = diag_error(w->s->diags, at, "this does not belong here");
	diag_help(d, "the form is `%s`", w->row->form);
	return false;
}

static void advance(struct walk *w)
{
	w->last = w->at;
	w->at = w->at->next;
}

/* How many items a placeholder takes. */
static uint32_t run_length(const struct token *t, const struct item *i)
{
	uint32_t n = 1;

	if (token_is(t, "ACTION")) {
		while ((i = i->next))
			n++;
	} else if (token_is(t, "WORKERS")) {
		while ((i = i->next) && !item_is(i, "by"))
			n++;
	} else if (token_is(t, "NUMBERS") || token_is(t, "PORTS") || token_is(t, "ADDRS")) {
		while ((i = i->next) && i->comma)
			n++;
	}
	return n;
}

static bool take(struct walk *w, const struct token *t)
{
	if (!w->at || (token_is(t, "WORKERS") && item_is(w->at, "by")))
		return mismatch(w, t);
	if (!t->placeholder) {
		if (w->at->kind != ITEM_WORD || strlen(w->at->path[0].text) != t->len ||
		    memcmp(w->at->path[0].text, t->text, t->len) != 0)
			return mismatch(w, t);
		advance(w);
		return true;
	}
	struct capture *c = &w->f->captures[w->f->n++];

	memcpy(c->what, t->text, t->len < sizeof(c->what) ? t->len : sizeof(c->what) - 1);
	c->first = w->at;
	c->n = run_length(t, w->at);
	for (uint32_t i = 0; i < c->n; i++)
		advance(w);
	return true;
}

/* Optional groups may come in any order; `form` stands behind the first `[`. */
static bool groups(struct walk *w, const char **form)
{
	const char *begin[4], *f = *form;
	size_t n = 0;
	struct token t = { 0 };
	bool used[4] = { false };

	begin[n++] = f;
	while (next_token(&f, &t))
		if (token_is(&t, "]")) {
			const char *after = f;

			if (!next_token(&after, &t) || !token_is(&t, "[") || n == 4)
				break;
			begin[n++] = f = after;
		}
	*form = f;
	for (;;) {
		size_t i;

		for (i = 0; i < n; i++) {
			const char *g = begin[i];

			if (next_token(&g, &t) && !used[i] && w->at && w->at->kind == ITEM_WORD &&
			    strlen(w->at->path[0].text) == t.len &&
			    memcmp(w->at->path[0].text, t.text, t.len) == 0)
				break;
		}
		if (i == n)
			return true;
		used[i] = true;
		for (const char *g = begin[i]; next_token(&g, &t) && !token_is(&t, "]");)
			if (!take(w, &t))
				return false;
	}
}

bool form_match(struct sema *s, const struct lang_row *row, const struct item *word,
		const struct item *items, struct form *f)
{
	struct walk w = { .s = s, .row = row, .word = word, .last = word, .at = items, .f = f };
	const char *form = row->form;
	struct token t;

	*f = (struct form){ 0 };
	if (*form == '[') /* `[le] u16`: what stands before the word is the caller's */
		form = strchr(form, ']') + 1;
	next_token(&form, &t);
	while (next_token(&form, &t)) {
		if (token_is(&t, "until") || token_is(&t, "("))
			break; /* the grammar's part */
		if (token_is(&t, "[") ? !groups(&w, &form) : !take(&w, &t))
			return false;
	}
	return w.at ? mismatch(&w, NULL) : true;
}

const struct capture *form_get(const struct form *f, const char *what)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (strcmp(f->captures[i].what, what) == 0)
			return &f->captures[i];
	return NULL;
}

/* --- numbers and addresses --- */

static bool literal_number(struct sema *s, const struct literal *l, struct span at,
			   const char *what, uint64_t max, uint64_t *value)
{
	if (l->kind != LIT_NUMBER) {
		diag_error(s->diags, at, "expected %s", what);
		return false;
	}
	if (l->value > max) {
		diag_error(s->diags, at, "%s is at most %llu", what, (unsigned long long)max);
		return false;
	}
	*value = l->value;
	return true;
}

bool sema_number(struct sema *s, const struct item *i, const char *what, uint64_t max,
		 uint64_t *value)
{
	if (i->kind != ITEM_LITERAL) {
		diag_error(s->diags, i->at, "expected %s", what);
		return false;
	}
	return literal_number(s, i->lo, i->at, what, max, value);
}

bool sema_duration(struct sema *s, const struct item *i, const char *what, uint64_t *ns)
{
	if (i->kind != ITEM_LITERAL || i->lo->kind != LIT_DURATION || i->lo->value == 0) {
		struct diag *d = diag_error(s->diags, i->at, "%s is a duration of more than 0", what);

		diag_help(d, "`200us`, `14ms`, `1s`");
		return false;
	}
	*ns = i->lo->value;
	return true;
}

static int range_order(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

uint32_t ranges_normalise(struct range *r, uint32_t n)
{
	uint32_t out = 0;

	if (n == 0)
		return 0;
	qsort(r, n, sizeof(*r), range_order);
	for (uint32_t i = 1; i < n; i++) {
		if (r[out].hi == UINT64_MAX || r[i].lo <= r[out].hi + 1) {
			if (r[i].hi > r[out].hi)
				r[out].hi = r[i].hi;
		} else {
			r[++out] = r[i];
		}
	}
	return out + 1;
}

bool sema_ranges(struct sema *s, const struct capture *c, const char *what, uint64_t max,
		 bool ordered, struct range **ranges, uint32_t *n)
{
	vec(struct range) v = { 0 };
	const struct item *i = c->first;
	struct span at = i->at;
	uint32_t left = c->n;
	bool ok = true;

	if (left == 1 && i->kind == ITEM_SET) {
		i = i->args;
		left = UINT32_MAX;
	}
	for (; i && left; i = i->next, left--) {
		struct range r = { 0 };

		if (!sema_room(s, v.n, POLICY_MAX_LIST, i->at, "of these in a list"))
			return false;

		if (i->kind == ITEM_RANGE) {
			ok &= literal_number(s, i->lo, i->at, what, max, &r.lo) &&
			      literal_number(s, i->hi, i->at, what, max, &r.hi);
			if (ok && r.lo > r.hi) {
				diag_error(s->diags, i->at,
					   "this range is empty: %llu is more than %llu",
					   (unsigned long long)r.lo, (unsigned long long)r.hi);
				ok = false;
			}
		} else {
			ok &= sema_number(s, i, what, max, &r.lo);
			r.hi = r.lo;
		}
		for (size_t k = 0; ordered && ok && k < v.n; k++)
			if (r.lo <= v.v[k].hi && v.v[k].lo <= r.hi) {
				diag_error(s->diags, i->at, "%s is named twice", what);
				ok = false;
			}
		*vec_push(s->arena, &v) = r;
	}
	if (ok && v.n == 0) {
		diag_error(s->diags, at, "expected %s", what);
		ok = false;
	}
	*ranges = v.v;
	*n = ok && !ordered ? ranges_normalise(v.v, (uint32_t)v.n) : (uint32_t)v.n;
	return ok;
}

bool sema_prefixes(struct sema *s, const struct capture *c, struct prefix **prefixes, uint32_t *n,
		   const struct set **set)
{
	vec(struct prefix) v = { 0 };
	const struct item *i = c->first;
	struct span at = i->at;
	uint32_t left = c->n;
	bool ok = true;

	if (left == 1 && i->kind == ITEM_WORD) {
		*set = sema_find_set(s, i, TYPE_ADDR);
		if (!*set)
			return false;
		*prefixes = (*set)->prefixes;
		*n = (*set)->n;
		return true;
	}
	if (left == 1 && i->kind == ITEM_SET) {
		i = i->args;
		left = UINT32_MAX;
	}
	for (; i && left; i = i->next, left--) {
		if (!sema_room(s, v.n, POLICY_MAX_LIST, i->at, "of these in a list"))
			return false;
		if (i->kind != ITEM_LITERAL || i->lo->kind != LIT_ADDR) {
			diag_error(s->diags, i->at, "expected an address or a prefix");
			ok = false;
			continue;
		}

		struct prefix *p = vec_push(s->arena, &v);

		memcpy(p->addr, i->lo->addr, sizeof(p->addr));
		p->family = i->lo->family;
		p->len = i->lo->has_prefix ? i->lo->prefix_len : i->lo->family == 4 ? 32 : 128;
	}
	if (ok && v.n == 0) {
		diag_error(s->diags, at, "expected an address or a prefix");
		ok = false;
	}
	*prefixes = v.v;
	*n = (uint32_t)v.n;
	return ok;
}
