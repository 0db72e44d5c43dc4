/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pile of memory that is given back at once: the answers of status and stats are
 * trees of small arrays and strings, which nobody frees one by one.
 */
#ifndef IOP_RUNTIME_PILE_H
#define IOP_RUNTIME_PILE_H

#include <stdbool.h>
#include <stddef.h>

struct pile_item;

struct pile {
	struct pile_item *last;
	bool failed; /* there was no memory for something */
};

/* Zeroed; NULL without memory only. */
void *pile_array(struct pile *p, size_t n, size_t size);

/* A copy, or printf; "" without memory. */
const char *pile_string(struct pile *p, const char *text);
const char *pile_printf(struct pile *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void pile_free(struct pile *p);

#endif
