/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of files in files: of `include "FILE";` and `from file "FILE"`.
 */
#ifndef IOP_SYNTAX_LOCATE_H
#define IOP_SYNTAX_LOCATE_H

struct arena;
struct source;

struct located {
	const char *path;     /* to open it by */
	const char *name;     /* as source.h says */
	const char *identity; /* its path without links and dots */
};

/* The file that is called `text` in `from`, and is relative to it unless it begins with a
 * slash. NULL, or why it cannot be read. */
const char *locate(struct arena *a, const struct source *from, const char *text,
		   struct located *out);

/* A path without links and dots; NULL and errno if there is no such file. */
const char *identity_of(struct arena *a, const char *path);

#endif
