/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An application's header laid over a payload: a single walk from the first
 * field to the last. A field whose size is not fixed moves all that stand
 * behind it, and takes them along when it is missing.
 */
#include "interp/model.h"

#include <stdlib.h>
#include <string.h>

static void walk(struct layout *l, uint32_t base, const struct facts *facts);

static struct place *places_new(uint32_t n)
{
	struct place *p = calloc(n ? n : 1, sizeof(*p));

	if (!p)
		abort();
	return p;
}

/* Where `f` lies: in the list of fields that has it, here or around it. */
static const struct place *place_of(const struct layout *l, const struct hfield *f)
{
	for (; l; l = l->outer) {
		if (f->index < l->n_fields && l->fields[f->index] == f)
			return &l->places[f->index];
	}
	return NULL;
}

static uint64_t digits(const uint8_t *text, uint32_t n)
{
	uint64_t v = 0;

	while (n--)
		v = 10 * v + (*text++ - '0');
	return v;
}

struct datum hfield_read(const struct hfield *f, const struct facts *facts)
{
	const struct place *at = place_of(facts->layout, f);
	const uint8_t *payload = facts->packet->payload;
	struct datum d = { .kind = DATUM_MISSING };

	if (!at || !at->there)
		return d;
	if (f->kind == HTYPE_GIVEN)
		return (struct datum){ .kind = DATUM_NUMBER, .number = f->number };
	if (f->kind == HTYPE_DECIMAL)
		return (struct datum){ .kind = DATUM_NUMBER,
				       .number = digits(payload + at->start, at->end - at->start) };
	if (f->kind == HTYPE_VARINT) {
		unsigned n = at->end - at->start;

		d.kind = DATUM_NUMBER;
		d.number = big_endian(payload + at->start, n) & ((1ULL << (8 * n - 2)) - 1);
		return d;
	}
	if (f->kind >= HTYPE_BYTES) {
		d.kind = DATUM_BYTES;
		d.data = payload + at->start;
		d.len = at->end - at->start;
		d.nocase = f->nocase;
		return d;
	}

	d.kind = DATUM_NUMBER;
	if (f->little) {
		for (unsigned i = 0; i < f->width; i++)
			d.number |= (uint64_t)payload[at->start + i] << (8 * i);
	} else {
		d.number = big_endian(payload + at->start, f->width);
	}
	if (f->kind == HTYPE_BITS) {
		d.number >>= f->shift;
		if (f->bits < 64)
			d.number &= ((uint64_t)1 << f->bits) - 1;
	}
	return d;
}

/* The size of a BYTES or SKIP; false: it cannot be told, or is more than its bound. */
static bool sized(const struct hfield *f, const struct facts *facts, uint64_t *size)
{
	struct datum d;

	if (!f->size_from) {
		*size = f->fixed_size;
		return true;
	}
	d = hfield_read(f->size_from, facts);
	*size = d.number;
	return d.kind == DATUM_NUMBER && d.number <= f->max;
}

static bool is_delimiter(const struct hfield *f, const uint8_t *at)
{
	for (uint32_t i = 0; i <= f->more_delims; i++) {
		if (memcmp(at, f->delim + i * f->delim_len, f->delim_len) == 0)
			return true;
	}
	return false;
}

/* The end of a text that starts at `start`, and where its delimiter ends. */
static bool find_delimiter(const struct hfield *f, const struct packet *pk, struct place *at)
{
	for (uint32_t n = 0; n <= f->max; n++) {
		uint32_t end = at->start + n;

		if ((uint64_t)end + f->delim_len > pk->payload_len)
			return false;
		if (is_delimiter(f, pk->payload + end)) {
			at->end = end;
			at->next = end + f->delim_len;
			return true;
		}
	}
	return false;
}

static bool all_digits(const struct packet *pk, const struct place *at)
{
	for (uint32_t i = at->start; i < at->end; i++) {
		if (pk->payload[i] < '0' || pk->payload[i] > '9')
			return false;
	}
	return at->end > at->start;
}

