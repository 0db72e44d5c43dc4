/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Payloads along a header: field by field, with values that conditions ask for,
 * sizes around their bounds, and now and then something that does not fit.
 */
#include "make_packet.h"

#include <string.h>

struct making {
	const struct hints *hints;
	struct rng *r;
	const struct class *class;
	uint8_t *out;
	unsigned n, max;
	/* Numbers written so far, for the sizes of what follows. */
	struct {
		const struct hfield *field;
		uint64_t value;
	} sizes[64];
	unsigned n_sizes;
	bool tcp;
};

static void put(struct making *m, const void *data, unsigned n)
{
	if (n > m->max - m->n)
		n = m->max - m->n;
	memcpy(m->out + m->n, data, n);
	m->n += n;
}

static void put_byte(struct making *m, uint8_t b)
{
	put(m, &b, 1);
}

/* Bytes that strings and delimiters are made of. */
static uint8_t any_byte(struct rng *r)
{
	static const uint8_t likely[] = "aabbc \r\n\0\1.\"\\\xff\x80";

	return rng_percent(r, 90) ? likely[rng_below(r, sizeof(likely) - 1)] : (uint8_t)rng_next(r);
}

static void put_any(struct making *m, unsigned n)
{
	while (n--)
		put_byte(m, any_byte(m->r));
}

/* --- numbers --- */

static void note_size(struct making *m, const struct hfield *f, uint64_t value)
{
	if (m->n_sizes == sizeof(m->sizes) / sizeof(m->sizes[0]))
		return;
	m->sizes[m->n_sizes].field = f;
	m->sizes[m->n_sizes++].value = value;
}

static bool size_written(const struct making *m, const struct hfield *f, uint64_t *value)
{
	for (unsigned i = m->n_sizes; i-- > 0;) {
		if (m->sizes[i].field == f) {
			*value = m->sizes[i].value;
			return true;
		}
	}
	return false;
}

/* The bound of a field behind `f` whose size it says, or 0. */
static uint32_t bound_of(struct hfield *const *fields, uint32_t n, const struct hfield *f)
{
	for (uint32_t i = f->index + 1; i < n; i++) {
		if (fields[i]->size_from == f)
			return fields[i]->max;
	}
	return 0;
}

static uint64_t choose_number(struct making *m, struct hfield *const *fields, uint32_t n,
			      const struct hfield *f)
{
	struct field_ref ref = { .hfield = f };
	uint32_t bound = bound_of(fields, n, f);

	if (bound && rng_percent(m->r, 85)) {
		const struct hint *hint = hint_pick(m->hints, m->r, &ref, HINT_NUMBER, m->class);

		if (hint && hint->number <= bound && rng_percent(m->r, 40))
			return hint->number;
		return rng_below(m->r, bound < 12 || rng_percent(m->r, 15) ? bound + 1 : 12);
	}
	return hint_number(m->hints, m->r, &ref, f->bits, m->class);
}

static void put_number(struct making *m, const struct hfield *f, uint64_t v)
{
	for (unsigned i = 0; i < f->width; i++)
		put_byte(m, (uint8_t)(v >> 8 * (f->little ? i : f->width - 1u - i)));
}

/* A run of BITS fills whole bytes; returns the index behind it. */
static uint32_t put_bits(struct making *m, struct hfield *const *fields, uint32_t n, uint32_t i)
{
	uint64_t acc = 0;
	unsigned bits = 0;

	for (; i < n && fields[i]->kind == HTYPE_BITS; i++) {
		uint64_t v = choose_number(m, fields, n, fields[i]);

		note_size(m, fields[i], v);
		for (unsigned b = fields[i]->bits; b-- > 0;) {
			acc = acc << 1 | (v >> b & 1);
			if (++bits % 8 == 0)
				put_byte(m, (uint8_t)acc);
		}
	}
	return i;
}

/* --- bytes --- */

