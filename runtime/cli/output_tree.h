/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree between output.c, which builds it, and the two files that render it. */
#ifndef IOP_CLI_OUTPUT_TREE_H
#define IOP_CLI_OUTPUT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/output.h"

enum node_kind {
	NODE_OBJECT,
	NODE_ARRAY,
	NODE_STRING,
	NODE_UNSIGNED,
	NODE_SIGNED,
	NODE_BOOL,
	NODE_NULL,
};

struct node {
	struct node *next, *first, *last, *parent;
	const char *key;
	enum node_kind kind;
	enum out_reader reader;
	union {
		unsigned long long number; /* UNSIGNED, BOOL */
		long long signed_number;
	};
	/* STRING: it. Numbers: what people see, NULL: the number. Owned. */
	char *text;
};

static inline bool node_is_value(const struct node *n)
{
	return n->kind != NODE_OBJECT && n->kind != NODE_ARRAY;
}

/* Both return 0, or -1 with errno for want of memory; a stream keeps its own errors. */
int output_render_json(const struct node *root, FILE *f);
int output_render_text(const struct node *root, FILE *f);

#endif
