/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a field of a header that is put together by hand is in a payload.
 */
#ifndef IOP_TESTS_INTERP_FIELDS_H
#define IOP_TESTS_INTERP_FIELDS_H

#include "interp_kit.h"

#define LIST(...) ((struct hfield *const[]){ __VA_ARGS__ })

static inline struct datum read_field(const struct header *h, const struct hfield *f, const void *payload,
			       size_t len, struct scene *s)
{
	struct frame_spec spec = datagram(payload, len);

	scene_open(s, &spec, h);
	return hfield_read(f, &s->facts);
}

static inline void expect_number(const struct header *h, const struct hfield *f, const void *payload,
			  size_t len, uint64_t n)
{
	struct scene s;
	struct datum d = read_field(h, f, payload, len, &s);

	assert_int_equal(d.kind, DATUM_NUMBER);
	assert_int_equal(d.number, n);
	scene_close(&s);
}

static inline void expect_bytes(const struct header *h, const struct hfield *f, const void *payload,
			 size_t len, const char *text, size_t text_len)
{
	struct scene s;
	struct datum d = read_field(h, f, payload, len, &s);

	assert_int_equal(d.kind, DATUM_BYTES);
	assert_int_equal(d.len, text_len);
	assert_memory_equal(d.data, text, text_len);
	scene_close(&s);
}

static inline void expect_missing(const struct header *h, const struct hfield *f, const void *payload,
			   size_t len)
{
	struct scene s;

	assert_int_equal(read_field(h, f, payload, len, &s).kind, DATUM_MISSING);
	scene_close(&s);
}

#endif
