/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an application's header says, as bytes of a test's packet. Fields that
 * are not given are zero or empty; those behind a condition that does not hold
 * are left out.
 */
#include "sema/packet.h"

struct setting {
	bool given;
	struct span at;
	uint64_t number;
	struct bytes bytes;
};

static bool field_value(struct sema *s, const struct hfield *f, const struct item *i,
			struct setting *v)
{
	struct field_ref ref = { .hfield = f, .at = i->at };

	if (!hfield_number(f)) {
		if (i->kind != ITEM_LITERAL || i->lo->kind != LIT_STRING) {
			diag_error(s->diags, i->at, "field `%s` takes a string", f->name);
			return false;
		}
		if (!sema_field_bytes(s, &ref, i->lo, i->at, true, &v->bytes))
			return false;
		if (f->nocase) /* as it is written */
			v->bytes.data = (const uint8_t *)i->lo->text;
		return true;
	}
	if (i->kind == ITEM_WORD) {
		const struct enum_value *e = hfield_enum(f, i->path[0].text);

		if (!e) {
			hfield_no_enum(s, f, i);
			return false;
		}
		v->number = e->value;
		return true;
	}
	return sema_number(s, i, "the value of this field",
			   f->bits >= 64 ? UINT64_MAX : (1ULL << f->bits) - 1, &v->number);
}

static void no_field(struct sema *s, const struct header *h, const struct item *i)
{
	const char *names[POLICY_MAX_FIELDS];

	for (uint32_t k = 0; k < h->n_fields; k++)
		names[k] = h->fields[k]->name;
	struct diag *d = diag_error(s->diags, i->at, "header `%s` has no field `%s`", h->name,
				    i->path[0].text);
	const char *near = diag_closest(i->path[0].text, names, h->n_fields);

	if (near)
		diag_help(d, "did you mean `%s`?", near);
}

static bool settings(struct sema *s, const struct header *h, const struct phrase *sets,
		     struct setting *v)
{
	bool ok = true;

	for (const struct phrase *p = sets; p; p = p->next) {
		const char *name = sema_word(s, p->items, "the name of a field");
		const struct hfield *f = name ? header_field(h, name) : NULL;

		if (!f || !p->items->next || p->items->next->next) {
			if (name && f)
				diag_error(s->diags, p->at, "a field takes one value");
			else if (name)
				no_field(s, h, p->items);
			ok = false;
			continue;
		}
		if (v[f->index].given) {
			diag_error(s->diags, p->at, "`%s` is given twice", name);
			ok = false;
		}
		v[f->index].given = true;
		v[f->index].at = p->at;
		ok &= field_value(s, f, p->items->next, &v[f->index]);
	}
	for (uint32_t i = 0; i < h->n_fields; i++)
		if (h->fields[i]->kind == HTYPE_GIVEN && !v[i].given)
			v[i].number = h->fields[i]->number;
	/* Lengths follow what they size. */
	for (uint32_t i = 0; i < h->n_fields; i++) {
		const struct hfield *f = h->fields[i], *from = f->size_from;

		if (from && from->kind != HTYPE_GIVEN && !v[from->index].given && v[i].given)
			v[from->index].number = v[i].bytes.len;
	}
	return ok;
}

/* --- bytes --- */

/* Bits that have not filled a byte. */
struct bit_run {
	uint64_t bits;
	unsigned n;
};

struct encoding {
	struct sema *s;
	const struct header *h;
	const struct setting *v;
	struct span at;
	struct buffer *b;
	unsigned proto;
	struct bit_run run; /* in `b`, or ahead */
	struct buffer *ahead; /* fields in front of a PEEK; NULL: none are open */
	struct buffer *mask;  /* bits of them that were given */
	struct bit_run mask_run;
	bool ok;
};

static void put_le(struct buffer *b, uint64_t v, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		packet_put(b, &(uint8_t){ (uint8_t)(v >> (8 * i)) }, 1);
}

static void put_number(struct buffer *b, struct bit_run *run, const struct hfield *f, uint64_t v)
{
	unsigned left = f->bits;

	if (f->kind != HTYPE_BITS) {
		(f->little ? put_le : packet_put_be)(b, v, f->width);
		return;
	}
	while (left--) {
		run->bits = run->bits << 1 | (v >> left & 1);
		if (++run->n % 8 == 0)
			packet_put_be(b, run->bits & 0xff, 1);
	}
}

static void put_varint(struct buffer *b, uint64_t v)
{
	unsigned i = v < 1u << 6 ? 0 : v < 1u << 14 ? 1 : v < 1u << 30 ? 2 : 3;

	packet_put_be(b, (uint64_t)i << (8 * (1u << i) - 2) | v, 1u << i);
}

