/* SPDX-License-Identifier: BSD-2-Clause */
/* The output tree as JSON. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>

#include "cleanup.h"
#include "cli/output_tree.h"
#include "cli/shown.h"

static json_t *string_of(const char *text)
{
	_cleanup_free_ char *valid = shown_copy(text, SHOWN_JSON);

	return valid ? json_string(valid) : NULL;
}

static json_t *value_of(const struct node *n)
{
	switch (n->kind) {
	case NODE_STRING: return string_of(n->text);
	case NODE_SIGNED: return json_integer(n->signed_number);
	case NODE_BOOL: return json_boolean(n->number);
	case NODE_UNSIGNED:
		/* Readers of JSON have doubles at best, and so has the library beyond this. */
		return n->number > LLONG_MAX ? json_real((double)n->number)
					     : json_integer((json_int_t)n->number);
	default: return json_null();
	}
}

static json_t *tree_of(const struct node *n)
{
	json_t *tree;

	if (node_is_value(n))
		return value_of(n);
	tree = n->kind == NODE_OBJECT ? json_object() : json_array();
	for (const struct node *m = n->first; tree && m; m = m->next) {
		json_t *member;
		int rc;

		if (m->reader == OUT_PEOPLE)
			continue;
		member = tree_of(m);
		/* They take the member over, also when they fail. */
		rc = n->kind == NODE_OBJECT ? json_object_set_new(tree, m->key, member)
					    : json_array_append_new(tree, member);
		if (rc) {
			json_decref(tree);
			return NULL;
		}
	}
	return tree;
}

int output_render_json(const struct node *root, FILE *f)
{
	json_t *tree = tree_of(root);

	if (!tree) {
		errno = ENOMEM;
		return -1;
	}
	/* Its only other failure is the stream's. */
	if (json_dumpf(tree, f, JSON_INDENT(2)) == 0)
		(void)fputc('\n', f);
	json_decref(tree);
	return 0;
}
