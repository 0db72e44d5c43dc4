/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands on either side of a comparison: fields, params, named values,
 * literals, and arithmetic over numbers; each with its type.
 */
#include "sema/sema.h"

const char *field_ref_name(struct arena *a, const struct field_ref *f)
{
	if (!f->hfield)
		return lang_fields[f->field].name;
	return arena_printf(a, "%s.%s", f->hfield->header->name,
			    f->hfield->name ? f->hfield->name : "skip");
}

enum lang_type field_ref_type(const struct field_ref *f)
{
	if (f->hfield)
		return hfield_number(f->hfield) ? TYPE_NUMBER : TYPE_BYTES;
	return lang_fields[f->field].type;
}

unsigned field_ref_bits(const struct field_ref *f)
{
	return f->hfield ? f->hfield->bits : lang_fields[f->field].bits;
}

unsigned field_ref_stages(const struct field_ref *f)
{
	return f->hfield ? SEEN_RX | SEEN_SOCKET : lang_fields[f->field].stages;
}

const struct enum_value *hfield_enum(const struct hfield *f, const char *name)
{
	for (uint32_t i = 0; f && i < f->n_enums; i++)
		if (strcmp(f->enums[i].name, name) == 0)
			return &f->enums[i];
	return NULL;
}

void hfield_no_enum(struct sema *s, const struct hfield *f, const struct item *i)
{
	const char *names[POLICY_MAX_ENUMS];

	for (uint32_t k = 0; k < f->n_enums; k++)
		names[k] = f->enums[k].name;
	struct diag *d =
		diag_error(s->diags, i->at, "`%s` is no value of `%s`", i->path[0].text, f->name);
	const char *near = diag_closest(i->path[0].text, names, f->n_enums);

	if (near)
		diag_help(d, "did you mean `%s`?", near);
	else if (f->n_enums)
		diag_note(d, f->at, "its values are declared here");
	else
		diag_note(d, f->at, "its values have no names");
}

static const struct hfield *element_field(const struct scope *scope, const char *name)
{
	for (uint32_t i = 0; i < scope->n_element; i++)
		if (scope->element[i]->name && strcmp(scope->element[i]->name, name) == 0)
			return scope->element[i];
	return NULL;
}

static void no_element(struct sema *s, const struct scope *scope, const struct item *i)
{
	const char *names[POLICY_MAX_FIELDS];
	size_t n = 0;

	for (uint32_t k = 0; k < scope->n_element; k++)
		names[n++] = scope->element[k]->name;
	struct diag *d = diag_error(s->diags, i->at,
				    scope->packet ? "there is no field `%s`%s before this one"
						  : "the element has no field `%s`%s",
				    i->path[0].text, i->kind == ITEM_PATH ? " with parts" : "");
	const char *near = i->kind == ITEM_WORD ? diag_closest(i->path[0].text, names, n) : NULL;

	if (near)
		diag_help(d, "did you mean `%s`?", near);
}

static bool header_path(struct sema *s, const struct scope *scope, const struct item *i,
			struct field_ref *f)
{
	const struct header *h = scope->header;
	const char *names[POLICY_MAX_FIELDS];
	size_t n = 0;

	if (i->n_path != 2) {
		diag_error(s->diags, i->at, "a field is named by two words: `%s.%s` has no parts",
			   i->path[0].text, i->path[1].text);
		return false;
	}
	f->hfield = header_field(h, i->path[1].text);
	if (f->hfield)
		return true;
	for (uint32_t k = 0; k < h->n_fields; k++)
		names[n++] = h->fields[k]->name;
	struct diag *d = diag_error(s->diags, i->path[1].at, "header `%s` has no field `%s`",
				    h->name, i->path[1].text);
	const char *near = diag_closest(i->path[1].text, names, n);

	if (near)
		diag_help(d, "did you mean `%s.%s`?", h->name, near);
	else
		diag_note(d, h->at, "declared here");
	return false;
}

/* A field that none of the workload's packets can have is a mistake. */
static bool of_matched_proto(struct sema *s, const struct scope *scope, const struct item *i,
			     int field)
{
	int proto = lang_field_proto(field);

	if (proto < 0 || !scope->protos || scope->protos >> proto & 1)
		return true;
	const char *word = lang_protos.rows[proto].form;
	struct diag *d = diag_error(s->diags, i->at,
				    "no packet of this workload has `%s`: it matches no %s",
				    lang_fields[field].name, word);

	diag_help(d, "add `match %s port …;`", word);
	return false;
}