/* What a field that is sized by another is filled up to. */
static void put_sized(struct encoding *c, const struct hfield *f, const struct setting *v)
{
	const struct hfield *from = f->size_from;
	uint64_t size = from ? c->v[from->index].number : f->fixed_size;
	bool said = from && from->kind != HTYPE_GIVEN && c->v[from->index].given;
	static const uint8_t zero;

	packet_put(c->b, v->bytes.data ? v->bytes.data : &zero, v->bytes.len);
	/* More was said to come than was given: zeroes, unless a test of a cut packet says so. */
	for (uint64_t i = v->bytes.len; i < size && !said; i++)
		packet_put(c->b, &zero, 1);
}

/* --- conditions over what is given --- */

static bool number_of(const struct encoding *c, const struct value *v, uint64_t *n)
{
	uint64_t a, b;

	switch (v->kind) {
	case VALUE_CONST: *n = v->number; return true;
	case VALUE_PARAM: *n = v->param->value; return true;
	case VALUE_FIELD:
		*n = v->field.hfield ? c->v[v->field.hfield->index].number : c->proto;
		return v->field.hfield || v->field.field == FIELD_IP_PROTO;
	default: break;
	}
	if (!number_of(c, v->a, &a) || !number_of(c, v->b, &b))
		return false;
	*n = v->kind == VALUE_AND   ? (a & b)
	     : v->kind == VALUE_OR  ? (a | b)
	     : v->kind == VALUE_SHL ? a << b
				    : a >> b;
	return true;
}

static bool same_letter(uint8_t a, uint8_t b, bool nocase)
{
	return a == b || (nocase && a >= 'A' && a <= 'Z' && (a | 0x20) == b);
}

static bool string_holds(const struct encoding *c, const struct cond *k, const struct bytes *s)
{
	const struct bytes *x = &c->v[k->field.hfield->index].bytes;

	if (x->len < s->len || (k->kind == COND_BYTES && x->len != s->len))
		return false;
	for (uint32_t i = 0; i < s->len; i++)
		if (!same_letter(x->data[i], s->data[i], k->field.hfield->nocase))
			return false;
	return true;
}

static bool cannot_tell(struct encoding *c, const struct cond *k)
{
	struct diag *d = diag_error(c->s->diags, c->at,
				    "whether a field of `%s` is there cannot be told from the fields alone",
				    c->h->name);

	diag_note(d, k->at, "it depends on this");
	diag_help(d, "give the packet's bytes: `payload text \"…\"` or `payload hex \"…\"`");
	c->ok = false;
	return false;
}

static bool holds(struct encoding *c, const struct cond *k)
{
	uint64_t a, b;
	bool yes = false;

	switch (k->kind) {
	case COND_AND: return holds(c, k->a) && holds(c, k->b);
	case COND_OR: return holds(c, k->a) || holds(c, k->b);
	case COND_NOT: return !holds(c, k->a);
	case COND_BYTES:
	case COND_STARTS:
		if (!k->field.hfield)
			return cannot_tell(c, k);
		for (uint32_t i = 0; i < k->n; i++)
			yes |= string_holds(c, k, &k->strings[i]);
		return yes;
	case COND_PREFIXES:
	case COND_CONTAINS: return cannot_tell(c, k);
	default: break;
	}
	if (!number_of(c, k->lhs, &a) || (k->kind != COND_RANGES && !number_of(c, k->rhs, &b)))
		return cannot_tell(c, k);
	switch (k->kind) {
	case COND_EQ: return a == b;
	case COND_NE: return a != b;
	case COND_LT: return a < b;
	case COND_LE: return a <= b;
	case COND_GT: return a > b;
	case COND_GE: return a >= b;
	default: break;
	}
	for (uint32_t i = 0; i < k->n; i++)
		yes |= k->ranges[i].lo <= a && a <= k->ranges[i].hi;
	return yes;
}

/* --- field by field --- */

static void undetermined(struct encoding *c, const struct hfield *f)
{
	struct diag *d = diag_error(c->s->diags, c->v[f->index].at,
				    "where `%s.%s` stands cannot be told from the fields alone",
				    c->h->name, f->name);

	diag_help(d, "give the packet's bytes: `payload text \"…\"` or `payload hex \"…\"`");
	c->ok = false;
}

/* Fields that take no room are laid over what comes behind them, if they are given. */
static void put_ahead(struct encoding *c, const struct hfield *f)
{
	const struct setting *v = &c->v[f->index];

	if (!c->ahead) {
		c->ahead = arena_new_of(c->s->arena, struct buffer);
		c->mask = arena_new_of(c->s->arena, struct buffer);
		c->ahead->begin = c->b->n;
	}
	if (f->kind > HTYPE_BITS) {
		if (v->given)
			undetermined(c, f);
		return;
	}
	put_number(c->ahead, &c->run, f, v->number);
	put_number(c->mask, &c->mask_run, f, v->given ? UINT64_MAX : 0);
}

