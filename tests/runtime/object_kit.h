/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the object's reader have in common. */
#ifndef IOP_TESTS_OBJECT_KIT_H
#define IOP_TESTS_OBJECT_KIT_H

#include "cli/inspect.h"
#include "object.h"

/* Everything that can be said of it, into nothing. */
static inline void object_kit_explain(const struct iop_object *o)
{
	FILE *nothing = fopen("/dev/null", "w");
	struct output *out;

	assert_non_null(nothing);
	out = output_new(nothing, nothing, false);
	assert_non_null(out);
	inspect_say(out, o);
	assert_int_equal(output_finish(out), 0);
	output_free(out);
	(void)fclose(nothing);
}

#endif
