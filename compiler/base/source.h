/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source text of one compilation: the files in the order in which they were
 * read, in one space of offsets, so that a place in any of them is one number
 * and a location is two (`struct span`). Line and column are found when
 * somebody asks.
 */
#ifndef IOP_BASE_SOURCE_H
#define IOP_BASE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* Half-open [begin, end) in the offset space of a source_set. Offset 0 belongs
 * to no file: a span of {0, 0} means "no place". */
struct span {
	uint32_t begin, end;
};

#define SPAN_NONE ((struct span){ 0, 0 })

struct source {
	const char *path;     /* as opened */
	const char *name;     /* as shown and recorded: the path relative to the folder of the
				 first file; the same wherever the compiler is started */
	const char *text;     /* NUL-terminated; may hold further NULs */
	size_t size;
	uint32_t base;        /* offset of text[0] */
	const uint32_t *line; /* offset of the start of each line, relative to base */
	uint32_t n_lines;
	bool builtin;         /* a protocol file that is compiled into iopc */
};

struct source_set;

struct source_set *source_set_new(struct arena *a);

/* Reads a file ("-" is standard input, named "<stdin>"). NULL and errno on failure;
 * EFBIG when all files together pass 64 MiB. `name` NULL: derived from the path. */
const struct source *source_read(struct source_set *s, const char *path, const char *name);

/* Adds text that is in memory; it is copied. NULL and EFBIG as above. */
const struct source *source_add(struct source_set *s, const char *path, const char *name,
				const char *text, size_t size);

/* The same for a file that is compiled into iopc: path and name are one. */
const struct source *source_add_builtin(struct source_set *s, const char *name,
					const char *text, size_t size)
	__attribute__((nonnull(2)));

size_t source_count(const struct source_set *s);
const struct source *source_at(const struct source_set *s, size_t i);

/* The file that holds `offset`, or NULL. */
const struct source *source_of(const struct source_set *s, uint32_t offset);

struct position {
	const struct source *source;
	uint32_t line;   /* from 1 */
	uint32_t column; /* from 1, in bytes */
};

/* Position of an offset; source is NULL and line 0 for SPAN_NONE's. */
struct position source_position(const struct source_set *s, uint32_t offset);

#endif
