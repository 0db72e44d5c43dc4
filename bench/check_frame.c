/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames with something odd about them: what decides about the same policy on both
 * sides must also agree on what no client sends.
 */
#include <string.h>

#include "check.h"

static void put16(uint8_t *b, unsigned v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

/* --- payloads --- */

/* A byte that some comparison of the policies is close to. */
static uint8_t odd_byte(struct rng *r)
{
	static const uint8_t odd[] = { 0,  1,  2,  3,  4,  5,  6,  12, 15,  16,  28,
				       46, 47, 48, 49, 62, 63, 64, 65, 127, 128, 255 };

	return rng_percent(r, 70) ? odd[rng_below(r, sizeof(odd))] : (uint8_t)rng_next(r);
}

/* Many labels, one of which may be too long, behind a header of DNS. */
static void long_name(struct rng *r, struct frame_spec *s)
{
	unsigned labels = rng_in(r, 36, 42), n = 12;

	memset(s->payload, 0, n);
	for (unsigned i = 0; i < labels; i++) {
		unsigned size = rng_percent(r, 2) ? 64 : rng_in(r, 1, 30);

		s->payload[n++] = (uint8_t)size;
		memset(s->payload + n, 'a', size);
		n += size;
	}
	s->payload[n++] = 0;
	put16(s->payload + n, odd_byte(r));
	s->payload_len = n + rng_below(r, 4);
}

/* A key as long as can be, or one more. */
static void long_key(struct rng *r, struct frame_spec *s)
{
	unsigned size = rng_in(r, 0, 66);

	s->payload[0] = (uint8_t)rng_in(r, 1, 4);
	s->payload[1] = (uint8_t)size;
	for (unsigned i = 2; i < 8 + size; i++)
		s->payload[i] = (uint8_t)rng_next(r);
	if (rng_percent(r, 30))
		memcpy(s->payload + 8, "admin/", 6);
	put16(s->payload + 8 + size, rng_in(r, 1022, 1025));
	s->payload_len = 8 + size + rng_below(r, 4);
	s->padding = rng_percent(r, 30) ? rng_below(r, 4) : 0;
}

/* Ends early, or late; what stands behind its end may well look like the rest of it. */
static void cut(struct rng *r, struct frame_spec *s)
{
	unsigned left = rng_percent(r, 30) ? rng_below(r, 4) : rng_below(r, s->payload_len + 4);

	if (rng_percent(r, 50))
		s->udp_len_off = (int)left - (int)s->payload_len;
	else
		s->payload_len = left;
	s->padding = rng_percent(r, 50) ? rng_below(r, 40) : 0;
}

void mutate_payload(struct rng *r, struct frame_spec *s)
{
	switch (rng_below(r, 5)) {
	case 0: long_name(r, s); break;
	case 1: long_key(r, s); break;
	case 2: cut(r, s); break;
	default: break;
	}
	for (unsigned n = rng_below(r, 4); n && s->payload_len; n--)
		s->payload[rng_below(r, s->payload_len < 40 ? s->payload_len : 40)] = odd_byte(r);
}

/* --- headers --- */

static void odd_address(struct rng *r, struct frame_spec *s)
{
	static const uint8_t four[][4] = {
		{ 10, 0, 0, 9 },    { 9, 255, 255, 255 }, { 11, 0, 0, 0 },    { 10, 66, 3, 4 },
		{ 10, 67, 1, 200 }, { 10, 67, 2, 1 },     { 10, 67, 2, 2 },   { 10, 65, 0, 1 },
		{ 192, 168, 0, 1 }, { 192, 169, 0, 1 },   { 203, 0, 113, 7 }, { 0, 0, 0, 0 }
	};

	if (s->version == 6) {
		s->src[0] = rng_percent(r, 50) ? 0xfd : (uint8_t)rng_in(r, 0xfc, 0xfe);
		for (unsigned i = 1; i < 16; i++)
			s->src[i] = rng_percent(r, 50) ? 0 : (uint8_t)rng_next(r);
	} else {
		memcpy(s->src, four[rng_below(r, sizeof(four) / 4)], 4);
	}
}

static void odd_extensions(struct rng *r, struct frame_spec *s)
{
	static const uint8_t kinds[] = { 0, 43, 60, 51, 44, 50, 135 };

	s->n_extensions = rng_in(r, 1, FRAME_EXTENSIONS_MAX);
	for (unsigned i = 0; i < s->n_extensions; i++) {
		unsigned common = rng_percent(r, 90) ? 4 : sizeof(kinds);

		s->extensions[i].kind = kinds[rng_below(r, common)];
		s->extensions[i].units =
			rng_percent(r, 80) ? (uint8_t)rng_below(r, 3) : (uint8_t)rng_below(r, 20);
	}
}

static void odd_tags(struct rng *r, struct frame_spec *s)
{
	static const uint16_t ids[] = { 99, 100, 150, 199, 200, 0, 0xf96 };

	s->n_tags = rng_in(r, 1, FRAME_TAGS_MAX);
	for (unsigned i = 0; i < s->n_tags; i++) {
		s->tags[i].tpid = rng_percent(r, 50) ? 0x8100 : 0x88a8;
		s->tags[i].tci =
			ids[rng_below(r, sizeof(ids) / 2)] | (uint16_t)(rng_below(r, 8) << 13);
	}
}

static void odd_lengths(struct rng *r, struct frame_spec *s)
{
	int by = (int)rng_below(r, 25) - 12;

	if (rng_percent(r, 40))
		s->ip_len_off = rng_percent(r, 20) ? -(int)rng_below(r, 60) : by;
	if (rng_percent(r, 40))
		s->udp_len_off = by;
	if (rng_percent(r, 40))
		s->padding = rng_below(r, 30);
}

static void odd_version(struct rng *r, struct frame_spec *s)
{
	if (rng_percent(r, 70)) {
		s->version_field = (uint8_t)rng_in(r, 3, 7);
		s->ihl_field = (uint8_t)(rng_percent(r, 50) ? rng_below(r, 16) : 0);
		return;
	}
	/* A header of four words, so that the destination is read as ports. */
	s->ihl_field = 4;
	put16(s->dst + 2, s->dport);
	s->sport = (uint16_t)rng_in(r, 8, 40);
}

static void odd_fragment(struct rng *r, struct frame_spec *s)
{
	static const uint16_t words[] = { 0x4000, 0x2000, 0x0001, 0x1fff, 0x8000, 0x6001 };

	s->fragment = words[rng_below(r, sizeof(words) / 2)];
}

void mutate_spec(const struct policy *p, struct rng *r, struct frame_spec *s)
{
	for (unsigned n = rng_in(r, 1, 3); n; n--) {
		switch (rng_below(r, 13)) {
		case 0: odd_address(r, s); break;
		case 1: odd_extensions(r, s); break;
		case 2: odd_tags(r, s); break;
		case 3: odd_lengths(r, s); break;
		case 4: odd_fragment(r, s); break;
		case 5: s->options = rng_below(r, 11); break;
		case 6: s->tos = (uint8_t)(rng_percent(r, 50) ? 46 << 2 : rng_next(r)); break;
		case 7: s->ttl_zero = rng_percent(r, 50), s->ttl = (uint8_t)rng_in(r, 1, 3); break;
		case 8: s->dport = (uint16_t)(p->ports[0] + rng_below(r, 6) - 1); break;
		case 9: s->sport = (uint16_t)rng_next(r); break;
		case 10: odd_version(r, s); break;
		default: mutate_payload(r, s); break;
		}
	}
}

void mutate_frame(struct rng *r, struct frame *f)
{
	if (rng_percent(r, 20))
		f->len = 14 + rng_below(r, (uint32_t)f->len - 13);
	for (unsigned n = rng_percent(r, 20) ? rng_in(r, 1, 3) : 0; n; n--)
		f->bytes[12 + rng_below(r, (uint32_t)f->len - 12)] = odd_byte(r);
}
