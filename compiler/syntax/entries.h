/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of sets: `from file "FILE"`.
 */
#ifndef IOP_SYNTAX_ENTRIES_H
#define IOP_SYNTAX_ENTRIES_H

#include "syntax/ast.h"

/* The entries of a file that is in the set of sources: LITERAL (numbers, addresses,
 * prefixes) and RANGE, in their order. False when there was an error; all that can be
 * found are in `diags`. */
bool syntax_entries(struct arena *a, const struct source *source, struct diags *diags,
		    struct item **first);

#endif