/* A header is the same at each stage: so must be what it depends on. */
static bool packet_field(struct sema *s, const struct item *i, struct field_ref *f)
{
	const char *name = i->n_path == 2 ? arena_printf(s->arena, "%s.%s", i->path[0].text,
							 i->path[1].text)
					  : i->path[0].text;
	int id = lang_field_find(name);

	if (id >= 0 && (lang_fields[id].stages & SEEN_RX) && (lang_fields[id].stages & SEEN_SOCKET)) {
		f->field = (enum lang_field)id;
		return true;
	}
	diag_error(s->diags, i->at,
		   id < 0 ? "there is no field `%s`" : "a header cannot depend on `%s`: not every stage sees it",
		   name);
	return false;
}

bool sema_field(struct sema *s, const struct scope *scope, const struct item *i,
		struct field_ref *f)
{
	*f = (struct field_ref){ .at = i->at };
	if (i->kind != ITEM_WORD && i->kind != ITEM_PATH) {
		diag_error(s->diags, i->at, "expected a field");
		return false;
	}
	if (scope->layout) {
		f->hfield = i->kind == ITEM_WORD ? element_field(scope, i->path[0].text) : NULL;
		if (!f->hfield && i->kind == ITEM_PATH && scope->packet)
			return packet_field(s, i, f);
		if (!f->hfield)
			no_element(s, scope, i);
		return f->hfield != NULL;
	}
	if (i->kind == ITEM_PATH && scope->header &&
	    strcmp(scope->header->name, i->path[0].text) == 0)
		return header_path(s, scope, i, f);

	const char *name = i->path[0].text;

	/* No field has more parts than two; a third is enough to say so. */
	for (uint32_t k = 1; k < i->n_path && k < 3; k++)
		name = arena_printf(s->arena, "%s.%s", name, i->path[k].text);
	int id = lang_field_find(name);

	if (id >= 0) {
		f->field = (enum lang_field)id;
		if (lang_fields[id].stages == 0) {
			sema_later(s, i->at, arena_printf(s->arena, "`%s`", name));
			return false;
		}
		return of_matched_proto(s, scope, i, id);
	}
	struct diag *d = diag_error(s->diags, i->at, "there is no field `%s`", name);
	const char *near = lang_field_suggest(name);

	if (scope->header && strcmp(scope->header->name, name) == 0)
		diag_help(d, "`%s` is a header: name one of its fields, `%s.%s`", name, name,
			  scope->header->n_fields && scope->header->fields[0]->name
				  ? scope->header->fields[0]->name
				  : "field");
	else if (near)
		diag_help(d, "did you mean `%s`?", near);
	else if (i->kind == ITEM_PATH && !scope->header)
		diag_help(d, "name the header of the payload first: `payload %s;`",
			  i->path[0].text);
	else if (i->kind == ITEM_PATH)
		diag_help(d, "the payload of this workload is `%s`", scope->header->name);
	return false;
}

static struct value *constant(struct sema *s, enum lang_type type, uint64_t number, struct span at)
{
	struct value *v = arena_new_of(s->arena, struct value);

	*v = (struct value){ .kind = VALUE_CONST, .type = type, .number = number, .at = at };
	return v;
}

static struct operand from_field(struct sema *s, const struct field_ref *f)
{
	struct operand o = { .field = *f, .at = f->at };
	struct value *v;

	switch (field_ref_type(f)) {
	case TYPE_ADDR: o.kind = OPERAND_ADDR; break;
	case TYPE_BYTES: o.kind = OPERAND_BYTES; break;
	default:
		v = arena_new_of(s->arena, struct value);
		*v = (struct value){
			.kind = VALUE_FIELD, .type = field_ref_type(f), .field = *f, .at = f->at
		};
		o.kind = OPERAND_VALUE;
		o.value = v;
	}
	return o;
}

static struct operand from_literal(struct sema *s, const struct item *i)
{
	static const enum lang_type types[] = {
		[LIT_NUMBER] = TYPE_NUMBER,   [LIT_DURATION] = TYPE_DURATION,
		[LIT_RATE] = TYPE_RATE,       [LIT_BITRATE] = TYPE_BITRATE,
		[LIT_PERCENT] = TYPE_PERCENT, [LIT_ADDR] = TYPE_ADDR,
		[LIT_MAC] = TYPE_MAC,         [LIT_STRING] = TYPE_BYTES,
	};
	enum lang_type type = types[i->lo->kind];

