/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types of a header's fields: what each of them takes, and how much room.
 */
#include "sema/layout.h"

void layout_fail(struct layout *l)
{
	l->ok = false;
}

/* A run of BITS ends: it must fill bytes, and its fields share one unit each. */
void layout_end_bits(struct layout *l, struct span at)
{
	if (l->bits == 0)
		return;
	if (l->bits % 8) {
		struct diag *d =
			diag_error(l->s->diags, at, "the bits before this fill no whole bytes");

		diag_help(d, "%u more are missing: add `pad bits %u`", 8 - l->bits % 8,
			  8 - l->bits % 8);
		layout_fail(l);
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
				layout_fail(l);
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
		if (!hfield_number(f)) {
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

static bool one_delimiter(struct layout *l, const struct item *i, uint32_t *len)
{
	if (i->kind != ITEM_LITERAL || i->lo->kind != LIT_STRING || i->lo->len == 0) {
		diag_error(l->s->diags, i->at, "a delimiter is a string: `until \" \"`");
		return false;
	}
	if (i->lo->len > 4) {
		diag_error(l->s->diags, i->at, "a delimiter has at most 4 bytes");
		return false;
	}
	if (*len && *len != i->lo->len) {
		struct diag *d = diag_error(l->s->diags, i->at,
					    "delimiters of one field have the same number of bytes");

		diag_help(d, "what is left of a longer one can be skipped: `skip 1;`");
		return false;
	}
	*len = i->lo->len;
	return true;
}

/* A string, or a set of them: the first that comes ends the field. */
static bool delimiter(struct layout *l, struct hfield *f, const struct field_decl *d)
{
	if (!d->until)
		return true;
	if (d->until->kind != EXPR_LEAF) {
		diag_error(l->s->diags, d->until->at, "`until` takes a string here");
		return false;
	}
	const struct item *word = d->until->item;
	const struct item *first = word->kind == ITEM_SET ? word->args : word;
	uint8_t *bytes;
	uint32_t n = 0;

	for (const struct item *i = first; i; i = i->next) {
		if (!sema_room(l->s, n, POLICY_MAX_DELIMITERS, i->at, "delimiters of a field") ||
		    !one_delimiter(l, i, &f->delim_len))
			return false;
		n++;
		if (word->kind != ITEM_SET)
			break;
	}
	if (n == 0) {
		diag_error(l->s->diags, word->at, "this set is empty");
		return false;
	}
	bytes = arena_alloc(l->s->arena, n * f->delim_len);
	for (uint32_t k = 0; k < n; k++, first = first->next)
		memcpy(bytes + k * f->delim_len, first->lo->text, f->delim_len);
	f->delim = bytes;
	f->more_delims = n - 1;
	return true;
}

static bool repeat(struct layout *l, struct hfield *f, const struct field_decl *d,
		   const struct form *form)
{
	const struct capture *join = form_get(form, "STRING");
	struct layout inner = { .s = l->s, .h = l->h, .element = true, .ok = true };
	const char *what = f->kind == HTYPE_SEEK ? "a search" : "a repetition";

	if (l->element) {
		diag_error(l->s->diags, d->at, "a repeated element cannot repeat within itself");
		return false;
	}
	if (!max_of(l, form, POLICY_MAX_REPEAT, &f->max))
		return false;
	if (!d->fields || !d->until) {
		struct diag *g = diag_error(l->s->diags, d->at, "%s needs %s", what,
					    d->fields ? "its end" : "fields");
		diag_help(
			g,
			f->kind == HTYPE_SEEK
				? "`seek max 16 until type == 0 { type u16; len u16; skip len max 64; };`"
				: "`names repeat max 16 until len == 0 { len u8; label bytes len max 63; };`");
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
	struct scope scope = { .layout = true, .element = f->fields, .n_element = f->n_fields };

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

void layout_enums(struct layout *l, struct hfield *f, const struct field_decl *d)
{
	vec(struct enum_value) v = { 0 };
	uint64_t max = f->bits >= 64 ? UINT64_MAX : (1ULL << f->bits) - 1;

	for (const struct enumerator *e = d->enums; e; e = e->next) {
		if (!sema_room(l->s, v.n, POLICY_MAX_ENUMS, e->name.at, "named values")) {
			layout_fail(l);
			break;
		}
		if (e->value->kind != LIT_NUMBER || e->value->value > max) {
			diag_error(l->s->diags, e->name.at,
				   "the value of `%s` does not fit %u bits", e->name.text, f->bits);
			layout_fail(l);
		}
		for (size_t i = 0; i < v.n; i++)
			if (strcmp(v.v[i].name, e->name.text) == 0) {
				diag_error(l->s->diags, e->name.at, "`%s` is named twice",
					   e->name.text);
				layout_fail(l);
			}
		*vec_push(l->s->arena, &v) =
			(struct enum_value){ .name = e->name.text, .value = e->value->value };
	}
	f->enums = v.v;
	f->n_enums = (uint32_t)v.n;
}

/* The field's size is known to be `size` (fixed) or at most that (not fixed). */
void layout_place(struct layout *l, struct hfield *f, uint32_t size)
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
		layout_fail(l);
	}
}

/* The workload's number, in place of the header's own. */
static void layout_given(struct layout *l, struct hfield *f)
{
	if (l->given && f->name && strcmp(f->name, l->given->name) == 0)
		f->number = l->given->number;
}

static uint64_t ten_to(uint32_t n)
{
	uint64_t v = 1;

	while (n--)
		v *= 10;
	return v;
}

bool layout_typed(struct layout *l, struct hfield *f, const struct field_decl *d,
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
		layout_place(l, f, f->width);
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
		layout_place(l, f, f->max);
		return true;
	case HTYPE_TEXT:
		if (!max_of(l, form, POLICY_MAX_TEXT, &f->max) || !delimiter(l, f, d))
			return false;
		layout_place(l, f, f->max + f->delim_len);
		return true;
	case HTYPE_REPEAT:
	case HTYPE_SEEK:
		if (!repeat(l, f, d, form))
			return false;
		layout_place(l, f, f->max * f->fixed_size);
		return true;
	case HTYPE_GIVEN:
		if (!sema_number(l->s, form_get(form, "NUMBER")->first, "this number", UINT16_MAX, &v))
			return false;
		f->bits = 16;
		f->number = v;
		layout_given(l, f);
		layout_place(l, f, 0);
		return true;
	case HTYPE_VARINT:
		f->bits = 62;
		layout_place(l, f, 8);
		return true;
	case HTYPE_DECIMAL:
		if (!max_of(l, form, POLICY_MAX_DIGITS, &f->max))
			return false;
		if (!d->until) {
			diag_help(diag_error(l->s->diags, d->at, "a decimal number needs its end"),
				  "`length decimal max 10 until \"\\r\\n\";`");
			return false;
		}
		if (!delimiter(l, f, d))
			return false;
		for (v = 1; v < ten_to(f->max); v <<= 1)
			f->bits++;
		layout_place(l, f, f->max + f->delim_len);
		return true;
	case HTYPE_WHEN: /* not types: header.c */
	case HTYPE_PEEK:
	case HTYPE_COUNT: break;
	}
	return false;
}
