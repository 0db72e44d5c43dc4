/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables in memory become one block: header, then each table at a multiple of
 * eight bytes. The same rows give the same bytes.
 */
#include "plan/section.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"

#define ALIGN8(n) (((n) + 7) & ~(size_t)7)

struct table {
	unsigned char *bytes;
	size_t size, cap;
	uint32_t n;
};

/* Open addressing; an offset of 0 is a free slot, as "" is never looked up. */
struct index {
	uint32_t *slots;
	uint32_t n, cap; /* cap: a power of two */
};

struct section {
	struct arena *arena;
	struct table tables[IOP_TABLE_COUNT];
	struct index strings;
	bool full; /* beyond what an object may hold: what follows is dropped */
};

static const uint32_t row_sizes[IOP_TABLE_COUNT] = {
	[IOP_TABLE_STRINGS] = 1,
	[IOP_TABLE_BLOBS] = 1,
	[IOP_TABLE_POOLS] = sizeof(struct iop_desc_pool),
	[IOP_TABLE_TERMS] = sizeof(struct iop_desc_term),
	[IOP_TABLE_PARAMS] = sizeof(struct iop_desc_param),
	[IOP_TABLE_WORKLOADS] = sizeof(struct iop_desc_workload),
	[IOP_TABLE_MATCHES] = sizeof(struct iop_desc_match),
	[IOP_TABLE_RANGES] = sizeof(struct iop_desc_range),
	[IOP_TABLE_PREFIXES] = sizeof(struct iop_desc_prefix),
	[IOP_TABLE_OWNERS] = sizeof(struct iop_desc_owner),
	[IOP_TABLE_CLASSES] = sizeof(struct iop_desc_class),
	[IOP_TABLE_STAGES] = sizeof(struct iop_desc_stage),
	[IOP_TABLE_MAPS] = sizeof(struct iop_desc_map),
	[IOP_TABLE_TARGETS] = sizeof(struct iop_desc_target),
	[IOP_TABLE_FEATURES] = sizeof(struct iop_desc_feature),
	[IOP_TABLE_TESTS] = sizeof(struct iop_desc_test),
	[IOP_TABLE_STEPS] = sizeof(struct iop_desc_step),
	[IOP_TABLE_STACKS] = sizeof(struct iop_desc_stack),
};

uint32_t section_count(const struct section *s, enum iop_desc_table_id table)
{
	return s->tables[table].n;
}

uint32_t section_add(struct section *s, enum iop_desc_table_id table, const void *row, uint32_t n)
{
	struct table *t = &s->tables[table];
	uint32_t first = t->n;
	size_t bytes = (size_t)n * row_sizes[table];

	if (s->full || bytes > IOP_DESC_MAX_SIZE - t->size) {
		s->full = true;
		return 0;
	}
	if (t->size + bytes > t->cap) {
		size_t cap = t->cap ? t->cap : 1024;

		while (cap < t->size + bytes)
			cap *= 2;
		unsigned char *more = arena_alloc(s->arena, cap);

		if (t->size)
			memcpy(more, t->bytes, t->size);
		t->bytes = more;
		t->cap = cap;
	}
	if (bytes)
		memcpy(t->bytes + t->size, row, bytes);
	t->size += bytes;
	t->n += n;
	return first;
}

struct section *section_new(struct arena *a)
{
	struct section *s = arena_new_of(a, struct section);

	s->arena = a;
	section_add(s, IOP_TABLE_STRINGS, "", 1);
	return s;
}

/* --- strings --- */

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* The slot that has the string, or the free one where it belongs. */
static uint32_t *slot_of(const struct section *s, const char *text)
{
	const struct index *x = &s->strings;
	const char *strings = (const char *)s->tables[IOP_TABLE_STRINGS].bytes;
	uint32_t i = hash(text) & (x->cap - 1);

	while (x->slots[i] && strcmp(strings + x->slots[i], text) != 0)
		i = (i + 1) & (x->cap - 1);
	return &x->slots[i];
}

static void grow(struct section *s)
{
	struct index old = s->strings;
	const char *strings = (const char *)s->tables[IOP_TABLE_STRINGS].bytes;

	s->strings.cap = old.cap ? old.cap * 2 : 64;
	s->strings.slots = arena_alloc(s->arena, s->strings.cap * sizeof(*s->strings.slots));
	for (uint32_t i = 0; i < old.cap; i++)
		if (old.slots[i])
			*slot_of(s, strings + old.slots[i]) = old.slots[i];
}

uint32_t section_string(struct section *s, const char *text)
{
	uint32_t *slot;

	if (!text || !*text)
		return 0;
	if (s->strings.n * 2 >= s->strings.cap)
		grow(s);
	slot = slot_of(s, text);
	if (!*slot) {
		*slot = section_add(s, IOP_TABLE_STRINGS, text, (uint32_t)strlen(text) + 1);
		s->strings.n++;
	}
	return *slot;
}

/* --- the whole --- */

const void *section_finish(struct section *s, struct iop_desc_header header, uint32_t *size)
{
	size_t at = ALIGN8(sizeof(header));

	header.magic = IOP_DESC_MAGIC;
	header.version = IOP_DESC_VERSION;
	header.n_tables = IOP_TABLE_COUNT;
	for (int t = 0; t < IOP_TABLE_COUNT; t++) {
		header.tables[t] = (struct iop_desc_table){
			.offset = (uint32_t)at,
			.count = s->tables[t].n,
			.row_size = row_sizes[t],
		};
		at += ALIGN8(s->tables[t].size);
	}
	if (s->full || at > IOP_DESC_MAX_SIZE)
		return NULL;
	header.size = *size = (uint32_t)at;

	unsigned char *out = arena_alloc(s->arena, at);

	memcpy(out, &header, sizeof(header));
	for (int t = 0; t < IOP_TABLE_COUNT; t++)
		if (s->tables[t].size)
			memcpy(out + header.tables[t].offset, s->tables[t].bytes,
			       s->tables[t].size);
	return out;
}
