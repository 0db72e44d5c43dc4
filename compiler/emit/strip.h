/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes DWARF out of an object.
 */
#ifndef IOP_EMIT_STRIP_H
#define IOP_EMIT_STRIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* The ELF64 object without `.debug_*` sections, in the arena; the same object if there are none. */
const void *strip_debug(struct arena *a, const void *object, size_t size, size_t *out_size);

#endif
