/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The twin of examples/dns_edge.iop: the same policy, written by hand with
 * libbpf, as bench/run codegen compares it with what iopc makes.
 */
#include "datagram.bpf.h"
#include "stage.bpf.h"

#define DNS_PORT 53
#define DNS_RESPONSE 0x8000
#define NAME_AT 12
#define MAX_LABELS 40
#define MAX_LABEL 63
#define NET_CORE 0
#define CHEAP_WORKERS 3
#define ABUSE_WORKER 3

enum class { CHEAP, COSTLY, JUNK, CLASSES };

#define JUNK_BURST 100
#define COSTLY_BURST 50
const volatile __u64 junk_cost_ns = 1000000000 / 1000;
const volatile __u64 costly_cost_ns = 1000000000 / 2000;

COUNTERS(rx_counts, 1);
COUNTERS(socket_counts, 4);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CLASSES);
	__type(key, __u32);
	__type(value, struct rx_counts);
} counts_rx SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CLASSES);
	__type(key, __u32);
	__type(value, struct socket_counts);
} counts_socket SEC(".maps");

/* Datagrams whose payload the socket program cannot read. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} unseen SEC(".maps");

struct senders junk_senders SEC(".maps");
struct senders costly_senders SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cores SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} workers SEC(".maps");

static __always_inline enum class class_of_type(__u16 type) {
	switch (type){
		case 1 :  /* A */
			case 2 :  /* NS */
				case 6 :  /* SOA */
					case 12 : /* PTR */
						case 15 : /* MX */
							case 28 : /* AAAA */
								return CHEAP;
		case 16 :  /* TXT */
			case 46 :  /* RRSIG */
				case 48 :  /* DNSKEY */
					case 255 : /* ANY */
						return COSTLY;
		default : return JUNK;
	}
}

/* Walks the labels of the question's name to its type. What is read beyond the datagram, but
 * within the frame, does no harm: then the type does not lie in the datagram either. */
static __always_inline enum class classify(const __u8 *dns, const void *stop, const void *end) {
	const __u8 *at = dns + NAME_AT;

	if ((const void *)at > end ||
	    *(const __be16 *)(dns + 2) & bpf_htons(DNS_RESPONSE)) return JUNK;
#pragma clang loop unroll(disable)
	for (int i = 0; i < MAX_LABELS;
	     i++){ __u8 size;

		   if ((const void *)(at + 1) > end) return JUNK; size = *at++;
		   if (size == 0){ if ((const void *)(at + 2) > end ||
				       (const void *)(at + 2) > stop) return JUNK;
				   return class_of_type(bpf_ntohs(*(const __be16 *)at)); }
if (size > MAX_LABEL) return JUNK;
at += size;
}
return JUNK;
}

static __always_inline bool may_enter(const struct datagram *d, enum class class, __u64 *no_state)
{
	__u64 now = bpf_ktime_get_ns(), cost, tolerance, *next;
	struct sender who;

	sender_of(&who, d->ip, d->six);
	if (class == COSTLY) {
		cost = costly_cost_ns;
		tolerance = cost * COSTLY_BURST;
		next = bucket_of(&costly_senders, &who, now + cost, no_state);
	} else {
		cost = junk_cost_ns;
		tolerance = cost * JUNK_BURST;
		next = bucket_of(&junk_senders, &who, now + cost, no_state);
	}
	return !next || conforms(next, now, cost, tolerance);
}

SEC("xdp") int dns_edge_rx(struct xdp_md *ctx)
{
	struct rx_counts *counts;
	struct datagram d;
	enum class class;
	__u32 key;

	if (!find_udp(ctx, &d) || d.udp->dest != bpf_htons(DNS_PORT) || !is_whole(&d))
		return XDP_PASS;
	key = class = classify((const void *)(d.udp + 1), d.stop, d.end);
	counts = bpf_map_lookup_elem(&counts_rx, &key);
	if (!counts)
		return XDP_PASS;
	counts->seen++;
	if (class != CHEAP && !may_enter(&d, class, &counts->no_state)) {
		counts->limited++;
		return XDP_DROP;
	}
	if (bpf_redirect_map(&cores, NET_CORE, XDP_PASS) != XDP_REDIRECT) {
		counts->fallback++;
		return XDP_PASS;
	}
	counts->steered++;
	counts->target[0]++;
	return XDP_REDIRECT;
}

/* Which of the cheap ones' workers a flow belongs to; negative: not to be told. */
static __always_inline int worker_of_flow(struct sk_reuseport_md *ctx, const struct udphdr *udp)
{
	__u64 h = iop_hash_start();

	if (ctx->eth_protocol == bpf_htons(ETH_P_IP)) {
		__be32 pair[2];

		if (bpf_skb_load_bytes_relative(ctx, offsetof(struct iphdr, saddr), pair,
						sizeof(pair), BPF_HDR_START_NET))
			return -1;
		h = hash_ip4(hash_ip4(h, pair[0]), pair[1]);
	} else {
		struct in6_addr pair[2];

		if (bpf_skb_load_bytes_relative(ctx, offsetof(struct ipv6hdr, saddr), pair,
						sizeof(pair), BPF_HDR_START_NET))
			return -1;
		h = hash_ip6(hash_ip6(h, &pair[0]), &pair[1]);
	}
	return iop_hash_scale(hash_ports(h, udp), CHEAP_WORKERS);
}

SEC("sk_reuseport") int dns_edge_socket(struct sk_reuseport_md *ctx)
{
	const struct udphdr *udp = ctx->data;
	const void *end = ctx->data_end;
	struct socket_counts *counts;
	int worker = ABUSE_WORKER;
	enum class class;
	__u32 key;

	if ((const void *)(udp + 1) > end)
		return SK_PASS;
	if (end - (const void *)udp < ctx->len) {
		__u32 zero = 0;
		__u64 *n = bpf_map_lookup_elem(&unseen, &zero);

		if (n)
			++*n;
		return SK_PASS;
	}
	key = class = classify((const void *)(udp + 1), end, end);
	counts = bpf_map_lookup_elem(&counts_socket, &key);
	if (!counts)
		return SK_PASS;
	counts->seen++;
	if (class == CHEAP) {
		worker = worker_of_flow(ctx, udp);
		if (worker < 0)
			return SK_PASS;
	}
	key = worker;
	if (bpf_sk_select_reuseport(ctx, &workers, &key, 0)) {
		counts->fallback++;
		return SK_PASS;
	}
	counts->steered++;
	counts->target[worker]++;
	return SK_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
