/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a program comes to a device's egress, and whether it is still there.
 */
#ifndef IOP_RUNTIME_EGRESS_H
#define IOP_RUNTIME_EGRESS_H

#include "device.h"
#include "installed.h"
#include "record.h"

/* Can the program read what the device sends? An error that says why not. */
int egress_check(const struct device *d, struct iop_report *report);

/* A TCX link before all others: a descriptor of the caller's, or a negative errno; -EINVAL or
 * -EOPNOTSUPP where the kernel has none. */
int egress_link(int program, __u32 index);
int egress_link_path(const struct installed *i, const struct record_egress *row,
		     char path[512]);

/* A tc filter, and the qdisc for it; `row` is written before. */
int egress_filter(const struct installed *i, struct record_row *row, int program,
		  struct iop_report *report);
int egress_filter_remove(const struct record_egress *row, struct iop_report *report);

/* Is the program attached as the record says? */
bool egress_is_attached(const struct installed *i, const struct record_egress *row);

#endif
