/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The twin of examples/edge_filter.iop: the same policy, written by hand with
 * libbpf, as bench/run codegen compares it with what iopc makes.
 */
#include "datagram.bpf.h"
#include "stage.bpf.h"

#define SYSLOG_PORT 514
#define TIME_PORT 123
#define OTHER_TIME_PORT 11123
#define TINY 8
#define DSCP_EXPEDITED 46
#define NET_CORES 2 /* 0 and 1 */
#define MAX_CPUS 1024

#define NOISY_COST_NS (1000000000 / 100)
#define NOISY_BURST 20
#define NORMAL_BURST 1000
#define OTHER_BURST 5
#define MARKED_BYTE_NS 8000 /* 1 Mbit/s */
#define MARKED_BURST 15000

enum class { OUTSIDE, TINY_LINE, NOISY, NORMAL, OWN, MARKED, OTHER, CLASSES };

const volatile __u64 syslog_cost_ns = 1000000000 / 5000;
const volatile __u64 time_cost_ns = 1000000000 / 20;
/* The core of ours that is nearest to each CPU; the loader knows. */
const volatile __u8 near_core[MAX_CPUS];
__u64 marked_bucket;
__u32 turn;

COUNTERS(rx_counts, NET_CORES);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CLASSES);
	__type(key, __u32);
	__type(value, struct rx_counts);
} counts_rx SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cores SEC(".maps");

struct senders noisy_senders SEC(".maps");
struct senders normal_senders SEC(".maps");
struct senders other_senders SEC(".maps");

static __always_inline __u32 ip4_source(const struct datagram *d)
{
	return bpf_ntohl(((const struct iphdr *)d->ip)->saddr);
}

/* fd00::/8 */
static __always_inline bool is_local_ip6(const struct datagram *d)
{
	return ((const struct ipv6hdr *)d->ip)->saddr.s6_addr[0] == 0xfd;
}

static __always_inline enum class class_of_line(const struct datagram *d) {
	bool tiny = d->stop - (const void *)(d->udp + 1) < TINY; __u32 source;

	if (d->six) return !is_local_ip6(d) ? OUTSIDE
	: tiny                              ? TINY_LINE
					    : NORMAL;
	source = ip4_source(d);
	if (source >> 24 != 10 && source >> 16 != 0xc0a8) return OUTSIDE;
	if (tiny) return TINY_LINE;
	/* 10.66.0.0/16, 10.67.1.0/24, 10.67.2.1 */
	return source >> 16 == 0x0a42 || source >> 8 == 0x0a4301 || source == 0x0a430201 ? NOISY
											 : NORMAL;
}

static __always_inline enum class class_of_time(const struct datagram *d) {
	bool ours; __u8 ttl, tos;

	if (d->six){ const struct ipv6hdr *ip = d->ip;

		     ours = is_local_ip6(d); ttl = ip->hop_limit;
		     tos = bpf_ntohs(*(const __be16 *)ip) >> 4; }
else
{
	const struct iphdr *ip = d->ip;

	ours = ip4_source(d) >> 24 == 10;
	ttl = ip->ttl;
	tos = ip->tos;
}
if (ours && ttl >= 2)
	return OWN;
if (d->tag) {
	__u32 vlan = bpf_ntohs(d->tag->tci) & 0xfff;

	if (vlan >= 100 && vlan <= 199)
		return MARKED;
}
return tos >> 2 == DSCP_EXPEDITED ? MARKED : OTHER;
}

static __always_inline __u64 ip_bytes(const struct datagram *d)
{
	if (d->six)
		return sizeof(struct ipv6hdr) +
		       bpf_ntohs(((const struct ipv6hdr *)d->ip)->payload_len);
	return bpf_ntohs(((const struct iphdr *)d->ip)->tot_len);
}

/* Is the packet within its class's limit? */
static __always_inline bool may_enter(const struct datagram *d, enum class class, __u64 *no_state)
{
	__u64 now = bpf_ktime_get_ns(), cost, tolerance, *next;
	struct sender who;

	if (class == MARKED) {
		cost = ip_bytes(d) * MARKED_BYTE_NS;
		tolerance = MARKED_BURST * MARKED_BYTE_NS;
		next = &marked_bucket;
		goto found;
	}
	sender_of(&who, d->ip, d->six);
	if (class == NOISY) {
		cost = NOISY_COST_NS;
		tolerance = cost * NOISY_BURST;
		next = bucket_of(&noisy_senders, &who, now + cost, no_state);
	} else if (class == NORMAL) {
		cost = syslog_cost_ns;
		tolerance = cost * NORMAL_BURST;
		next = bucket_of(&normal_senders, &who, now + cost, no_state);
	} else {
		cost = time_cost_ns;
		tolerance = cost * OTHER_BURST;
		next = bucket_of(&other_senders, &who, now + cost, no_state);
	}
	if (!next)
		return true;
found:
	return conforms(next, now, cost, tolerance);
}

static __always_inline __u32 core_of_source(const struct datagram *d)
{
	__u64 h = iop_hash_start();

	if (d->six)
		h = hash_ip6(h, &((const struct ipv6hdr *)d->ip)->saddr);
	else
		h = hash_ip4(h, ((const struct iphdr *)d->ip)->saddr);
	return iop_hash_scale(iop_hash_end(h), NET_CORES);
}

static __always_inline __u32 core_near_here(void)
{
	__u32 core = near_core[bpf_get_smp_processor_id() % MAX_CPUS];

	return core < NET_CORES ? core : 0;
}

SEC("xdp") int edge_filter_rx(struct xdp_md *ctx)
{
	struct rx_counts *counts;
	struct datagram d;
	enum class class;
	__u32 key, core;
	__be16 port;
	bool enters;

	if (!find_udp(ctx, &d))
		return XDP_PASS;
	port = d.udp->dest;
	if (port != bpf_htons(SYSLOG_PORT) && port != bpf_htons(TIME_PORT) &&
	    port != bpf_htons(OTHER_TIME_PORT))
		return XDP_PASS;
	if (!is_whole(&d))
		return XDP_PASS;
	class = port == bpf_htons(SYSLOG_PORT) ? class_of_line(&d) : class_of_time(&d);
	key = class;
	counts = bpf_map_lookup_elem(&counts_rx, &key);
	if (!counts)
		return XDP_PASS;
	counts->seen++;
	if (class == OUTSIDE || class == TINY_LINE) {
		counts->dropped++;
		return XDP_DROP;
	}
	enters = class == OWN || may_enter(&d, class, &counts->no_state);
	if (enters && (class == OWN || class == MARKED)) {
		counts->passed++;
		return XDP_PASS;
	}
	if (class == MARKED) {
		counts->over++;
		core = __sync_fetch_and_add(&turn, 1) % NET_CORES;
	} else if (!enters) {
		counts->limited++;
		return XDP_DROP;
	} else if (class == OTHER) {
		core = core_near_here();
	} else {
		core = core_of_source(&d);
	}
	if (bpf_redirect_map(&cores, core, XDP_PASS) != XDP_REDIRECT) {
		counts->fallback++;
		return XDP_PASS;
	}
	counts->steered++;
	counts->target[core]++;
	return XDP_REDIRECT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
