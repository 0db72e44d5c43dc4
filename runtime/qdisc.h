/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's queue. What the tx program decides about order and time is done by the device's
 * queueing discipline: bands by prio (htb on kernels without it), times by fq, both by prio
 * with an fq in each band. Where the device has but the kernel's own default, it is installed, and
 * taken away at unload, which brings the default back. What somebody has set up is left as it is,
 * and used if it can do what is needed.
 */
#ifndef IOP_RUNTIME_QDISC_H
#define IOP_RUNTIME_QDISC_H

#include "device.h"
#include "record.h"
#include "report.h"

/*
 * Looks at the device's queue. row->is is QDISC_NONE if nothing is to be done; else what is to
 * be installed. An error, with the commands to run, if somebody's is in the way.
 */
int qdisc_plan(const struct device *d, __u32 bands, bool paces, struct record_qdisc *row,
	       struct iop_report *report);

/* Installs what is planned; may take htb for prio and note it in the row, whose writing is
 * `write`'s, called before each change. */
int qdisc_install(struct record_qdisc *row, int (*write)(void *context), void *context,
		  struct iop_report *report);

/* Waits until what has been queued has left, and takes it away; no error if it is not ours. */
int qdisc_remove(const struct record_qdisc *row, struct iop_report *report);

/* Is it still there? */
bool qdisc_is_there(const struct record_qdisc *row);

/* "prio, 3 bands": what is or will be installed. */
const char *qdisc_name(const struct record_qdisc *row, char text[64]);

/* Tries whether the kernel has such a qdisc: 1, 0, or a negative errno. */
int qdisc_probe_bands(void);
int qdisc_probe_fq(void);

#endif
