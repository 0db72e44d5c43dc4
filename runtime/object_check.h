/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks of a description section. object.c finds the section and owns it;
 * here is what makes it one that the accessors of object.h may trust.
 */
#ifndef IOP_RUNTIME_OBJECT_CHECK_H
#define IOP_RUNTIME_OBJECT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/object.h"

/* Nothing that people write is longer; it bounds the time that hostile input can take. */
#define OBJECT_MAX_STRING 4095
#define OBJECT_MAX_NAME 255
#define OBJECT_MAX_POLICY_NAME 63

/* `section` is aligned to 8. Returns 0, or -1 with a sentence in `error` and errno:
 * EBADMSG, ENOTSUP for a later version, ENOMEM. */
int object_check(const void *section, size_t size, char *error, size_t error_size);

/* --- between object_check.c and object_relate.c --- */

struct check {
	const struct iop_desc_header *desc;
	char *error;
	size_t error_size;
};

/* Always -1; errno is `code`. */
int check_bad(struct check *c, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* [A-Za-z_][A-Za-z0-9_]* */
bool check_identifier(const char *s);

/* NULL: not in the table of strings. */
const char *check_string_at(const struct check *c, __u32 offset);

/* What fields have to do with one another, once each is good by itself. */
int check_relations(struct check *c);

static inline __u32 check_count(const struct check *c, __u32 table)
{
	return c->desc->tables[table].count;
}

static inline const void *check_row(const struct check *c, __u32 table, __u32 i)
{
	const struct iop_desc_table *t = &c->desc->tables[table];

	return (const char *)c->desc + t->offset + (size_t)i * t->row_size;
}

#endif
