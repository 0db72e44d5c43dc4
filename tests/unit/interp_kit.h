/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the interpreter's tests share: checked policies put together by hand, so
 * that these tests need neither parser nor sema.
 */
#ifndef IOP_TESTS_INTERP_KIT_H
#define IOP_TESTS_INTERP_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "interp/model.h"
#include "../oracle/packet.h"

#define FIELD(id) { .field = FIELD_##id }
#define HFIELD(f) { .hfield = (f) }

/* A packet with its facts, laid over a header. */
struct scene {
	struct frame frame;
	struct packet packet;
	struct layout layout;
	struct interp_env env;
	struct facts facts;
};

static inline void scene_open(struct scene *s, const struct frame_spec *spec,
			      const struct header *header)
{
	memset(s, 0, sizeof(*s));
	frame_build(spec, &s->frame);
	assert_true(dissect(s->frame.bytes, s->frame.len, false, &s->packet));
	s->facts = (struct facts){
		.packet = &s->packet, .header = header, .layout = &s->layout, .env = &s->env
	};
	layout_make(&s->layout, &s->facts);
}

static inline void scene_close(struct scene *s)
{
	layout_free(&s->layout);
}

/* A datagram from 10.0.0.2:4000 to 10.0.0.1:53. */
static inline struct frame_spec datagram(const void *payload, size_t len)
{
	return frame_plain("10.0.0.2", 4000, "10.0.0.1", 53, payload, len);
}

static inline struct frame_spec datagram6(const void *payload, size_t len)
{
	return frame_plain("fd00::2", 4000, "fd00::1", 53, payload, len);
}

#endif
