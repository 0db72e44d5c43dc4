/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Open connections of a worker: from the moment a connection is established, which neither a
 * SYN that nobody follows up nor one that is sent again is, until the worker closes it or it
 * ends. A connection knows its worker from the socket that listened, whose storage it has a
 * copy of.
 */
#ifndef IOP_STAGE_CONNECTIONS_H
#define IOP_STAGE_CONNECTIONS_H

#include "abi/connection.h"
#include "stage/maps.h"
#include "stage/stage.h"

struct sock;

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct iop_connection);
} iop_connection_of SEC(".maps");

/* States of include/net/tcp_states.h. Behind FIN_WAIT1 and LAST_ACK the application has closed. */
static __always_inline bool iop_connection_ends(__u32 state)
{
	return state == 4 /* FIN_WAIT1 */ || state == 7 /* CLOSE */ || state == 9 /* LAST_ACK */;
}

/* Arguments of the tracepoint: the socket, its state before and now. */
static __always_inline void iop_connection_moves(const __u64 *args)
{
	struct sock *sk = (void *)(long)args[0];
	__u32 state = (__u32)args[2];
	struct iop_connection *c;
	struct iop_worker_row *row;

	if (state != 1 /* ESTABLISHED */ && !iop_connection_ends(state))
		return;
	c = bpf_sk_storage_get(&iop_connection_of, sk, 0, 0);
	if (!c)
		return;
	row = bpf_map_lookup_elem(&iop_worker_rows, &c->row);
	if (!row)
		return;
	if (state == 1 && !c->open) {
		c->open = 1;
		__sync_fetch_and_add(&row->head, 1);
	} else if (state != 1 && c->open) {
		c->open = 0;
		__sync_fetch_and_add(&row->tail, 1);
	}
}

#endif
