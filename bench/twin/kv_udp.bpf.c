/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The twin of examples/kv_udp.iop: the same policy, written by hand with libbpf,
 * as bench/run codegen compares it with what iopc makes.
 */
#include "datagram.bpf.h"
#include "stage.bpf.h"

#define FIRST_PORT 7000
#define LAST_PORT 7003
#define MAX_KEY 64
#define MAX_VALUE 1024
#define ADMIN_FLAG 0x8000
#define SCAN_BURST 64
#define STACK_CORES 2 /* 0 and 1 */
#define KEY_WORKERS 3
#define ODD_WORKER 3

enum { OP_GET = 1, OP_SCAN = 2, OP_PUT = 3, OP_DELETE = 4 };
enum class { GET, WRITE, ADMIN_CLASS, SCAN, REST, CLASSES };

struct request {
	__u8 op;
	__u8 key_size;
	__le16 flags;
	__be32 id;
	__u8 key[];
};

const volatile __u64 max_key = 48;
const volatile __u64 scan_cost_ns = 1000000000 / 500;
__u64 scan_bucket;

COUNTERS(rx_counts, STACK_CORES);
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

#define ADMIN_SIZE 6
static __always_inline bool starts_admin(const __u8 *key)
{
	/* "admi", "n/", little-endian; memcmp() would go byte by byte. */
	return *(const __u32 *)key == 0x696d6461 && *(const __u16 *)(key + 4) == 0x2f6e;
}

/* Each read is checked against the end of the frame for the verifier, and against that of the
 * datagram because padding is no request. */
static __always_inline enum class classify(const struct request *r, const void *stop,
					   const void *end) {
	const void *after; __u32 size;

	if ((const void *)&r->flags > end ||
	    (const void *)&r->flags > stop){ if ((const void *)&r->key_size > end ||
						 (const void *)&r->key_size > stop) return REST;
					     return r->op == OP_SCAN ? SCAN : REST; }
size = r->key_size;
if (r->op == OP_GET && size <= max_key)
	return GET;
after = r->key + size;
	/* Else LLVM would conclude from `after` where the key's first bytes are. */
barrier_var(after);
if (size <= MAX_KEY && after <= stop) {
	if ((r->op == OP_PUT || r->op == OP_DELETE) && after + 2 <= stop && after + 2 <= end &&
	    bpf_ntohs(*(const __be16 *)after) < MAX_VALUE)
		return WRITE;
	if (size >= ADMIN_SIZE && (const void *)(r->key + ADMIN_SIZE) <= end &&
	    starts_admin(r->key) && r->flags & ADMIN_FLAG)
		return ADMIN_CLASS;
}
return r->op == OP_SCAN ? SCAN : REST;
}

/* The key's words, the last of which may be less than 8 bytes: these are the upper ones of the
 * 8 bytes before the key's end, which the packet has because a request has 8 before its key. */
static __always_inline __u32 hash_key(const struct request *r, const void *stop, const void *end)
{
	const void *at = r->key, *last;
	__u64 h = iop_hash_start();
	__u32 size = r->key_size, left = size;

	if (size > MAX_KEY || at + size > stop)
		return iop_hash_end(iop_hash_word(h, IOP_HASH_MISSING));
#pragma clang loop unroll(disable)
	for (; left >= 8 && at + 8 <= end; left -= 8) {
		h = iop_hash_word(h, *(const __u64 *)at);
		at += 8;
	}
	last = (const void *)r + size;
	if (left && last + 8 <= end)
		h = iop_hash_word(h, *(const __u64 *)last >> (64 - 8 * left));
	return iop_hash_end(iop_hash_word(h, size));
}

static __always_inline int steer(__u32 core, struct rx_counts *counts)
{
	if (bpf_redirect_map(&cores, core, XDP_PASS) != XDP_REDIRECT) {
		counts->fallback++;
		return XDP_PASS;
	}
	counts->steered++;
	counts->target[core]++;
	return XDP_REDIRECT;
}

SEC("xdp") int kv_udp_rx(struct xdp_md *ctx)
{
	const struct request *request;
	struct rx_counts *counts;
	struct datagram d;
	enum class class;
	__u64 cost;
	__u16 port;
	__u32 key;

	if (!find_udp(ctx, &d))
		return XDP_PASS;
	port = bpf_ntohs(d.udp->dest);
	if (port < FIRST_PORT || port > LAST_PORT || !is_whole(&d))
		return XDP_PASS;
	request = (const void *)(d.udp + 1);
	key = class = classify(request, d.stop, d.end);
	counts = bpf_map_lookup_elem(&counts_rx, &key);
	if (!counts)
		return XDP_PASS;
	counts->seen++;
	switch (class) {
	case GET:
	case WRITE:
		return steer(iop_hash_scale(hash_key(request, d.stop, d.end), STACK_CORES), counts);
	case SCAN:
		cost = scan_cost_ns;
		if (!conforms(&scan_bucket, bpf_ktime_get_ns(), cost, cost * SCAN_BURST)) {
			counts->limited++;
			return XDP_DROP;
		}
		/* fallthrough */
	case ADMIN_CLASS: counts->passed++; return XDP_PASS;
	default:
		counts->counted++;
		counts->dropped++;
		return XDP_DROP;
	}
}

SEC("sk_reuseport") int kv_udp_socket(struct sk_reuseport_md *ctx)
{
	const struct udphdr *udp = ctx->data;
	const void *end = ctx->data_end;
	const struct request *request = (const void *)(udp + 1);
	struct socket_counts *counts;
	__u32 worker = ODD_WORKER, key;
	enum class class;

	if ((const void *)request > end)
		return SK_PASS;
	if (end - (const void *)udp < ctx->len) {
		__u32 zero = 0;
		__u64 *n = bpf_map_lookup_elem(&unseen, &zero);

		if (n)
			++*n;
		return SK_PASS;
	}
	key = class = classify(request, end, end);
	counts = bpf_map_lookup_elem(&counts_socket, &key);
	if (!counts)
		return SK_PASS;
	counts->seen++;
	if (class == REST) {
		counts->passed++;
		return SK_PASS;
	}
	if (class == GET || class == WRITE)
		worker = iop_hash_scale(hash_key(request, end, end), KEY_WORKERS);
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
