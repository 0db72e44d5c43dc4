/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of params as an operator writes and reads them, in the language's units:
 * `5k/s`, `10mbit`, `100us`, `64Ki`.
 */
#ifndef IOP_RUNTIME_UNITS_H
#define IOP_RUNTIME_UNITS_H

#include <stddef.h>

#include "abi/object.h"

/*
 * Reads the whole of `text` as a value of `type`. A rate may leave out `/s`, a
 * bit rate must have a unit, and so must a duration. Returns 0; -EINVAL with a
 * sentence in `error`; -ERANGE, likewise, for what 64 bits do not hold.
 */
int units_parse(const char *text, enum iop_param_type type, __u64 *value, char *error,
		size_t error_size);

#define UNITS_TEXT 40

/* The shortest exact form: 5000 of RATE is "5k/s". Returns `out`. */
const char *units_format(__u64 value, enum iop_param_type type, char out[UNITS_TEXT]);

#endif
