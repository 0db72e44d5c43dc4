/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line of the sources that an instruction was made of, from the object's .BTF.ext.
 * Newer kernels say it in the verifier's log themselves; for those before 6.9 we do.
 */
#ifndef IOP_RUNTIME_LINE_INFO_H
#define IOP_RUNTIME_LINE_INFO_H

#include <bpf/libbpf.h>
#include <stdbool.h>

#include "object.h"

struct line_info {
	const char *file, *source; /* live as long as the bpf_object */
	__u32 line, column;
};

/* False: not known. `instruction` counts from the start of the program, which is the first of its
 * section. */
bool line_info_find(const struct iop_object *o, const struct bpf_object *obj,
		    const struct bpf_program *program, __u32 instruction, struct line_info *out);

#endif
