/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Application headers: fields get their place. A field's position is a fixed
 * distance from the end of the nearest field before it whose size is not fixed
 * (its anchor), so that a header is read with one addition a field.
 */
#include "sema/layout.h"

const struct hfield *header_field(const struct header *h, const char *name)
{
	for (uint32_t i = 0; i < h->n_fields; i++)
		if (h->fields[i]->name && strcmp(h->fields[i]->name, name) == 0)
			return h->fields[i];
	return NULL;
}

bool hfield_joins(const struct hfield *f)
{
	return f->kind == HTYPE_REPEAT && f->join && f->n_fields == 2 &&
	       f->fields[0]->kind == HTYPE_U8 && f->fields[1]->kind == HTYPE_BYTES &&
	       f->fields[1]->size_from == f->fields[0];
}

void layout_add(struct layout *l, struct hfield *f)
{
	f->index = (uint32_t)l->fields.n;
	*vec_push(l->s->arena, &l->fields) = f;
}

/* --- fields behind a condition, fields that take no room --- */

/* What marks where such fields begin or end. */
static struct hfield *mark(struct layout *l, enum lang_header_type kind, struct span at)
{
	struct hfield *f = arena_new_of(l->s->arena, struct hfield);

	layout_end_bits(l, at);
	f->at = at;
	f->kind = kind;
	f->header = l->h;
	return f;
}

static const struct hfield *begin_when(struct layout *l, const struct expr *when)
{
	struct hfield *f = mark(l, HTYPE_WHEN, when->at);
	struct scope scope = { .layout = true,
			       .packet = !l->element,
			       .element = l->fields.v,
			       .n_element = (uint32_t)l->fields.n };

	f->when = sema_cond(l->s, &scope, when);
	if (!f->when)
		layout_fail(l);
	layout_place(l, f, 0);
	layout_add(l, f);
	return f;
}

static void end_when(struct layout *l, const struct hfield *begin)
{
	struct hfield *f = mark(l, HTYPE_WHEN, begin->at);

	f->begin = begin;
	layout_place(l, f, 0);
	layout_add(l, f);
}

static void peek(struct layout *l, const struct field_decl *d)
{
	struct hfield *f = mark(l, HTYPE_PEEK, d->at);
	const struct hfield *anchor = l->anchor;
	uint32_t offset = l->offset, max_pos = l->max_pos;

	l->peeks++;
	layout_fields(l, d->fields);
	l->peeks--;
	layout_end_bits(l, d->at);
	l->anchor = anchor;
	l->offset = offset;
	l->max_pos = max_pos;
	l->rest = false;
	layout_place(l, f, 0);
	layout_add(l, f);
}

static bool group(struct layout *l, const struct field_decl *d)
{
	const struct hfield *begin;

	if (!d->type) {
		begin = begin_when(l, d->when);
		layout_fields(l, d->fields);
		end_when(l, begin);
		return true;
	}
	if (!d->fields || d->name.text || !item_is(d->type->items, "peek") || d->type->items->next)
		return false;
	begin = d->when ? begin_when(l, d->when) : NULL;
	if (d->until)
		diag_error(l->s->diags, d->until->at, "`peek` has no end: its fields take no room");
	peek(l, d);
	if (begin)
		end_when(l, begin);
	return true;
}

/* --- one field --- */

/* What goes with which type. */
static void fitting(struct layout *l, const struct hfield *f, const struct field_decl *d)
{
	bool elements = f->kind == HTYPE_REPEAT || f->kind == HTYPE_SEEK;
	bool nameless = f->kind == HTYPE_SKIP || f->kind == HTYPE_SEEK;
	const char *wrong = NULL;
	struct span at = f->at;

	if (nameless != !f->name)
		wrong = f->name ? "what is skipped has no name" : "this field needs a name";
	if (f->little && (f->kind > HTYPE_U64)) {
		at = d->type->items->at;
		wrong = "`le` concerns numbers of whole bytes only";
	}
	if (f->nocase && f->kind != HTYPE_BYTES && f->kind != HTYPE_TEXT) {
		at = d->type->items->at;
		wrong = "`nocase` concerns `bytes` and `text` only";
	}
	if (d->until && !elements && f->kind != HTYPE_TEXT && f->kind != HTYPE_DECIMAL) {
		at = d->until->at;
		wrong = "`until` goes with `text`, `decimal`, `repeat` and `seek`";
	}
	if (d->fields && !elements) {
		at = d->at;
		wrong = "only `repeat` and `seek`, `when` and `peek` hold fields";
	}
	if (!wrong)
		return;
	diag_error(l->s->diags, at, "%s", wrong);
	layout_fail(l);
}

