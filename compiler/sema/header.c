/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Application headers: fields get their place. A field's position is a fixed
 * distance from the end of the nearest field before it whose size is not fixed
 * (its anchor), so that a header is read with one addition a field.
 */
#include "sema/sema.h"

struct layout {
	struct sema *s;
	struct header *h;
	vec(struct hfield *) fields;
	const struct hfield *anchor;
	uint32_t offset;  /* from the anchor's end */
	uint32_t max_pos; /* greatest position so far */
	uint32_t bits;    /* bits of an open run of BITS */
	size_t run;       /* index of the run's first field */
	bool element;     /* of a REPEAT */
	bool ok;
};

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

static void fail(struct layout *l)
{
	l->ok = false;
}

/* A run of BITS ends: it must fill bytes, and its fields share one unit each. */
static void end_bits(struct layout *l, struct span at)
{
	if (l->bits == 0)
		return;
	if (l->bits % 8) {
		struct diag *d =
			diag_error(l->s->diags, at, "the bits before this fill no whole bytes");

		diag_help(d, "%u more are missing: add `pad bits %u`", 8 - l->bits % 8,
			  8 - l->bits % 8);
		fail(l);
	}
	/* The smallest unit of whole bytes that holds a field: bits begin..end of the run. */
	uint32_t begin = 0;

	for (size_t i = l->run; i < l->fields.n; i++) {
		struct hfield *f = l->fields.v[i];
		uint32_t end = begin + f->bits, first = begin / 8, last = (end - 1) / 8;
		uint32_t need = last - first + 1;
		uint32_t width = need == 3 ? 4 : need > 4 ? 8 : need;

		/* The unit may not reach beyond the run. */
		if (first + width > (l->bits + 7) / 8) {
			uint32_t total = (l->bits + 7) / 8;

			if (width <= total) {
				first = total - width;
			} else {
				diag_error(
					l->s->diags, f->at,
					"this field lies in %u bytes of a run of %u: fill the run up to %u bytes",
					need, total, width);
				fail(l);
			}
		}
		f->offset = l->offset + first;
		f->width = (uint8_t)width;
		f->shift = (uint8_t)(first * 8 + width * 8 - end);
		begin = end;
	}
	l->offset += (l->bits + 7) / 8;
	l->max_pos += (l->bits + 7) / 8;
	l->bits = 0;
}

static const struct hfield *size_field(struct layout *l, const struct item *i)
{
	const char *names[POLICY_MAX_FIELDS];

	for (size_t k = 0; k < l->fields.n; k++) {
		const struct hfield *f = l->fields.v[k];

		if (!f->name || strcmp(f->name, i->path[0].text) != 0)
			continue;
		if (f->kind > HTYPE_BITS) {
			struct diag *g =
				diag_error(l->s->diags, i->at, "`%s` is no number", f->name);

			diag_note(g, f->at, "declared here");
			return NULL;
		}
		return f;
	}
	for (size_t k = 0; k < l->fields.n; k++)
		names[k] = l->fields.v[k]->name;
	struct diag *d = diag_error(l->s->diags, i->at, "there is no field `%s` before this one",
				    i->path[0].text);
	const char *near = diag_closest(i->path[0].text, names, l->fields.n);

	if (near)
		diag_help(d, "did you mean `%s`?", near);
	return NULL;
}

static bool max_of(struct layout *l, const struct form *f, uint64_t limit, uint32_t *max)
{
	const struct capture *c = form_get(f, "NUMBER");
	uint64_t v;

	if (!c || !sema_number(l->s, c->first, "the bound", limit, &v))
		return false;
	if (v == 0) {
		diag_error(l->s->diags, c->first->at, "the bound is at least 1");
		return false;
	}
	*max = (uint32_t)v;
	return true;
}

