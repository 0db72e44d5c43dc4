/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the twins share once they know a packet's class: counters, limits, the
 * hash of a flow. Counters stand in the order of abi/count.h, so that one reader
 * can read both sides; the hash is that of abi/hash.h, so that both choose the
 * same worker. All else is the twins' own.
 */
#ifndef IOP_TWIN_STAGE_H
#define IOP_TWIN_STAGE_H

#include <linux/bpf.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi/count.h"
#include "abi/hash.h"

/* Counters of a class that has `targets` cores or workers to choose from, in the order of
 * abi/count.h; what is behind the ninth no twin's rules can count. */
#define COUNTERS(name, targets)                                                                   \
	struct name {                                                                             \
		__u64 seen, passed, dropped, limited, over, counted, steered, fallback, no_state, \
			rest[IOP_COUNT_TARGETS - 9], target[targets];                             \
	}

/* --- limits --- */

/*
 * Is there room for one more? `next` is when the bucket will be empty again
 * (GCRA, ITU-T I.371). Whoever loses the race for it three times goes through.
 */
static __always_inline bool conforms(__u64 *next, __u64 now, __u64 cost, __u64 tolerance)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < 3; i++) {
		__u64 old = *(volatile __u64 *)next;
		__u64 then = (old > now ? old : now) + cost, was;

		if (then - now > tolerance)
			return false;
		was = __sync_val_compare_and_swap(next, old, then);
		/* Compared as it stands; clang would make a flag of it and then test that. */
		barrier_var(was);
		if (was == old)
			break;
	}
	return true;
}

/* A sender: the halves of its address as they are in the packet; an IPv4 address is one half. */
struct sender {
	__be64 address[2];
	__u64 six;
};

struct senders {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct sender);
	__type(value, __u64);
};

static __always_inline void sender_of(struct sender *s, const void *ip, unsigned long six)
{
	if (six) {
		const __be64 *from = (const void *)&((const struct ipv6hdr *)ip)->saddr;

		s->address[0] = from[0];
		s->address[1] = from[1];
	} else {
		s->address[0] = ((const struct iphdr *)ip)->saddr;
		s->address[1] = 0;
	}
	s->six = six;
}

/* The sender's bucket. NULL: it had none and has got one that says `first`, or there was no
 * room for one; it may go through. (Two cores that meet a sender for the first time at once both
 * let it through, and one of the two is not counted.) */
static __always_inline __u64 *bucket_of(void *senders, const struct sender *who, __u64 first,
					__u64 *no_state)
{
	__u64 *next = bpf_map_lookup_elem(senders, who);

	if (!next && bpf_map_update_elem(senders, who, &first, BPF_ANY))
		++*no_state;
	return next;
}

/* --- hashes --- */

static __always_inline __u64 hash_ip4(__u64 h, __be32 address)
{
	return iop_hash_word(h, bpf_ntohl(address));
}

static __always_inline __u64 hash_ip6(__u64 h, const struct in6_addr *address)
{
	const __be64 *half = (const void *)address;

	return iop_hash_word(iop_hash_word(h, bpf_be64_to_cpu(half[0])), bpf_be64_to_cpu(half[1]));
}

/* `ports`: the first word of the UDP header. */
static __always_inline __u32 hash_ports(__u64 h, const void *ports)
{
	return iop_hash_end(iop_hash_word(h, bpf_ntohl(*(const __be32 *)ports)));
}

#endif
