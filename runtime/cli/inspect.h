/* SPDX-License-Identifier: BSD-2-Clause */
/* What `iopctl inspect` says of an object; the fuzzer has it said, too. */
#ifndef IOP_CLI_INSPECT_H
#define IOP_CLI_INSPECT_H

#include "cli/output.h"
#include "object.h"

void inspect_say(struct output *out, const struct iop_object *o);

#endif