/* BYTES and SKIP: a number, or an earlier field with a bound. */
static bool sized(struct layout *l, struct hfield *f, const struct form *form,
		  const struct item *word)
{
	const struct capture *size = form_get(form, "SIZE");
	uint64_t v;

	if (size->first->kind == ITEM_WORD) {
		f->size_from = size_field(l, size->first);
		if (!f->size_from)
			return false;
		if (!form_get(form, "NUMBER")) {
			struct diag *d = diag_error(l->s->diags, item_span(word, 2),
						    "a size that the packet says needs a bound");
			diag_help(d, "add `max N`");
			return false;
		}
		return max_of(l, form, POLICY_MAX_HEADER_BYTES, &f->max);
	}
	if (form_get(form, "NUMBER")) {
		diag_error(l->s->diags, form_get(form, "NUMBER")->first->at,
			   "a fixed size needs no bound");
		return false;
	}
	if (!sema_number(l->s, size->first, "a size", POLICY_MAX_HEADER_BYTES, &v))
		return false;
	if (v == 0) {
		diag_error(l->s->diags, size->first->at, "a field of no bytes says nothing");
		return false;
	}
	f->fixed_size = f->max = (uint32_t)v;
	return true;
}

static bool delimiter(struct layout *l, struct hfield *f, const struct field_decl *d)
{
	if (!d->until)
		return true;
	if (d->until->kind != EXPR_LEAF || d->until->item->kind != ITEM_LITERAL ||
	    d->until->item->lo->kind != LIT_STRING || d->until->item->lo->len == 0) {
		diag_error(l->s->diags, d->until->at, "`until` of a text takes a string");
		return false;
	}
	if (d->until->item->lo->len > 4) {
		diag_error(l->s->diags, d->until->at, "a delimiter has at most 4 bytes");
		return false;
	}
	f->delim = (const uint8_t *)d->until->item->lo->text;
	f->delim_len = d->until->item->lo->len;
	return true;
}

static bool layout_fields(struct layout *l, const struct field_decl *d);

static bool repeat(struct layout *l, struct hfield *f, const struct field_decl *d,
		   const struct form *form)
{
	const struct capture *join = form_get(form, "STRING");
	struct layout inner = { .s = l->s, .h = l->h, .element = true, .ok = true };

	if (l->element) {
		diag_error(l->s->diags, d->at, "a repeated element cannot repeat within itself");
		return false;
	}
	if (!max_of(l, form, POLICY_MAX_REPEAT, &f->max))
		return false;
	if (!d->fields || !d->until) {
		struct diag *g = diag_error(l->s->diags, d->at, "a repetition needs %s",
					    d->fields ? "its end" : "fields");
		diag_help(
			g,
			"`names repeat max 16 until len == 0 { len u8; label bytes len max 63; };`");
		return false;
	}
	if (!layout_fields(&inner, d->fields))
		return false;
	f->fields = inner.fields.v;
	f->n_fields = (uint32_t)inner.fields.n;
	if (inner.max_pos == 0 || inner.max_pos > POLICY_MAX_HEADER_BYTES) {
		diag_error(l->s->diags, d->at, "an element has at most %u bytes",
			   POLICY_MAX_HEADER_BYTES);
		return false;
	}
	struct scope scope = { .element = f->fields, .n_element = f->n_fields };

	f->until = sema_cond(l->s, &scope, d->until);
	if (join) {
		const struct item *i = join->first;

		if (i->kind != ITEM_LITERAL || i->lo->kind != LIT_STRING || i->lo->len != 1) {
			diag_error(l->s->diags, i->at, "`join` takes a string of one character");
			return false;
		}
		f->join = i->lo->text;
		if (!hfield_joins(f)) {
			diag_error(
				l->s->diags, i->at,
				"only elements of a length (u8) and the bytes that it counts can be joined");
			return false;
		}
	}
	f->fixed_size = inner.max_pos; /* of one element, at most */
	return f->until != NULL;
}

