/* SPDX-License-Identifier: BSD-2-Clause */
/* Network devices: what rtnetlink says of them. */
#ifndef IOP_RUNTIME_DEVICE_H
#define IOP_RUNTIME_DEVICE_H

#include <net/if.h>
#include <stdbool.h>

#include <linux/types.h>

#include "report.h"

struct device {
	char name[IF_NAMESIZE];
	__u32 index;
	__u32 n_queues; /* receive queues that it may have */
	bool is_veth;
	__u32 peer;  /* of a veth: the other end's index in its namespace; 0: unknown */
	int peer_ns; /* the number of that namespace in this one; DEVICE_SAME_NS */
	char peer_name[IF_NAMESIZE]; /* "" if it is not ours to see */
};

#define DEVICE_SAME_NS (-1)

/* A device of this network namespace by its name; -ENODEV with a message. */
int device_look(const char *name, struct device *d, struct iop_report *report);

/* The number that a namespace has in this one, by a descriptor of it; -1: none. */
int device_ns_number(int ns);

#endif
