/* SPDX-License-Identifier: BSD-2-Clause */
#include "pile.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pile_item {
	struct pile_item *before;
	max_align_t bytes[];
};

void *pile_array(struct pile *p, size_t n, size_t size)
{
	size_t bytes;
	struct pile_item *item =
		__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - sizeof(*item)
			? NULL
			: calloc(1, sizeof(*item) + bytes);

	if (!item) {
		p->failed = true;
		return NULL;
	}
	item->before = p->last;
	p->last = item;
	return item->bytes;
}

const char *pile_string(struct pile *p, const char *text)
{
	return pile_printf(p, "%s", text);
}

const char *pile_printf(struct pile *p, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text = n < 0 ? NULL : pile_array(p, (size_t)n + 1, 1);
	if (!text)
		return "";
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

void pile_free(struct pile *p)
{
	struct pile_item *before;

	for (struct pile_item *item = p->last; item; item = before) {
		before = item->before;
		free(item);
	}
	*p = (struct pile){ 0 };
}