/* Content that some condition asks for, or nearly; at most `most` bytes. */
static unsigned content(struct making *m, const struct field_ref *f, uint8_t *buf, unsigned most)
{
	const struct hint *hint = hint_pick(m->hints, m->r, f, HINT_STRING, m->class);
	const struct hint *place = hint_pick(m->hints, m->r, f, HINT_PLACE, m->class);
	unsigned n = 0, len;

	if (!hint || rng_percent(m->r, 25)) {
		len = rng_below(m->r, (most < 12 ? most : 12) + 1);
		while (n < len)
			buf[n++] = any_byte(m->r);
		return n;
	}
	if (hint->anywhere && rng_percent(m->r, 70)) {
		/* so that it ends at the bound, or just beyond, or before it */
		unsigned at = rng_below(m->r, 8);

		if (place && place->number >= hint->string.len && rng_percent(m->r, 60))
			at = (unsigned)place->number - hint->string.len + rng_below(m->r, 3);
		while (n < at && n < most)
			buf[n++] = any_byte(m->r);
	}
	len = hint->string.len;
	if (len > most - n)
		len = most - n;
	memcpy(buf + n, hint->string.data, len);
	if (len && rng_percent(m->r, 15))
		buf[n + rng_below(m->r, len)] ^= (uint8_t)(1u << rng_below(m->r, 8));
	for (unsigned i = 0; f->hfield && f->hfield->nocase && i < len; i++)
		if (buf[n + i] >= 'a' && buf[n + i] <= 'z' && rng_percent(m->r, 40))
			buf[n + i] ^= 0x20;
	n += len;
	if (len && rng_percent(m->r, 15))
		n--;
	if (rng_percent(m->r, 25)) {
		for (unsigned more = rng_below(m->r, 4); more && n < most; more--)
			buf[n++] = any_byte(m->r);
	}
	return n;
}

static void put_varint(struct making *m, uint64_t v)
{
	unsigned i = rng_below(m->r, 4);

	for (unsigned width = 1u << i, k = width; k-- > 0;) {
		uint8_t b = (uint8_t)(v >> (8 * k));

		put_byte(m, k == width - 1 ? (uint8_t)((b & 0x3f) | i << 6) : b);
	}
}

static void put_delimiter(struct making *m, const struct hfield *f)
{
	put(m, f->delim + f->delim_len * rng_below(m->r, f->more_delims + 1), f->delim_len);
}

/* Digits, now and then one that is none, or too many of them, or none at all. */
static void put_decimal(struct making *m, const struct hfield *f, uint64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), rng_percent(m->r, 15) ? "%03llu" : "%llu",
			 (unsigned long long)v);

	if (rng_percent(m->r, 5))
		digits[rng_below(m->r, (unsigned)n)] = "/:x "[rng_below(m->r, 4)];
	put(m, digits, rng_percent(m->r, 4) ? 0 : (unsigned)n);
	if (rng_percent(m->r, 95))
		put_delimiter(m, f);
}

static void put_sized(struct making *m, const struct hfield *f, uint64_t size)
{
	struct field_ref ref = { .hfield = f };
	uint8_t buf[FRAME_PAYLOAD_MAX];
	unsigned want = size < sizeof(buf) ? (unsigned)size : sizeof(buf), n = 0;

	if (f->name)
		n = content(m, &ref, buf, want);
	put(m, buf, n);
	put_any(m, want - n);
}

static void put_text(struct making *m, const struct hfield *f)
{
	struct field_ref ref = { .hfield = f };
	uint8_t buf[FRAME_PAYLOAD_MAX];
	unsigned n = content(m, &ref, buf, f->max + 2 < sizeof(buf) ? f->max + 2 : sizeof(buf));

	if (rng_percent(m->r, 10)) {
		/* as long as it may be, or one more */
		unsigned to = f->max + rng_below(m->r, 2);

		while (n < to && n < sizeof(buf))
			buf[n++] = 'x';
	}
	put(m, buf, n);
	if (f->delim_len && rng_percent(m->r, 5))
		put(m, f->delim, f->delim_len - 1); /* half of it first */
	if (f->delim_len && rng_percent(m->r, 92))
		put_delimiter(m, f);
}

static uint32_t behind(struct hfield *const *fields, uint32_t n, const struct hfield *begin)
{
	uint32_t i = begin->index + 1;

	while (i < n && fields[i]->begin != begin)
		i++;
	return i;
}

static void put_fields(struct making *m, struct hfield *const *fields, uint32_t n);

