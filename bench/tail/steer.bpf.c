/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tail comparison holds a policy against, by hand: taking turns whatever the
 * request is, and size interval task assignment (Harchol-Balter et al., 1999) as far as a
 * request tells its size: scans have the last worker for themselves, gets take turns at the
 * others.
 */
#include <linux/bpf.h>
#include <linux/udp.h>

#include <bpf/bpf_helpers.h>

#define SCAN 2

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} workers SEC(".maps");

const volatile __u32 n_workers = 1;
__u32 turn;

static __always_inline int give(struct sk_reuseport_md *ctx, __u32 worker)
{
	/* A worker that is gone: the kernel picks another. */
	(void)bpf_sk_select_reuseport(ctx, &workers, &worker, 0);
	return SK_PASS;
}

SEC("sk_reuseport") int round_robin(struct sk_reuseport_md *ctx)
{
	return give(ctx, __sync_fetch_and_add(&turn, 1) % n_workers);
}

SEC("sk_reuseport") int sita(struct sk_reuseport_md *ctx)
{
	const __u8 *op = ctx->data + sizeof(struct udphdr);
	__u32 last = n_workers - 1;

	if ((const void *)(op + 1) > ctx->data_end)
		return SK_PASS;
	return give(ctx, *op == SCAN ? last : __sync_fetch_and_add(&turn, 1) % last);
}

char _license[] SEC("license") = "Dual BSD/GPL";