	/* Addresses and strings are compared where the field is known: cond.c. */
	if (type == TYPE_ADDR || type == TYPE_BYTES) {
		struct diag *d = diag_error(s->diags, i->at, "%s cannot stand here",
					    type == TYPE_ADDR ? "an address" : "a string");

		diag_help(d, "compare it with a field of the packet: `%s`",
			  type == TYPE_ADDR ? "ip.src == 10.0.0.1" : "payload starts \"GET\"");
		return (struct operand){ .at = i->at };
	}
	return (struct operand){ .kind = OPERAND_VALUE,
				 .value = constant(s, type, i->lo->value, i->at),
				 .at = i->at };
}

/* A word that is neither a param nor a field, and no header's name either. */
static bool is_no_word(struct sema *s, const struct scope *scope, const struct item *i)
{
	const char *word = i->path[0].text;
	const char *names[POLICY_MAX_PARAMS];

	if (scope->layout || lang_field_find(word) >= 0 ||
	    (scope->header && strcmp(scope->header->name, word) == 0))
		return false;
	for (size_t k = 0; k < s->params.n; k++)
		names[k] = s->params.v[k]->name;
	struct diag *d = diag_error(s->diags, i->at, "`%s` is neither a field nor a param", word);
	const char *near = diag_closest(word, names, s->params.n);

	if (near)
		diag_help(d, "did you mean `%s`?", near);
	return true;
}

static struct operand leaf(struct sema *s, const struct scope *scope, const struct expr *e,
			   const struct hfield *enums_of)
{
	const struct item *i = e->item;
	struct field_ref f;

	if (i->kind == ITEM_LITERAL)
		return from_literal(s, i);
	if (i->kind == ITEM_WORD) {
		const char *word = i->path[0].text;
		const struct enum_value *ev = hfield_enum(enums_of, word);
		const struct param *p = sema_param_named(s, word);

		if (ev)
			return (struct operand){ .kind = OPERAND_VALUE,
						 .value =
							 constant(s, TYPE_NUMBER, ev->value, i->at),
						 .at = i->at };
		if (p) {
			struct value *v = arena_new_of(s->arena, struct value);

			*v = (struct value){
				.kind = VALUE_PARAM, .type = p->type, .param = p, .at = i->at
			};
			return (struct operand){ .kind = OPERAND_VALUE, .value = v, .at = i->at };
		}
		if (enums_of && !element_field(scope, word) && lang_field_find(word) < 0) {
			hfield_no_enum(s, enums_of, i);
			return (struct operand){ .at = i->at };
		}
	}
	if (i->kind != ITEM_WORD && i->kind != ITEM_PATH) {
		diag_error(s->diags, i->at, "expected a field, a param or a number");
		return (struct operand){ .at = i->at };
	}
	if (i->kind == ITEM_WORD && is_no_word(s, scope, i))
		return (struct operand){ .at = i->at };
	if (!sema_field(s, scope, i, &f))
		return (struct operand){ .at = i->at };
	return from_field(s, &f);
}

static struct operand arithmetic(struct sema *s, const struct scope *scope, const struct expr *e)
{
	static const enum value_kind kinds[] = {
		[EXPR_BIT_AND] = VALUE_AND,
		[EXPR_BIT_OR] = VALUE_OR,
		[EXPR_SHL] = VALUE_SHL,
		[EXPR_SHR] = VALUE_SHR,
	};
	struct operand a = sema_operand(s, scope, e->lhs, NULL);
	const struct hfield *enums_of = a.kind == OPERAND_VALUE && a.value->kind == VALUE_FIELD
						? a.value->field.hfield
						: NULL;
	struct operand b =
		sema_operand(s, scope, e->rhs, enums_of && enums_of->n_enums ? enums_of : NULL);
	const struct operand *both[] = { &a, &b };

	for (int i = 0; i < 2; i++) {
		if (both[i]->kind == OPERAND_BAD)
			return (struct operand){ .at = e->at };
		if (both[i]->kind != OPERAND_VALUE || both[i]->value->type != TYPE_NUMBER) {
			diag_error(s->diags, both[i]->at, "this takes numbers, not %s",
				   both[i]->kind == OPERAND_VALUE
					   ? lang_type_name(both[i]->value->type)
				   : both[i]->kind == OPERAND_ADDR ? "an address"
								   : "bytes");
			return (struct operand){ .at = e->at };
		}
	}
	if ((e->kind == EXPR_SHL || e->kind == EXPR_SHR) &&
	    (b.value->kind != VALUE_CONST || b.value->number > 63)) {
		diag_error(s->diags, b.at, "a shift is by a constant from 0 to 63");
		return (struct operand){ .at = e->at };
	}
	struct value *v = arena_new_of(s->arena, struct value);

