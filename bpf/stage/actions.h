/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Actions and selectors, one function each; the compiler strings them together.
 */
#ifndef IOP_STAGE_ACTIONS_H
#define IOP_STAGE_ACTIONS_H

#include "stage/fields.h"
#include "stage/maps.h"
#include "stage/stage.h"

/* --- counting (abi/count.h) --- */

/* Nothing, where LLVM must not fold a block. */
STAGE_FN static void iop_stay(void)
{
	iop_apart();
}

/* The class, decided. Its number is a constant on each way to here, and LLVM would rather carry what
 * each later question about it is answered with: a register for each. */
STAGE_FN static __u32 iop_told(__u32 class)
{
	iop_opaque(class);
	return class;
}

/* The class's counters at this stage, or NULL. */
STAGE_FN static __u64 *iop_counts(void *map, __u32 class)
{
	/* A whole slot: what is spilled beside half of one is forgotten when the key is written. */
	__u64 key = class;

	return bpf_map_lookup_elem(map, &key);
}

STAGE_FN static void iop_count(__u64 *counts, __u32 i)
{
	counts[i]++;
}

/* One of the targets first … first + n - 1; what is beyond counts as the last. n 0: none is. */
STAGE_FN static void iop_count_target(__u64 *counts, __u64 first, __u64 n, __u64 i)
{
	if (n && i > n - 1)
		i = n - 1;
	iop_opaque(i); /* or LLVM adds by `or`, of which the verifier expects more */
	counts[first + i]++;
}

/* No class can be told, for the reason `why` (enum iop_path_counter). */
STAGE_FN static void iop_no_class(__u32 hook, __u64 why)
{
	struct iop_path_counts *c = bpf_map_lookup_elem(&iop_path, &hook);

	if (c && why < IOP_PATH_COUNT)
		c->count[why]++;
}

/* A number of a table as an index that the verifier sees the bound of. */
STAGE_FN static __u64 iop_below(__u64 i, __u64 n)
{
	if (i >= n)
		i = 0;
	iop_opaque(i);
	return i;
}

/* --- limit --- */

/*
 * Generic cell rate algorithm in its virtual scheduling form (ITU-T I.371): the
 * state is one word, the theoretical arrival time, so that cores share it by
 * compare-and-swap. A packet that loses the race three times conforms.
 */
STAGE_FN static bool iop_gcra(__u64 *tat, __u64 now, __u64 cost, __u64 tolerance)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < 3; i++) {
		__u64 old = *(volatile __u64 *)tat, was;
		__u64 next = (old > now ? old : now) + cost;

		if (next - now > tolerance)
			return false;
		was = __sync_val_compare_and_swap(tat, old, next);
		iop_opaque(was); /* or LLVM makes a flag of the comparison */
		if (was == old)
			return true;
	}
	return true;
}

/*
 * A rate that is live may have become a higher one: then the time that is left from the
 * old one is longer than a bucket of the new one takes to fill, and would be waited for
 * in vain. From here on such a bucket is an empty one of the new rate.
 */
STAGE_FN static void iop_limit_ease(__u64 *tat, __u64 now, __u64 tolerance)
{
	__u64 old = *(volatile __u64 *)tat;

	if (old > now + tolerance)
		__sync_val_compare_and_swap(tat, old, now + tolerance);
}

STAGE_FN static __u64 iop_now(void)
{
	return bpf_ktime_get_ns();
}

/* The state of a key, in an LRU hash, so that what was not seen for long makes room. NULL if the key
 * was new and is remembered now, or if there is no room for it: the packet conforms. (So do two that
 * bring the same new key on two cores at once: one of them is not counted against the rate.) */
STAGE_FN static __u64 *iop_limit_state(void *map, const void *key, __u64 now, __u64 cost,
				       __u64 *counts)
{
	__u64 *tat = bpf_map_lookup_elem(map, key), first = now + cost;

	if (!tat && bpf_map_update_elem(map, key, &first, BPF_ANY))
		counts[IOP_COUNT_NO_STATE]++;
	return tat;
}

/* Eight bytes of a key; with `nocase`, its letters in lower case. Byte by byte in one word: the
 * uppermost bit of each says whether it is at least 'A', or more than 'Z'. */
