/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why an arena: trees, diagnostics and plans of one compilation point at each
 * other freely and end together. Nobody has to know who frees what, and an
 * error path cannot leak.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_BUG 70
#define CHUNK_BYTES ((size_t)64 * 1024)
#define ALIGNMENT (_Alignof(max_align_t))

/* Under ASan each allocation has a poisoned gap behind it, so that an overrun
 * inside a chunk is found just as one of malloc's would be. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define GAP_BYTES ((size_t)16)
#define poison(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define GAP_BYTES ((size_t)0)
#define poison(p, n) ((void)(p), (void)(n))
#define unpoison(p, n) ((void)(p), (void)(n))
#endif

struct chunk {
	struct chunk *next;
	size_t size;
	max_align_t data[];
};

struct arena {
	struct chunk *chunks; /* the first one is being filled */
	unsigned char *at;
	size_t left;
};

static _Noreturn void out_of_memory(void)
{
	fputs("iop: out of memory\n", stderr);
	exit(EXIT_BUG);
}

struct arena *arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		out_of_memory();
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		unpoison(c->data, c->size);
		free(c);
	}
	free(a);
}

static struct chunk *chunk_new(size_t size)
{
	struct chunk *c;

	if (size > SIZE_MAX - sizeof(*c))
		out_of_memory();
	c = calloc(1, sizeof(*c) + size);
	if (!c)
		out_of_memory();
	c->size = size;
	poison(c->data, size);
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct chunk *c;
	size_t taken;
	void *p;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	taken = (size + GAP_BYTES + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (taken == 0)
		taken = ALIGNMENT;

	/* What is large gets a chunk of its own behind the one being filled, so
	 * that the rest of that is not lost. */
	if (taken > CHUNK_BYTES / 4 && a->chunks) {
		c = chunk_new(taken);
		c->next = a->chunks->next;
		a->chunks->next = c;
		unpoison(c->data, size);
		return c->data;
	}
	if (taken > a->left) {
		c = chunk_new(taken > CHUNK_BYTES ? taken : CHUNK_BYTES);
		c->next = a->chunks;
		a->chunks = c;
		a->at = (unsigned char *)c->data;
		a->left = c->size;
	}
	p = a->at;
	a->at += taken;
	a->left -= taken;
	unpoison(p, size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (n)
		memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		out_of_memory();
	text = arena_alloc(a, (size_t)n + 1);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}

void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t elem_size)
{
	size_t wanted;
	void *moved;

	if (n < *cap)
		return v;
	wanted = *cap ? *cap * 2 : 8;
	if (wanted > SIZE_MAX / 2 / elem_size)
		out_of_memory();
	moved = arena_alloc(a, wanted * elem_size);
	if (n)
		memcpy(moved, v, n * elem_size);
	*cap = wanted;
	return moved;
}
