/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel can do and what we may do, found out by trying. A version number
 * says neither: distributions port features back and configure them away.
 */
#ifndef IOP_RUNTIME_PROBE_H
#define IOP_RUNTIME_PROBE_H

#include <stdbool.h>

#include "object.h"
#include "report.h"

/* 1: there; 0: not there; or a negative errno: could not be tried. */
int probe_feature(enum iop_feature feature);

/* Adds an error for each feature that the object needs and the kernel lacks, with the
 * line that needs it; -ENOTSUP then. */
int probe_features(const struct iop_object *o, struct iop_report *report);

/* What the capabilities are needed for, besides BPF and the network. */
struct probe_capabilities {
	bool sockets;    /* taking in those of other processes */
	bool namespaces; /* mounting, or going into network namespaces */
};

/* Adds an error that names each capability that is missing; -EPERM then. */
int probe_capabilities(const struct probe_capabilities *needs, struct iop_report *report);

#endif
