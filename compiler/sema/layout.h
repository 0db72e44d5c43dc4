/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to the files that lay out headers (header.c, header_type.c): a list of
 * fields as far as it has been read.
 */
#ifndef IOP_SEMA_LAYOUT_H
#define IOP_SEMA_LAYOUT_H

#include "sema/sema.h"

struct layout {
	struct sema *s;
	struct header *h;
	vec(struct hfield *) fields;
	const struct hfield *anchor;
	uint32_t offset;  /* from the anchor's end */
	uint32_t max_pos; /* greatest position so far */
	uint32_t bits;    /* bits of an open run of BITS */
	size_t run;       /* index of the run's first field */
	unsigned peeks;   /* that are open */
	bool element;     /* of a REPEAT or SEEK */
	bool rest;        /* a text took the rest of the payload */
	bool ok;
	const struct header_given *given; /* of the workload, or NULL */
};

/* --- header.c --- */
bool layout_fields(struct layout *l, const struct field_decl *d);
/* Adds a field; it has got its place. */
void layout_add(struct layout *l, struct hfield *f);

/* --- header_type.c --- */
void layout_fail(struct layout *l);
/* A run of BITS ends: it must fill bytes, and its fields share one unit each. */
void layout_end_bits(struct layout *l, struct span at);
/* Gives the field its place: its size is `size` (fixed) or at most that (not fixed). */
void layout_place(struct layout *l, struct hfield *f, uint32_t size);
/* What the type says of the field, and its place; false after an error. */
bool layout_typed(struct layout *l, struct hfield *f, const struct field_decl *d,
		  const struct item *word, const struct form *form);
/* The names of a field's values. */
void layout_enums(struct layout *l, struct hfield *f, const struct field_decl *d);

#endif
