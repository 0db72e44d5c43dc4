/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `anywhere`: a packet that a workload matches, at an address and port where no
 * socket is bound, is given to the workload's sockets. Which of the group gets it
 * is not decided here: the kernel asks the group's program, as if the packet
 * had come to where the group is bound.
 */
#ifndef IOP_STAGE_LOOKUP_H
#define IOP_STAGE_LOOKUP_H

#include "abi/lookup.h"
#include "stage/stage.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IOP_LOOKUP_BOUND);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct iop_lookup_key);
	__type(value, __u32);
} iop_lookup_bound SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct iop_lookup_group);
} iop_lookup_groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, IOP_LOOKUP_SOCKETS);
	__type(key, __u32);
	__type(value, __u64);
} iop_lookup_sockets SEC(".maps");

/* False: of a protocol that no workload matches. */
static __always_inline bool iop_lookup_open(struct bpf_sk_lookup *ctx, struct iop_pkt *p)
{
	p->ctx = ctx;
	p->hook = IOP_HOOK_LOOKUP;
	p->family = ctx->family == 2 /* AF_INET */ ? 4 : 6;
	p->l4 = ctx->protocol;
	return (iop_lookup_protos & IOP_UDP && p->l4 == IPPROTO_UDP) ||
	       (iop_lookup_protos & IOP_TCP && p->l4 == IPPROTO_TCP);
}

/* Is some socket bound to the port, at the packet's address or at any? */
static __always_inline bool iop_lookup_is_bound(const struct iop_pkt *p)
{
	const struct bpf_sk_lookup *ctx = p->ctx;
	struct iop_lookup_key key = { .family = (__u32)p->family,
				      .port = (__u16)ctx->local_port,
				      .protocol = (__u16)p->l4 };

	if (bpf_map_lookup_elem(&iop_lookup_bound, &key))
		return true;
	if (p->family == 4) {
		key.lo = ctx->local_ip4;
	} else {
		key.hi = (__u64)ctx->local_ip6[1] << 32 | ctx->local_ip6[0];
		key.lo = (__u64)ctx->local_ip6[3] << 32 | ctx->local_ip6[2];
	}
	return bpf_map_lookup_elem(&iop_lookup_bound, &key) != NULL;
}

/* Any socket that still lives stands for its group. */
static __always_inline void iop_lookup_give(struct iop_pkt *p, __u32 workload)
{
	__u32 index = iop_lookup_index(workload, p->l4 == IPPROTO_TCP, p->family == 6);
	const struct iop_lookup_group *g = bpf_map_lookup_elem(&iop_lookup_groups, &index);

	if (!g || !g->n || iop_lookup_is_bound(p))
		return;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < IOP_LOOKUP_TRIES && i < g->n; i++) {
		__u32 slot = g->first + i;
		struct bpf_sock *sk = bpf_map_lookup_elem(&iop_lookup_sockets, &slot);

		if (!sk)
			continue;
		(void)bpf_sk_assign(p->ctx, sk, 0);
		bpf_sk_release(sk);
		return;
	}
}

#endif
