/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a socket that listens hands down to the connections that it accepts (socket storage
 * with BPF_F_CLONE): whose they are. The loader writes it once, for the workers.
 */
#ifndef IOP_ABI_CONNECTION_H
#define IOP_ABI_CONNECTION_H

#include <linux/types.h>

struct iop_connection {
	__u32 row;  /* of the worker in iop_worker_rows */
	__u32 open; /* 1: this connection is counted among its requests */
};

#endif