/* Walks elements up to the one that meets the condition: behind it, or for SEEK to it. */
static bool walk_elements(const struct hfield *f, const struct facts *facts, struct place *at)
{
	uint32_t pos = at->start;
	bool done = false;

	for (uint32_t i = 0; i < f->max && !done; i++) {
		struct layout element = {
			.fields = (const struct hfield *const *)f->fields,
			.n_fields = f->n_fields,
			.places = places_new(f->n_fields),
			.outer = facts->layout,
		};
		struct facts inside = *facts;
		const struct place *last = &element.places[f->n_fields - 1];
		bool whole;

		inside.layout = &element;
		walk(&element, pos, &inside);
		whole = last->there;
		/* What is given is there, whatever was cut before it. */
		if (f->fields[f->n_fields - 1]->kind == HTYPE_GIVEN)
			whole = last->started && last->next <= facts->packet->payload_len;
		if (f->kind == HTYPE_SEEK) {
			done = cond_eval(f->until, &inside) == YES;
			whole |= done;
			pos = done ? pos : last->next;
		} else if (whole) {
			pos = last->next;
			done = cond_eval(f->until, &inside) == YES;
		}
		free(element.places);
		if (!whole)
			return false;
	}
	at->end = at->next = pos;
	return done;
}

/* Where fields behind a condition begin, or end. */
static bool measure_when(const struct hfield *f, const struct layout *l, const struct facts *facts,
			 struct place *at)
{
	const struct place *begin = f->begin ? place_of(l, f->begin) : at;
	enum truth t;

	if (!begin->started)
		return false;
	t = cond_eval(f->begin ? f->begin->when : f->when, facts);
	if (f->begin && t == NO)
		at->start = begin->start;
	at->end = at->next = at->start;
	return t == YES ? at->started : t == NO && f->begin;
}

/* Fills in where `f` ends; `at->start` is where it starts. */
static bool measure(const struct hfield *f, const struct facts *facts, struct place *at)
{
	const struct packet *pk = facts->packet;
	uint64_t size;

	if (at->start > pk->payload_len)
		return false;
	switch (f->kind) {
	case HTYPE_BYTES:
	case HTYPE_SKIP:
		if (!sized(f, facts, &size))
			return false;
		break;
	case HTYPE_TEXT:
		if (f->delim_len)
			return find_delimiter(f, pk, at);
		size = pk->payload_len - at->start;
		if (size > f->max)
			return false;
		break;
	case HTYPE_DECIMAL: return find_delimiter(f, pk, at) && all_digits(pk, at);
	case HTYPE_VARINT:
		if (at->start == pk->payload_len)
			return false;
		size = 1u << (pk->payload[at->start] >> 6);
		break;
	case HTYPE_REPEAT:
	case HTYPE_SEEK: return walk_elements(f, facts, at);
	case HTYPE_PEEK: size = 0; break;
	default: size = f->width;
	}
	if (size > pk->payload_len - at->start)
		return false;
	at->end = at->next = at->start + (uint32_t)size;
	return true;
}

static void walk(struct layout *l, uint32_t base, const struct facts *facts)
{
	for (uint32_t i = 0; i < l->n_fields; i++) {
		const struct hfield *f = l->fields[i];
		struct place *at = &l->places[i];
		const struct place *anchor = f->anchor ? place_of(l, f->anchor) : NULL;

		at->started = !f->anchor || (anchor && anchor->there);
		if (at->started)
			at->start = (anchor ? anchor->next : base) + f->offset;
		at->end = at->next = at->start;
		if (f->kind == HTYPE_GIVEN)
			at->there = true; /* in no packet, so in each */
		else if (f->kind == HTYPE_WHEN)
			at->there = measure_when(f, l, facts, at);
		else
			at->there = at->started && measure(f, facts, at);
	}
}

void layout_make(struct layout *l, const struct facts *facts)
{
	struct facts here = *facts;

	memset(l, 0, sizeof(*l));
	if (!facts->header)
		return;
	l->fields = (const struct hfield *const *)facts->header->fields;
	l->n_fields = facts->header->n_fields;
	l->places = places_new(l->n_fields);
	here.layout = l;
	walk(l, 0, &here);
}

void layout_free(struct layout *l)
{
	free(l->places);
}