static __always_inline __u64 iop_key_word(__u64 w, bool nocase)
{
	const __u64 each = 0x0101010101010101ULL;
	__u64 low = w & 0x7f * each, upper = (low + (0x80 - 'A') * each) ^ (low + (0x7f - 'Z') * each);

	return nocase ? w | (upper & ~w & 0x80 * each) >> 2 : w;
}

/* Bytes of the payload as a limit's key: the first 64, the rest of which is zero already; taken as
 * iop_hash_payload() takes them. Returns how many were taken. */
STAGE_FN static __u64 iop_key_bytes(__u64 *key, const struct iop_pkt *p, __u64 at, __u64 size,
				    bool nocase)
{
	__u64 taken = size < IOP_HASH_BYTES ? size : IOP_HASH_BYTES, left = taken;
	const __u8 *from = p->payload + at;

	iop_copy(left);
	if (left > IOP_HASH_BYTES)
		return taken; /* never, but the copy has lost the bound, and the key has room for no more */
#pragma clang loop unroll(disable)
	for (; left >= 8; left -= 8) {
		if (from + 8 > p->end)
			return taken; /* never: the payload holds them */
		*key++ = iop_key_word(*(const __u64 *)from, nocase);
		from += 8;
	}
	if (left) {
		from += left;
		iop_opaque(from);
		if (from > p->end)
			return taken;
		*key = iop_key_word(*(const __u64 *)(from - 8) >> (64 - 8 * left), nocase);
	}
	return taken;
}

/* What a bit rate counts: bytes from the IP header on. On the way out of all that is to become
 * several packets in the device, whose headers do not say how much that is. */
STAGE_FN static __u64 iop_packet_bytes(const struct iop_pkt *p)
{
	if (p->hook == IOP_HOOK_TX)
		return ((const struct __sk_buff *)p->ctx)->len -
		       (__u64)((const __u8 *)p->l3 - p->start);
	return p->family == 4
		       ? bpf_ntohs(((const struct iphdr *)p->l3)->tot_len)
		       : sizeof(struct ipv6hdr) + bpf_ntohs(((const struct ipv6hdr *)p->l3)->payload_len);
}

/* --- selectors: an index below n; n > 0 --- */

STAGE_FN static __u32 iop_pick_hash(__u64 h, __u32 n)
{
	return iop_hash_scale(iop_hash_end(h), n);
}

STAGE_FN static __u32 iop_pick_random(__u32 n)
{
	return iop_hash_scale(bpf_get_prandom_u32(), n);
}

STAGE_FN static __u32 iop_pick_turn(__u32 *turn, __u32 n)
{
	__u32 i = __sync_fetch_and_add(turn, 1) % n;

	iop_opaque(i);
	return i < n ? i : 0;
}

/* What the loader found to be nearest to this core. */
STAGE_FN static __u32 iop_pick_local(void *map, __u32 n)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u32 *near = bpf_map_lookup_elem(map, &cpu);
	__u32 i = near ? *near : 0;

	return i < n ? i : 0;
}

STAGE_FN static __u64 iop_hash_addr(__u64 h, const struct iop_addr *a)
{
	if (a->family == 4)
		return iop_hash_word(h, bpf_ntohl((__u32)a->lo));
	h = iop_hash_word(h, bpf_be64_to_cpu(a->hi));
	return iop_hash_word(h, bpf_be64_to_cpu(a->lo));
}

/* Both addresses, which stand side by side, and both ports. */
STAGE_FN static __u64 iop_hash_flow(__u64 h, const struct iop_pkt *p)
{
	if (iop_family(p) == 4) {
		__be32 a[2];

		if (p->hook == IOP_HOOK_RX) {
			const __be32 *w = p->l3 + offsetof(struct iphdr, saddr);

			a[0] = w[0];
			a[1] = w[1];
		} else {
			bpf_skb_load_bytes_relative(p->ctx, offsetof(struct iphdr, saddr), a, sizeof(a),
						    BPF_HDR_START_NET);
		}
		h = iop_hash_word(h, bpf_ntohl(a[0]));
		h = iop_hash_word(h, bpf_ntohl(a[1]));
	} else {
		__be64 a[4];

		if (p->hook == IOP_HOOK_RX) {
			const __be64 *w = p->l3 + offsetof(struct ipv6hdr, saddr);

			a[0] = w[0];
			a[1] = w[1];
			a[2] = w[2];
			a[3] = w[3];
		} else {
			bpf_skb_load_bytes_relative(p->ctx, offsetof(struct ipv6hdr, saddr), a, sizeof(a),
						    BPF_HDR_START_NET);
		}
		for (int i = 0; i < 4; i++)
			h = iop_hash_word(h, bpf_be64_to_cpu(a[i]));
	}
	return iop_hash_word(h, bpf_ntohl(*(const __be32 *)p->udp));
}

