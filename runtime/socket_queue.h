/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where this kernel keeps the lengths of the queues of a UDP socket.
 */
#ifndef IOP_RUNTIME_SOCKET_QUEUE_H
#define IOP_RUNTIME_SOCKET_QUEUE_H

#include "abi/worker.h"

/* -ENOENT: its BTF, or a member in it, is not there. */
int socket_queue_find(struct iop_queue_at *at);

#endif
