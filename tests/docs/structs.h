/* SPDX-License-Identifier: BSD-2-Clause */
/* The structs and numbers of abi/object.h as tables. */
#ifndef IOP_TESTS_DOCS_STRUCTS_H
#define IOP_TESTS_DOCS_STRUCTS_H

#include <stdbool.h>
#include <stdio.h>

#include "abi/object.h"

/* "iop_desc_pool", "tables", "iop_map_role" …; false: there is none of that name. */
bool structs_print(const char *name, FILE *out);

/* Is every member of every struct, and every number of every enum, listed? Says what is not. */
bool structs_are_complete(void);

#endif
