/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What abi/object.h says about its rows, as data: which field is a string, which
 * names a row of which table, which has how many values. object_check.c walks
 * it; a new field is one line of object_tables.c.
 */
#ifndef IOP_RUNTIME_OBJECT_TABLES_H
#define IOP_RUNTIME_OBJECT_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "abi/object.h"

enum field_kind {
	FIELD_NAME,     /* string: an identifier */
	FIELD_SYMBOL,   /* string: the name of a program or map */
	FIELD_VARIABLE, /* string: an identifier, or "" */
	FIELD_TEXT,     /* string: any */
	FIELD_FILLED,   /* string: any but "" */
	FIELD_INDEX,    /* row of the table `of` */
	FIELD_OPTION,   /* the same, or IOP_NONE */
	FIELD_ENUM,     /* below `of` */
	FIELD_OWN,      /* rows of the table `of`, which no other row owns */
	FIELD_SHARE,    /* rows of the table `of` */
};

struct field {
	const char *name;
	uint16_t at;   /* offset in the row */
	uint16_t n_at; /* OWN, SHARE: offset of the number of rows; `at` has the first */
	uint8_t kind;  /* enum field_kind */
	uint32_t of;
};

struct table_rule {
	const char *one;   /* what a row is called */
	uint32_t row_size; /* of this version */
	uint32_t align;
	const struct field *fields;
	uint32_t n_fields;
};

extern const struct table_rule table_rules[IOP_TABLE_COUNT];

#endif