static void layout_field(struct layout *l, const struct field_decl *d)
{
	const struct item *word = d->type->items;
	bool little = item_is(word, "le") && word->next;
	bool nocase = item_is(word, "nocase") && word->next;
	struct form form;
	int id;

	if (little || nocase)
		word = word->next;
	id = word->kind == ITEM_WORD ? lang_find(&lang_header_types, word->path[0].text, 0) : -1;
	if (id < 0) {
		sema_unknown(l->s, &lang_header_types, word);
		layout_fail(l);
		return;
	}
	if (id == HTYPE_PEEK) {
		diag_help(diag_error(l->s->diags, word->at, "`peek` is no type of a field"),
			  "it holds fields: `peek { first u8; }`");
		layout_fail(l);
		return;
	}
	struct hfield *f = arena_new_of(l->s->arena, struct hfield);

	f->name = d->name.text;
	f->at = d->name.text ? d->name.at : d->at;
	f->kind = (enum lang_header_type)id;
	f->little = little;
	f->nocase = nocase;
	f->peeked = l->peeks > 0;
	f->header = l->h;
	if (f->kind != HTYPE_BITS)
		layout_end_bits(l, f->at);
	for (size_t i = 0; f->name && i < l->fields.n; i++)
		if (l->fields.v[i]->name && strcmp(l->fields.v[i]->name, f->name) == 0) {
			sema_duplicate(l->s, "field", f->name, f->at, l->fields.v[i]->at);
			layout_fail(l);
		}
	fitting(l, f, d);
	if (!form_match(l->s, &lang_header_types.rows[id], word, word->next, &form) ||
	    !layout_typed(l, f, d, word, &form)) {
		layout_fail(l);
		return;
	}
	if (d->enums && !hfield_number(f)) {
		diag_error(l->s->diags, d->at, "only numbers have named values");
		layout_fail(l);
	} else {
		layout_enums(l, f, d);
	}
	l->rest |= f->kind == HTYPE_TEXT && !f->delim_len;
	layout_add(l, f);
}

bool layout_fields(struct layout *l, const struct field_decl *d)
{
	struct span last = SPAN_NONE;

	for (; d; d = d->next) {
		const struct hfield *begin;

		/* A condition has two marks of its own. */
		if (!sema_room(l->s, l->fields.n, POLICY_MAX_FIELDS - 2, d->at, "fields in a header")) {
			layout_fail(l);
			break;
		}
		if (l->rest) {
			diag_error(l->s->diags, d->at,
				   "a text without `until` takes the rest: nothing can follow it");
			layout_fail(l);
			break;
		}
		last = d->at;
		if (group(l, d))
			continue;
		begin = d->when ? begin_when(l, d->when) : NULL;
		layout_field(l, d);
		if (begin)
			end_when(l, begin);
	}
	layout_end_bits(l, last);
	return l->ok;
}

static struct header *lay_out(struct sema *s, const struct decl *d, bool builtin,
			      const struct header_given *given)
{
	struct header *h = arena_new_of(s->arena, struct header);
	struct layout l = { .s = s, .h = h, .ok = true, .given = given };

	h->name = d->name.text;
	h->at = d->name.at;
	h->builtin = builtin;
	h->decl = d;
	layout_fields(&l, d->fields);
	h->fields = l.fields.v;
	h->n_fields = (uint32_t)l.fields.n;
	if (l.ok && h->n_fields == 0)
		diag_error(s->diags, h->at, "header `%s` has no fields", h->name);
	h->sound = l.ok;
	*vec_push(s->arena, &s->headers) = h;
	return h;
}

const struct header *sema_header_with(struct sema *s, const struct header *h,
				      const struct item *name, const struct item *number)
{
	const char *word = sema_word(s, name, "the name of a field");
	const struct hfield *f = word ? header_field(h, word) : NULL;
	struct header_given given = { .name = word };

	if (!word)
		return NULL;
	if (!f || f->kind != HTYPE_GIVEN) {
		struct diag *d = diag_error(s->diags, name->at,
					    f ? "`%s.%s` is a field of the packet: it is not given"
					      : "header `%s` has no field `%s`",
					    h->name, word);

		diag_note(d, f ? f->at : h->at, "declared here");
		return NULL;
	}
	if (!sema_number(s, number, "this number", UINT16_MAX, &given.number))
		return NULL;
	if (!h->sound)
		return NULL;
	((struct header *)h)->used |= !h->builtin;
	return lay_out(s, h->decl, h->builtin, &given);
}

void sema_header(struct sema *s, const struct decl *d, bool builtin)
{
	if (!sema_room(s, s->headers.n, POLICY_MAX_HEADERS, d->name.at, "headers in a policy"))
		return;
	for (size_t i = 0; i < s->headers.n; i++)
		if (strcmp(s->headers.v[i]->name, d->name.text) == 0) {
			sema_duplicate(s, "header", d->name.text, d->name.at, s->headers.v[i]->at);
			return;
		}
	for (int i = 0; i < FIELD_COUNT; i++) {
		size_t n = strlen(d->name.text);

		if (strncmp(lang_fields[i].name, d->name.text, n) == 0 &&
		    (lang_fields[i].name[n] == '.' || !lang_fields[i].name[n])) {
			diag_error(s->diags, d->name.at,
				   "`%s` names fields that every packet has: choose another name",
				   d->name.text);
			return;
		}
	}
	lay_out(s, d, builtin, NULL);
}