static void enumerate(struct layout *l, struct hfield *f, const struct field_decl *d)
{
	vec(struct enum_value) v = { 0 };
	uint64_t max = f->bits >= 64 ? UINT64_MAX : (1ULL << f->bits) - 1;

	for (const struct enumerator *e = d->enums; e; e = e->next) {
		if (!sema_room(l->s, v.n, POLICY_MAX_ENUMS, e->name.at, "named values")) {
			fail(l);
			break;
		}
		if (e->value->kind != LIT_NUMBER || e->value->value > max) {
			diag_error(l->s->diags, e->name.at,
				   "the value of `%s` does not fit %u bits", e->name.text, f->bits);
			fail(l);
		}
		for (size_t i = 0; i < v.n; i++)
			if (strcmp(v.v[i].name, e->name.text) == 0) {
				diag_error(l->s->diags, e->name.at, "`%s` is named twice",
					   e->name.text);
				fail(l);
			}
		*vec_push(l->s->arena, &v) =
			(struct enum_value){ .name = e->name.text, .value = e->value->value };
	}
	f->enums = v.v;
	f->n_enums = (uint32_t)v.n;
}

/* The field's size is known to be `size` (fixed) or at most that (not fixed). */
static void place(struct layout *l, struct hfield *f, uint32_t size)
{
	f->anchor = l->anchor;
	f->offset = l->offset;
	if (hfield_fixed(f)) {
		l->offset += size;
	} else {
		l->anchor = f;
		l->offset = 0;
	}
	l->max_pos += size;
	f->max_end = l->max_pos;
	if (l->max_pos > POLICY_MAX_HEADER_BYTES + POLICY_MAX_REPEAT * 256u) {
		diag_error(l->s->diags, f->at, "this field may lie beyond %u bytes",
			   POLICY_MAX_HEADER_BYTES + POLICY_MAX_REPEAT * 256u);
		fail(l);
	}
}

static bool typed(struct layout *l, struct hfield *f, const struct field_decl *d,
		  const struct item *word, const struct form *form)
{
	uint64_t v;

	switch (f->kind) {
	case HTYPE_U8:
	case HTYPE_U16:
	case HTYPE_U32:
	case HTYPE_U64:
		f->width = (uint8_t)(1u << (f->kind - HTYPE_U8));
		f->bits = (uint8_t)(8 * f->width);
		place(l, f, f->width);
		return true;
	case HTYPE_BITS:
		if (!sema_number(l->s, form_get(form, "NUMBER")->first, "a number of bits", 32, &v))
			return false;
		if (v == 0) {
			diag_error(l->s->diags, d->at, "a field of no bits says nothing");
			return false;
		}
		f->bits = (uint8_t)v;
		f->anchor = l->anchor;
		if (l->bits == 0)
			l->run = l->fields.n;
		l->bits += f->bits;
		f->max_end = l->max_pos + (l->bits + 7) / 8;
		return true;
	case HTYPE_BYTES:
	case HTYPE_SKIP:
		if (!sized(l, f, form, word))
			return false;
		place(l, f, f->max);
		return true;
	case HTYPE_TEXT:
		if (!max_of(l, form, POLICY_MAX_TEXT, &f->max) || !delimiter(l, f, d))
			return false;
		place(l, f, f->max + f->delim_len);
		return true;
	case HTYPE_REPEAT:
		if (!repeat(l, f, d, form))
			return false;
		place(l, f, f->max * f->fixed_size);
		return true;
	case HTYPE_COUNT: break;
	}
	return false;
}