static void put_repeat(struct making *m, const struct hfield *f)
{
	struct field_ref ref = { .hfield = f };
	const struct hint *hint = hint_pick(m->hints, m->r, &ref, HINT_STRING, m->class);
	unsigned n = rng_below(m->r, (f->max < 4 || rng_percent(m->r, 15) ? f->max : 4) + 2);

	if (hint && rng_percent(m->r, 75)) {
		uint8_t buf[FRAME_PAYLOAD_MAX];

		put(m, buf, content(m, &ref, buf, sizeof(buf)));
		n = 0;
	}
	while (n--)
		put_fields(m, f->fields, f->n_fields);
	if (f->join && rng_percent(m->r, 90))
		put_byte(m, 0);
	else
		put_fields(m, f->fields, f->n_fields);
}

static void put_fields(struct making *m, struct hfield *const *fields, uint32_t n)
{
	unsigned ahead = m->n;

	for (uint32_t i = 0; i < n; i++) {
		const struct hfield *f = fields[i];
		uint64_t size;

		if (f->peeked && (!i || !fields[i - 1]->peeked))
			ahead = m->n;
		switch (f->kind) {
		case HTYPE_BITS: i = put_bits(m, fields, n, i) - 1; break;
		case HTYPE_BYTES:
		case HTYPE_SKIP:
			if (!f->size_from)
				size = f->fixed_size;
			else if (!size_written(m, f->size_from, &size))
				size = 3;
			if (size > f->max)
				size = f->max + 1;
			put_sized(m, f, size);
			break;
		case HTYPE_TEXT: put_text(m, f); break;
		case HTYPE_REPEAT:
		case HTYPE_SEEK: put_repeat(m, f); break;
		case HTYPE_WHEN: /* as it comes: there, absent, or one for the other */
			if (!f->begin && rng_percent(m->r, 45))
				i = behind(fields, n, f) - 1;
			break;
		case HTYPE_PEEK: /* what was put serves what follows, or makes room for it */
			if (rng_percent(m->r, 60))
				m->n = ahead;
			break;
		case HTYPE_GIVEN: note_size(m, f, f->number); break;
		case HTYPE_VARINT:
		case HTYPE_DECIMAL:
			size = choose_number(m, fields, n, f);
			note_size(m, f, size);
			if (f->kind == HTYPE_VARINT)
				put_varint(m, size);
			else
				put_decimal(m, f, size);
			break;
		default:
			size = choose_number(m, fields, n, f);
			note_size(m, f, size);
			put_number(m, f, size);
		}
	}
}

/* A payload of the length that a condition asks for. */
static void fit_length(struct making *m)
{
	static const struct field_ref lens[] = {
		{ .field = FIELD_PAYLOAD_LEN },
		{ .field = FIELD_UDP_LEN },
		{ .field = FIELD_IP4_LEN },
		{ .field = FIELD_IP6_LEN },
	};
	static const unsigned headers[] = { 0, 8, 28, 8 };
	unsigned i = rng_below(m->r, 4);
	const struct hint *hint = hint_pick(m->hints, m->r, &lens[i], HINT_NUMBER, m->class);
	uint64_t n;

	if (!hint)
		return;
	n = hint->number - headers[i] + rng_below(m->r, 3) - 1 - (i && m->tcp ? 12 : 0);
	if (n > m->max)
		return;
	if (n > m->n)
		put_any(m, (unsigned)n - m->n);
	m->n = (unsigned)n;
}

unsigned make_payload(const struct packet_maker *maker, struct rng *r, const struct workload *w,
		      const struct class *class, uint8_t *out, unsigned max)
{
	static const struct field_ref payload = { .field = FIELD_PAYLOAD };
	struct making m = {
		.hints = &maker->hints[w->id], .r = r, .class = class, .out = out, .max = max,
		.tcp = w->matches[0].proto == PROTO_TCP
	};
	bool strings = hint_pick(m.hints, r, &payload, HINT_STRING, class);

	if (w->payload && !(strings && rng_percent(r, 20)))
		put_fields(&m, w->payload->fields, w->payload->n_fields);
	else
		m.n = content(&m, &payload, out, max < 600 ? max : 600);
	if (rng_percent(r, 35))
		put_any(&m, rng_below(r, rng_percent(r, 90) ? 12 : rng_percent(r, 80) ? 200 : max));
	if (rng_percent(r, 25))
		fit_length(&m);
	if (m.n && rng_percent(r, 20))
		m.n = rng_below(r, m.n + 1);
	if (m.n && rng_percent(r, 5))
		out[rng_below(r, m.n)] = (uint8_t)rng_next(r);
	return m.n;
}