STAGE_FN static __u64 iop_hash_number(__u64 h, __u64 n)
{
	return iop_hash_word(h, n);
}

/*
 * Bytes at `at`, `size` of them, which the payload holds; at most IOP_HASH_BYTES
 * are taken. Eight at a time; what is left is the end of the eight bytes that end
 * where it does, which can be read because the UDP header stands before them.
 */
STAGE_FN static __u64 iop_hash_payload(__u64 h, const struct iop_pkt *p, __u64 at, __u64 size,
				       bool nocase)
{
	__u64 taken = size < IOP_HASH_BYTES ? size : IOP_HASH_BYTES, left = taken;
	const __u8 *from = p->payload + at;

	iop_copy(left);
#pragma clang loop unroll(disable)
	for (; left >= 8; left -= 8) {
		if (from + 8 > p->end)
			return h; /* never: the payload holds them */
		h = iop_hash_word(h, iop_key_word(*(const __u64 *)from, nocase));
		from += 8;
	}
	if (left) {
		from += left;
		iop_opaque(from);
		if (from > p->end)
			return h;
		h = iop_hash_word(
			h, iop_key_word(*(const __u64 *)(from - 8) >> (64 - 8 * left), nocase));
	}
	return iop_hash_word(h, taken);
}

/*
 * --- walks as functions ---
 *
 * A repetition, a text, a search, bytes that are hashed: where many of them
 * stand in one program, each is a function of its own, because the verifier
 * looks at a global function once, whatever calls it (compiler/emit/walk.c). It
 * takes the packet's context and the distance of the UDP header from its start. The
 * compiler makes as many as it needs of the type of iop_…_walk().
 */

#define IOP_WALKS(hook, type)                                                                \
	STAGE_FN static void iop_##hook##_walk_open(struct iop_pkt *p, struct type *ctx,      \
						    __u64 udp)                                \
	{                                                                                     \
		p->ctx = ctx;                                                                 \
		p->start = (const __u8 *)(long)ctx->data;                                     \
		p->end = (const __u8 *)(long)ctx->data_end;                                   \
		p->udp = (const void *)(p->start + (udp & 0x3fff));                           \
		p->payload = (const __u8 *)(p->udp + 1);                                      \
		iop_opaque(p->payload); /* as in iop_socket_open() */                         \
	}                                                                                     \
	__u64 iop_##hook##_walk(struct type *ctx, __u64 udp, __u64 at, __u64 size, __u64 hash); \
	STAGE_FN __u64 iop_##hook##_walk(struct type *ctx, __u64 udp, __u64 at, __u64 size,   \
					 __u64 hash)                                          \
	{                                                                                     \
		return 0;                                                                     \
	}
IOP_WALKS(rx, xdp_md)
IOP_WALKS(socket, sk_reuseport_md)
#undef IOP_WALKS

/* Of TCP, whose header is longer, where a UDP header would stand. */
STAGE_FN static __u64 iop_udp_distance(const struct iop_pkt *p)
{
	if (iop_protos(p) & IOP_TCP)
		return p->payload - sizeof(struct udphdr) - p->start;
	return (const __u8 *)p->udp - p->start;
}

/* --- steering --- */

/* The core that runs the stack for this packet; false: it stays here. */
STAGE_FN static bool iop_steer(__u32 core)
{
	return bpf_redirect_map(&iop_cpus, core, XDP_PASS) == XDP_REDIRECT;
}

/* Core i of a pool that was not known when the policy was compiled. */
STAGE_FN static __u32 iop_pool_core(const volatile struct iop_pool_cores *pool, __u32 i)
{
	return pool->core[i < IOP_POOL_CORES ? i : 0];
}

STAGE_FN static __u32 iop_pool_n(const volatile struct iop_pool_cores *pool)
{
	__u32 n = pool->n;

	return n < IOP_POOL_CORES ? n : IOP_POOL_CORES;
}

#endif
