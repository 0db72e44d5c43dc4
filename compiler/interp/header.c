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

struct datum hfield_read(const struct hfield *f, const struct facts *facts)
{
	const struct place *at = place_of(facts->layout, f);
	const uint8_t *payload = facts->packet->payload;
	struct datum d = { .kind = DATUM_MISSING };

	if (!at || !at->there)
		return d;
	if (f->kind > HTYPE_BITS) {
		d.kind = DATUM_BYTES;
		d.data = payload + at->start;
		d.len = at->end - at->start;
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

/* The end of a text that starts at `start`, and where its delimiter ends. */
static bool find_delimiter(const struct hfield *f, const struct packet *pk, struct place *at)
{
	for (uint32_t n = 0; n <= f->max; n++) {
		uint32_t end = at->start + n;

		if ((uint64_t)end + f->delim_len > pk->payload_len)
			return false;
		if (memcmp(pk->payload + end, f->delim, f->delim_len) == 0) {
			at->end = end;
			at->next = end + f->delim_len;
			return true;
		}
	}
	return false;
}

/* Walks elements up to the one that meets the condition. */
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
		bool whole = true;

		inside.layout = &element;
		walk(&element, pos, &inside);
		for (uint32_t k = 0; k < f->n_fields; k++)
			whole = whole && element.places[k].there;
		if (whole) {
			pos = element.places[f->n_fields - 1].next;
			done = cond_eval(f->until, &inside) == YES;
		}
		free(element.places);
		if (!whole)
			return false;
	}
	at->end = at->next = pos;
	return done;
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
	case HTYPE_REPEAT: return walk_elements(f, facts, at);
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

		if (f->anchor && (!anchor || !anchor->there))
			continue;
		at->start = (anchor ? anchor->next : base) + f->offset;
		at->there = measure(f, facts, at);
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
