/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where products go.
 */
#ifndef IOP_DRIVER_OUTPUT_H
#define IOP_DRIVER_OUTPUT_H

#include <stddef.h>

struct arena;

/* The part of a source's path that names the object: `dns` of `edge/dns.iop`. */
const char *output_stem(const char *source, size_t *len);

/* The object's name for a source: `edge/dns.iop` becomes `dns.bpf.o`, in this folder. */
const char *output_name(struct arena *a, const char *source);

/*
 * Puts the bytes into the file at `path`, whole or not at all: whoever opens it meets
 * the old file or the new one. What is no regular file (a pipe, /dev/null) is
 * written to as it is. Returns 0 or errno.
 */
int output_write(struct arena *a, const char *path, const void *data, size_t size);

/* The same to the standard output. */
int output_print(const void *data, size_t size);

#endif