	*v = (struct value){
		.kind = kinds[e->kind], .type = TYPE_NUMBER, .a = a.value, .b = b.value, .at = e->at
	};
	if (a.value->kind == VALUE_CONST && b.value->kind == VALUE_CONST) {
		uint64_t x = a.value->number, y = b.value->number;

		v->number = e->kind == EXPR_BIT_AND  ? (x & y)
			    : e->kind == EXPR_BIT_OR ? (x | y)
			    : e->kind == EXPR_SHL    ? x << y
						     : x >> y;
		v->kind = VALUE_CONST;
		v->a = v->b = NULL;
	}
	return (struct operand){ .kind = OPERAND_VALUE, .value = v, .at = e->at };
}

struct operand sema_operand(struct sema *s, const struct scope *scope, const struct expr *e,
			    const struct hfield *enums_of)
{
	switch (e->kind) {
	case EXPR_LEAF: return leaf(s, scope, e, enums_of);
	case EXPR_BIT_AND:
	case EXPR_BIT_OR:
	case EXPR_SHL:
	case EXPR_SHR: return arithmetic(s, scope, e);
	default:
		diag_error(s->diags, e->at, "a condition cannot be compared");
		return (struct operand){ .at = e->at };
	}
}

/* "www.example.org" as 3www7example3org, with the empty element behind a whole one. */
static bool joined_bytes(struct sema *s, const struct hfield *f, const struct literal *l,
			 struct span at, bool whole, struct bytes *out)
{
	uint8_t *b = arena_alloc(s->arena, (size_t)l->len + 2);
	uint32_t n = 0, start = 0, parts = 0, max = f->fields[1]->max;

	for (uint32_t i = 0; i <= l->len && l->len; i++) {
		if (i < l->len && l->text[i] != *f->join)
			continue;
		if (i == start && i == l->len && whole)
			break; /* "example.org." */
		if (i == start || i - start > max) {
			diag_error(s->diags, at,
				   i == start ? "a part of this is empty"
					      : "a part of this has more than %u bytes",
				   max);
			return false;
		}
		parts++;
		b[n++] = (uint8_t)(i - start);
		memcpy(b + n, l->text + start, i - start);
		n += i - start;
		start = i + 1;
	}
	if (whole)
		b[n++] = 0;
	if (parts + whole > f->max || n > POLICY_MAX_CONTAINS) {
		diag_error(s->diags, at, "`%s` has at most %u elements, and %u bytes to compare",
			   f->name, f->max, POLICY_MAX_CONTAINS);
		return false;
	}
	*out = (struct bytes){ .data = b, .len = n };
	return true;
}

static const uint8_t *lower(struct arena *a, const uint8_t *text, uint32_t n)
{
	uint8_t *copy = arena_alloc(a, n + 1);

	for (uint32_t i = 0; i < n; i++)
		copy[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i];
	return copy;
}

bool sema_field_bytes(struct sema *s, const struct field_ref *f, const struct literal *l,
		      struct span at, bool whole, struct bytes *out)
{
	const struct hfield *h = f->hfield;

	if (l->kind != LIT_STRING) {
		diag_error(s->diags, at, "`%s` can be compared with a string only",
			   field_ref_name(s->arena, f));
		return false;
	}
	if (!whole && l->len == 0) {
		diag_error(s->diags, at, "an empty string is part of everything");
		return false;
	}
	if (h && h->kind == HTYPE_REPEAT) {
		if (hfield_joins(h))
			return joined_bytes(s, h, l, at, whole, out);
		diag_error(s->diags, at, "`%s` has no `join`: no string stands for it",
			   field_ref_name(s->arena, f));
		return false;
	}
	if (h && h->kind == HTYPE_BYTES && !h->size_from && whole && l->len != h->fixed_size) {
		diag_error(s->diags, at, "`%s` has %u bytes, this string has %u",
			   field_ref_name(s->arena, f), h->fixed_size, l->len);
		return false;
	}
	if (l->len > (h ? h->max : POLICY_MAX_CONTAINS)) {
		diag_error(s->diags, at, "`%s` has at most %u bytes, this string has %u",
			   field_ref_name(s->arena, f), h ? h->max : POLICY_MAX_CONTAINS, l->len);
		return false;
	}
	*out = (struct bytes){ .data = (const uint8_t *)l->text, .len = l->len };
	if (h && h->nocase)
		out->data = lower(s->arena, out->data, out->len);
	return true;
}
