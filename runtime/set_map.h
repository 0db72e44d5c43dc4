/* SPDX-License-Identifier: BSD-2-Clause */
/* The maps that hold large sets. */
#ifndef IOP_RUNTIME_SET_MAP_H
#define IOP_RUNTIME_SET_MAP_H

#include <bpf/libbpf.h>

#include "object.h"
#include "report.h"

/* Writes all entries that the description has into the map. A negative errno after an error
 * was reported. */
int set_fill(const struct iop_object *o, const struct iop_desc_map *d, const struct bpf_map *map,
	     struct iop_report *report);

#endif
