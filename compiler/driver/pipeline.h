/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One policy from its source to what was asked for.
 */
#ifndef IOP_DRIVER_PIPELINE_H
#define IOP_DRIVER_PIPELINE_H

#include "driver/options.h"

/* Compiles one file, writes the product and shows the diagnostics on stderr. */
enum exit_code compile(const struct options *o, const char *path);

#endif
