/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the ELF file of an object declares, for telling people: programs with
 * their sizes, maps with type and sizes. Nothing is loaded, and what cannot be
 * told is 0: the kernel will have its own word on a broken object.
 */
#ifndef IOP_RUNTIME_DECLARED_H
#define IOP_RUNTIME_DECLARED_H

#include <stdbool.h>

#include "object.h"

struct declared_map {
	__u32 type; /* enum bpf_map_type */
	__u32 key_size, value_size, max_entries;
};

struct declared;

/* NULL with errno: no memory, or the file is gone (an object_from_description()). */
struct declared *declared_read(const struct iop_object *o);
void declared_free(struct declared *d); /* NULL allowed */

bool declared_map(const struct declared *d, const char *name, struct declared_map *map);

/* Instructions of a function, 0: there is none of this name. */
__u64 declared_instructions(const struct iop_object *o, const char *function);

#endif
