/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The `.iop` section under construction: tables that grow row by row, each
 * string once. What the rows mean is describe.c's.
 */
#ifndef IOP_PLAN_SECTION_H
#define IOP_PLAN_SECTION_H

#include <stdint.h>

#include "abi/object.h"

struct arena;
struct section;

struct section *section_new(struct arena *a);

/* The offset of a string in the table of strings; NULL is "". */
uint32_t section_string(struct section *s, const char *text);

/* How many rows (bytes, of strings and blobs) a table has by now. */
uint32_t section_count(const struct section *s, enum iop_desc_table_id table);

/* Adds n rows, `row` being the first of them in memory; the number of the first. */
uint32_t section_add(struct section *s, enum iop_desc_table_id table, const void *row, uint32_t n);

/* The whole section with `header`, whose magic, version, size and tables are filled in;
 * NULL when it is larger than IOP_DESC_MAX_SIZE. */
const void *section_finish(struct section *s, struct iop_desc_header header, uint32_t *size);

#endif
