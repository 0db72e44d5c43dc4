/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to the files that make the packets of tests: packet.c frames,
 * packet_header.c what an application's header says.
 */
#ifndef IOP_SEMA_PACKET_H
#define IOP_SEMA_PACKET_H

#include "sema/sema.h"

#define MAX_FRAME 9000

struct buffer {
	uint8_t bytes[MAX_FRAME];
	uint32_t n;
	bool full;
	uint32_t begin; /* for the caller */
};

void packet_put(struct buffer *b, const void *data, uint32_t n);
/* A number of so many bytes, the most significant one first. */
void packet_put_be(struct buffer *b, uint64_t v, unsigned width);

/* A header with these fields, over a transport protocol of this number; false after an error. */
bool packet_header(struct sema *s, const struct item *word, const struct phrase *sets,
		   unsigned proto, struct buffer *b);

#endif