/* A search finds what stands behind it, if the fields there say what it is. */
static void found(struct encoding *c, const struct hfield *seek)
{
	const struct header *h = c->h;

	if (seek->index + 1 == h->n_fields || h->fields[seek->index + 1]->kind != HTYPE_SKIP)
		return;
	for (uint32_t i = seek->index + 1; i < h->n_fields && h->fields[i]->kind < HTYPE_WHEN && c->ok; i++)
		if (c->v[i].given)
			undetermined(c, h->fields[i]);
}

static void put_field(struct encoding *c, const struct hfield *f)
{
	const struct setting *v = &c->v[f->index];
	static const uint8_t nothing;

	switch (f->kind) {
	case HTYPE_U8:
	case HTYPE_U16:
	case HTYPE_U32:
	case HTYPE_U64:
	case HTYPE_BITS: put_number(c->b, &c->run, f, v->number); break;
	case HTYPE_VARINT: put_varint(c->b, v->number); break;
	case HTYPE_BYTES:
	case HTYPE_SKIP: put_sized(c, f, v); break;
	case HTYPE_DECIMAL:
	case HTYPE_TEXT:
		if (f->kind == HTYPE_DECIMAL) {
			const char *digits = arena_printf(c->s->arena, "%llu",
							  (unsigned long long)v->number);

			packet_put(c->b, digits, (uint32_t)strlen(digits));
		} else {
			packet_put(c->b, v->bytes.data ? v->bytes.data : &nothing, v->bytes.len);
		}
		packet_put(c->b, f->delim ? f->delim : &nothing, f->delim_len);
		break;
	case HTYPE_REPEAT:
		/* Not given: the element that ends it, all of whose numbers are zero. */
		if (v->given)
			packet_put(c->b, v->bytes.data, v->bytes.len);
		else
			packet_put_be(c->b, 0, f->fields[0]->width ? f->fields[0]->width : 1);
		break;
	case HTYPE_SEEK: found(c, f); break;
	case HTYPE_GIVEN:
	case HTYPE_WHEN:
	case HTYPE_PEEK:
	case HTYPE_COUNT: break;
	}
}

/* The end of the fields that begin at `i`. */
static uint32_t behind_when(const struct header *h, uint32_t i)
{
	uint32_t k = i + 1;

	while (k < h->n_fields && h->fields[k]->begin != h->fields[i])
		k++;
	return k;
}

static void lay_over(struct buffer *b, const struct buffer *ahead, const struct buffer *mask)
{
	for (uint32_t i = 0; i < ahead->n; i++) {
		uint32_t at = ahead->begin + i;

		if (mask->bytes[i] && at >= b->n)
			packet_put_be(b, 0, 1);
		if (at < b->n)
			b->bytes[at] = (uint8_t)((b->bytes[at] & ~mask->bytes[i]) |
						 (ahead->bytes[i] & mask->bytes[i]));
	}
}

static void encode(struct encoding *c, uint32_t from, uint32_t to)
{
	const struct header *h = c->h;

	for (uint32_t i = from; i < to && c->ok; i++) {
		const struct hfield *f = h->fields[i];

		if (f->kind == HTYPE_PEEK && c->ahead) {
			struct buffer *ahead = c->ahead, *mask = c->mask;

			c->ahead = NULL;
			encode(c, i + 1, to);
			lay_over(c->b, ahead, mask);
			return;
		}
		if (f->when && !holds(c, f->when) && c->ok) {
			uint32_t end = behind_when(h, i);

			for (i++; i < end; i++)
				if (c->v[i].given && c->ok && h->fields[i]->kind != HTYPE_GIVEN) {
					diag_note(diag_error(c->s->diags, c->v[i].at,
							     "`%s.%s` is not there with these fields",
							     h->name, h->fields[i]->name),
						  f->at, "it stands behind this condition");
					c->ok = false;
				}
		} else if (f->peeked) {
			put_ahead(c, f);
		} else {
			put_field(c, f);
		}
	}
}

bool packet_header(struct sema *s, const struct item *word, const struct phrase *sets,
		   unsigned proto, struct buffer *b)
{
	const struct header *h = sema_find_header(s, word);

	if (!h)
		return false;
	struct setting *v = arena_alloc(s->arena, (h->n_fields + 1) * sizeof(*v));
	struct encoding c = { .s = s, .h = h, .v = v, .at = word->at, .b = b, .proto = proto, .ok = true };

	if (!settings(s, h, sets, v))
		return false;
	encode(&c, 0, h->n_fields);
	if (c.ok && b->full) {
		diag_error(s->diags, word->at, "a packet has at most %d bytes", MAX_FRAME);
		return false;
	}
	return c.ok;
}