static void layout_field(struct layout *l, const struct field_decl *d)
{
	const struct item *word = d->type->items;
	bool little = item_is(word, "le") && word->next;
	struct form form;
	int id;

	if (little)
		word = word->next;
	id = word->kind == ITEM_WORD ? lang_find(&lang_header_types, word->path[0].text, 0) : -1;
	if (id < 0) {
		sema_unknown(l->s, &lang_header_types, word);
		fail(l);
		return;
	}
	struct hfield *f = arena_new_of(l->s->arena, struct hfield);

	f->name = d->name.text;
	f->at = d->name.text ? d->name.at : d->at;
	f->kind = (enum lang_header_type)id;
	f->little = little;
	f->header = l->h;
	if (f->kind != HTYPE_BITS)
		end_bits(l, f->at);
	for (size_t i = 0; f->name && i < l->fields.n; i++)
		if (l->fields.v[i]->name && strcmp(l->fields.v[i]->name, f->name) == 0) {
			sema_duplicate(l->s, "field", f->name, f->at, l->fields.v[i]->at);
			fail(l);
		}
	if (little && f->kind > HTYPE_U64) {
		diag_error(l->s->diags, d->type->items->at,
			   "`le` concerns numbers of whole bytes only");
		fail(l);
	}
	if (d->when) {
		sema_later(l->s, d->when->at, "a field behind a condition (`when`)");
		fail(l);
	}
	if ((f->kind == HTYPE_SKIP) != !f->name) {
		diag_error(l->s->diags, f->at,
			   f->name ? "what is skipped has no name" : "this field needs a name");
		fail(l);
	}
	if (d->until && f->kind != HTYPE_TEXT && f->kind != HTYPE_REPEAT) {
		diag_error(l->s->diags, d->until->at, "`until` goes with `text` and `repeat`");
		fail(l);
	}
	if (d->fields && f->kind != HTYPE_REPEAT) {
		diag_error(l->s->diags, d->at, "only `repeat` holds fields");
		fail(l);
	}
	if (!form_match(l->s, &lang_header_types.rows[id], word, word->next, &form) ||
	    !typed(l, f, d, word, &form)) {
		fail(l);
		return;
	}
	if (d->enums && f->kind > HTYPE_BITS) {
		diag_error(l->s->diags, d->at, "only numbers have named values");
		fail(l);
	} else {
		enumerate(l, f, d);
	}
	f->index = (uint32_t)l->fields.n;
	*vec_push(l->s->arena, &l->fields) = f;
}

static bool layout_fields(struct layout *l, const struct field_decl *d)
{
	struct span last = SPAN_NONE;
	size_t n = 0;

	for (; d; d = d->next) {
		if (!sema_room(l->s, n++, POLICY_MAX_FIELDS, d->at, "fields in a header")) {
			fail(l);
			break;
		}
		layout_field(l, d);
		last = d->at;
		/* Fields behind a rest-of-payload text have no place. */
		struct hfield *f = l->fields.n ? l->fields.v[l->fields.n - 1] : NULL;

		if (f && f->kind == HTYPE_TEXT && !f->delim_len && d->next) {
			diag_error(l->s->diags, d->at,
				   "a text without `until` takes the rest: nothing can follow it");
			fail(l);
			break;
		}
	}
	end_bits(l, last);
	return l->ok;
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
	struct header *h = arena_new_of(s->arena, struct header);
	struct layout l = { .s = s, .h = h, .ok = true };

	h->name = d->name.text;
	h->at = d->name.at;
	h->builtin = builtin;
	for (int i = 0; i < FIELD_COUNT; i++) {
		size_t n = strlen(h->name);

		if (strncmp(lang_fields[i].name, h->name, n) == 0 &&
		    (lang_fields[i].name[n] == '.' || !lang_fields[i].name[n])) {
			diag_error(s->diags, h->at,
				   "`%s` names fields that every packet has: choose another name",
				   h->name);
			return;
		}
	}
	layout_fields(&l, d->fields);
	h->fields = l.fields.v;
	h->n_fields = (uint32_t)l.fields.n;
	if (l.ok && h->n_fields == 0)
		diag_error(s->diags, h->at, "header `%s` has no fields", h->name);
	*vec_push(s->arena, &s->headers) = h;
}
