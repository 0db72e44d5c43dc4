/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The tx stage: from a frame on its way out to a reply of a workload.
 *
 * As at rx, in two steps: iop_tx_open() finds the ports and nothing more, so that
 * what no workload names leaves after the fewest instructions; iop_tx_enter()
 * then makes sure that it is a reply. Fields are those of the request that it
 * answers (stage/fields.h), so `match` and conditions mean the same as at rx. Only
 * headers are looked at: the payload of a reply may lie anywhere.
 */
#ifndef IOP_STAGE_TX_H
#define IOP_STAGE_TX_H

#include "stage/rx.h"
#include "stage/worker.h"

static __always_inline bool iop_tx_open(struct __sk_buff *ctx, struct iop_pkt *p)
{
	p->ctx = ctx;
	p->hook = IOP_HOOK_TX;
	p->end = (const __u8 *)(long)ctx->data_end;
	p->start = (const __u8 *)(long)ctx->data;
	if (!iop_frame_open(p, p->start))
		return false;
	iop_opaque(p->family); /* as in iop_rx_open() */
	return true;
}

/*
 * Whole headers, in one piece, of a socket of this machine. What it forwards for
 * others has no socket, and fragments have no ports: both leave untouched.
 */
STAGE_FN static bool iop_tx_enter(struct iop_pkt *p)
{
	__u32 first = *(const __u8 *)p->l3;
	const struct __sk_buff *ctx = p->ctx;

	if (p->family == 4) {
		const struct iphdr *ip = p->l3;

		if (first - 0x45 > 0x4f - 0x45 || ip->frag_off & bpf_htons(IOP_FRAGMENT_MASK))
			return false;
	} else if (first >> 4 != 6) {
		return false;
	}
	if (!ctx->sk)
		return false;
	iop_opaque(p->family);
	if (iop_protos(p) == (IOP_UDP | IOP_TCP))
		iop_opaque(p->l4); /* or a workload's ports tell LLVM what they do not tell the verifier */
	return true;
}

STAGE_FN static bool iop_tx_tcp(const struct iop_pkt *p)
{
	return iop_is_tcp(p);
}

/* Is it sent by a worker? Then the class of what that was given last; IOP_NONE: of nothing yet. */
STAGE_FN static bool iop_tx_worker(const struct iop_pkt *p, __u32 *class)
{
	struct iop_worker_row *row = iop_worker_of_cookie(bpf_get_socket_cookie(p->ctx));

	if (!row)
		return false;
	*class = row->class;
	return true;
}

#endif
