/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The socket stage: the packet that sk_reuseport hands over. `data` stands at
 * the UDP or TCP header (net/core/filter.c, sk_reuseport_kern), length and checksum
 * are checked, fragments are joined. Of TCP it is what reaches a listening socket,
 * the SYN of a new connection: there is no payload to look at.
 */
#ifndef IOP_STAGE_SOCKET_H
#define IOP_STAGE_SOCKET_H

#include "stage/maps.h"
#include "stage/stage.h"

/* False: let the kernel pick. */
static __always_inline bool iop_socket_open(struct sk_reuseport_md *ctx, struct iop_pkt *p)
{
	const __u8 *data = ctx->data;

	p->ctx = ctx;
	p->end = p->stop = ctx->data_end;
	p->hook = IOP_HOOK_SOCKET;
	p->start = data;
	p->udp = (const void *)data;
	p->payload = (const __u8 *)(p->udp + 1);
	if (p->payload > p->end)
		return false;
	if (iop_socket_protos & IOP_TCP)
		p->l4 = ctx->ip_protocol;
	if (iop_socket_protos == IOP_TCP && data + sizeof(struct tcphdr) > p->end)
		return false;
	if (iop_is_tcp(p)) {
		p->stop = p->payload;
		iop_opaque(p->stop); /* or LLVM leaves out the checks that are for the verifier */
		p->payload_len = 0;
		return true;
	}
	p->payload_len = ctx->len - sizeof(struct udphdr);
	iop_opaque(p->payload_len);
	/* Or LLVM reckons from `data` on, one too far and back again: for the verifier a pointer
	 * before the packet, for the moment between. */
	iop_opaque(p->payload);
	return true;
}

/* What lies in page fragments cannot be read from here: docs/design.md, "What the socket stage
 * cannot see". */
STAGE_FN static bool iop_socket_seen(const struct iop_pkt *p)
{
	return iop_is_tcp(p) || p->end - p->start >= ((struct sk_reuseport_md *)p->ctx)->len;
}

/* Gives the datagram to a worker; false: there is none of that number any more. */
STAGE_FN static bool iop_socket_pick(struct iop_pkt *p, __u32 worker)
{
	return bpf_sk_select_reuseport(p->ctx, &iop_workers, &worker, 0) == 0;
}

STAGE_FN static __u32 iop_workers_n(void)
{
	return iop_group.n;
}

STAGE_FN static __u32 iop_group_workload(void)
{
	return iop_group.workload;
}

#endif
