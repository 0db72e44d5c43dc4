/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy object as read from disk or memory: the ELF file's bytes and the
 * checked description in it. Nothing here talks to the kernel. The input may
 * come from an enemy: object_open() has checked every offset, reference, enum
 * and string before it returns an object, so the accessors below cannot fail.
 */
#ifndef IOP_RUNTIME_OBJECT_H
#define IOP_RUNTIME_OBJECT_H

#include <stddef.h>

#include "abi/count.h"
#include "abi/object.h"

struct iop_object {
	void *elf;           /* the file's bytes; owned */
	size_t elf_size;
	char *path;          /* for messages; owned */
	const struct iop_desc_header *desc; /* into an owned, aligned copy of the section */
	void *desc_copy;
};

/* Both return NULL, with one sentence that says what is wrong (and where in the
 * file) in `error`, and errno: ENOENT … of opening, EBADMSG for a bad object,
 * ENOTSUP for a later version, EFBIG above 64 MiB. */
struct iop_object *object_open(const char *path, char *error, size_t error_size);
struct iop_object *object_open_memory(const void *bytes, size_t size, const char *name,
				      char *error, size_t error_size);
void object_close(struct iop_object *o);

/* "object" -> "pinned description": the runtime pins the section with the policy, so that
 * status and stats work when the file is gone. Checks it in the same way. */
struct iop_object *object_from_description(const void *section, size_t size, const char *name,
					   char *error, size_t error_size);

/* How many rows a table has; row i of it (i < count). */
static inline __u32 object_count(const struct iop_object *o, enum iop_desc_table_id t)
{
	return o->desc->tables[t].count;
}

static inline const void *object_row(const struct iop_object *o, enum iop_desc_table_id t, __u32 i)
{
	return (const char *)o->desc + o->desc->tables[t].offset +
	       (size_t)i * o->desc->tables[t].row_size;
}

static inline const char *object_string(const struct iop_object *o, __u32 offset)
{
	return (const char *)object_row(o, IOP_TABLE_STRINGS, offset);
}

/* Typed rows: object_pool(o, i), object_class(o, i), … */
#define OBJECT_ROW(name, table)                                                            \
	static inline const struct iop_desc_##name *object_##name(const struct iop_object *o, \
								   __u32 i)                \
	{                                                                                  \
		return (const struct iop_desc_##name *)object_row(o, table, i);            \
	}
OBJECT_ROW(pool, IOP_TABLE_POOLS)
OBJECT_ROW(term, IOP_TABLE_TERMS)
OBJECT_ROW(param, IOP_TABLE_PARAMS)
OBJECT_ROW(workload, IOP_TABLE_WORKLOADS)
OBJECT_ROW(match, IOP_TABLE_MATCHES)
OBJECT_ROW(range, IOP_TABLE_RANGES)
OBJECT_ROW(prefix, IOP_TABLE_PREFIXES)
OBJECT_ROW(owner, IOP_TABLE_OWNERS)
OBJECT_ROW(class, IOP_TABLE_CLASSES)
OBJECT_ROW(stage, IOP_TABLE_STAGES)
OBJECT_ROW(map, IOP_TABLE_MAPS)
OBJECT_ROW(target, IOP_TABLE_TARGETS)
OBJECT_ROW(feature, IOP_TABLE_FEATURES)
OBJECT_ROW(test, IOP_TABLE_TESTS)
OBJECT_ROW(step, IOP_TABLE_STEPS)
OBJECT_ROW(stack, IOP_TABLE_STACKS)
#undef OBJECT_ROW

#endif
