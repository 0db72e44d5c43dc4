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

#define IOP_FRAGMENT_OFFSET 0x1fff

static __always_inline bool iop_tx_open(struct __sk_buff *ctx, struct iop_pkt *p)
{
	p->ctx = ctx;
	p->hook = IOP_HOOK_TX;
	p->answers = IOP_NONE;
	p->end = (const __u8 *)(long)ctx->data_end;
	p->start = (const __u8 *)(long)ctx->data;
	return iop_frame_open(p);
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

/*
 * Members of the context, at the distance that the instruction says: LLVM would make one store of
 * two to different members, at a distance that was computed, which the verifier refuses.
 */
#define iop_ctx_set(ctx, width, member, value)                         \
	asm volatile("*(" #width " *)(%[at] + %[off]) = %[v]"          \
		     :                                                  \
		     : [at] "r"(ctx), [v] "r"(value),                    \
		       [off] "i"(offsetof(struct __sk_buff, member)) : "memory")
#define iop_ctx_get(ctx, width, member, value)                         \
	asm volatile("%[v] = *(" #width " *)(%[at] + %[off])"          \
		     : [v] "=r"(value)                                   \
		     : [at] "r"(ctx), [off] "i"(offsetof(struct __sk_buff, member)) \
		     : "memory")

STAGE_FN static void iop_mark(const struct iop_pkt *p, __u32 mark)
{
	iop_ctx_set(p->ctx, u32, mark, mark);
}

STAGE_FN static void iop_order(const struct iop_pkt *p, __u32 band)
{
	__u32 priority = IOP_QDISC_HANDLE | (band + 1);

	iop_ctx_set(p->ctx, u32, priority, priority);
}

/*
 * The packet leaves when its turn comes: `next` is when that of the following one is (earliest
 * departure time; A. Saeed et al.: "Carousel", SIGCOMM 2017). A packet that loses the race three
 * times leaves with another one. What TCP or somebody else has put further off stays so.
 */
STAGE_FN static void iop_pace(const struct iop_pkt *p, __u64 *next, __u64 now, __u64 cost,
			      __u64 *counts)
{
	__u64 at = now, before;

#pragma clang loop unroll(disable)
	for (int i = 0; i < 3; i++) {
		__u64 old = *(volatile __u64 *)next, was;

		at = old > now ? old : now;
		if (at - now > IOP_PACE_MOST) {
			at = now + IOP_PACE_MOST;
			counts[IOP_COUNT_LATE]++;
			break;
		}
		was = __sync_val_compare_and_swap(next, old, at + cost);
		iop_opaque(was);
		if (was == old)
			break;
	}
	iop_ctx_get(p->ctx, u64, tstamp, before);
	if (at > now && at > before) {
		iop_ctx_set(p->ctx, u64, tstamp, at);
		counts[IOP_COUNT_PACED]++;
	}
}

STAGE_FN static bool iop_tx_tcp(const struct iop_pkt *p)
{
	return iop_is_tcp(p);
}

/* Is it sent by a worker? Then the class of the request that it answers, where these are counted,
 * else of what the worker was given last; IOP_NONE: of nothing yet. */
STAGE_FN static bool iop_tx_worker(const struct iop_pkt *p, __u32 *class)
{
	struct iop_worker_row *row = iop_worker_of_cookie(bpf_get_socket_cookie(p->ctx));

	if (!row)
		return false;
	*class = p->answers == IOP_NONE ? row->class : p->answers;
	return true;
}

/* Where the loader has found the queues of a UDP socket. */
const volatile struct iop_queue_at iop_queue_at SEC(".rodata");

static __always_inline __u32 iop_kernel_u32(__u64 address)
{
	__u32 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), (const void *)address);
	return v;
}

/* Datagrams that wait in the socket that sends this. There is no typed pointer to a UDP socket of
 * IPv4 to be had, so it is read by its address, which is what `sk` holds. */
static __always_inline __u32 iop_tx_queued(const void *sk)
{
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &sk);
	return iop_kernel_u32(address + iop_queue_at.received) +
	       iop_kernel_u32(address + iop_queue_at.read);
}

/* If it is of a worker, one of its requests is answered. Of a reply in fragments the first counts,
 * of several in one buffer each. */
static __always_inline void iop_tx_answered(struct iop_pkt *p)
{
	struct __sk_buff *ctx = p->ctx;
	struct bpf_sock *sk = ctx->sk;
	struct iop_worker_row *row;
	__u32 class;

	if (!sk || iop_is_tcp(p) ||
	    (p->family == 4 &&
	     ((const struct iphdr *)p->l3)->frag_off & bpf_htons(IOP_FRAGMENT_OFFSET)))
		return;
	row = iop_worker_of_cookie(bpf_get_socket_cookie(ctx));
	if (!row)
		return;
	p->answers = iop_worker_answers(row);
	class = iop_services_n ? p->answers : IOP_NONE;
	iop_worker_answered(row, ctx->gso_segs ? ctx->gso_segs : 1, iop_service(class),
			    iop_tx_queued(sk), bpf_ktime_get_ns());
}

#endif
