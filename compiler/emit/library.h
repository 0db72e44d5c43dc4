/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stage library: bpf/stage as LLVM bitcode, embedded in iopc.
 */
#ifndef IOP_EMIT_LIBRARY_H
#define IOP_EMIT_LIBRARY_H

#include <stddef.h>

/* Followed by a NUL that is not counted, as LLVM wants it. */
extern const unsigned char stage_library[];
extern const size_t stage_library_size;

#endif
