/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How `anywhere` finds its sockets: what the loader writes for the program at sk_lookup.
 */
#ifndef IOP_ABI_LOOKUP_H
#define IOP_ABI_LOOKUP_H

#include <linux/types.h>

/* Key of iop_lookup_bound: where some socket of the namespace is bound, which keeps what is for it. */
struct iop_lookup_key {
	__u64 hi, lo;   /* address as it lies in a packet: IPv4 in the first 4 bytes of lo; 0: any */
	__u32 family;   /* 4 or 6 */
	__u16 port;
	__u16 protocol; /* IPPROTO_UDP, IPPROTO_TCP */
};

/* An element of iop_lookup_groups: slots of iop_lookup_sockets. */
struct iop_lookup_group {
	__u32 first, n;
};

/* Its index, of a workload. */
static inline __attribute__((always_inline)) __u32 iop_lookup_index(__u32 workload, int tcp, int six)
{
	return workload * 4 + (tcp ? 2 : 0) + (six ? 1 : 0);
}

#define IOP_LOOKUP_SOCKETS 4096 /* slots */
#define IOP_LOOKUP_BOUND 65536
#define IOP_LOOKUP_TRIES 64     /* slots of a group that are asked until one has a socket */

#endif
