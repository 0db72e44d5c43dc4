/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The twin of examples/rocksdb_scan.iop at the socket: the same policy, written by hand with
 * libbpf. What a worker has to do stands in the rows of abi/worker.h, because the program that
 * counts replies (which has no twin) must find it there; how a row is read and written is
 * shared, too, as the hash is elsewhere. The search is its own.
 */
#include <linux/bpf.h>
#include <linux/udp.h>
#include <stdbool.h>

#include "abi/worker.h"
#include "stage.bpf.h"

#define SCAN_WORKERS 2
#define MOST 64 /* workers that are looked at for one request */
#define NOBODY (~0u)
#define STUCK_NS 1000000000ull
#define GET_NS 200000ull
#define SCAN_NS 14000000ull

enum { OP_GET = 1, OP_SCAN = 2 };
enum class { GET, SCAN, CLASSES };

#define TARGETS 64
COUNTERS(socket_counts, TARGETS);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CLASSES);
	__type(key, __u32);
	__type(value, struct socket_counts);
} counts_socket SEC(".maps");

/* Of no class, and datagrams whose payload the program cannot read. */
struct odd {
	__u64 unclassed, unseen;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct odd);
} iop_path SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} workers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iop_worker_row);
} iop_worker_rows SEC(".maps");

volatile struct iop_group group SEC(".data.group");
__u32 get_turn, scan_turn;

static __always_inline struct iop_worker_row *row_of(__u32 worker)
{
	__u32 at = group.base + worker;

	return worker < group.n ? bpf_map_lookup_elem(&iop_worker_rows, &at) : NULL;
}

/*
 * The worker from `first` on, of `n`, with the least to do; of several, the first one whose turn
 * it is. What was found is kept from the verifier, which would follow the rest of the
 * loop once for each that may be the best.
 */
static __always_inline __u32 least(__u32 first, __u64 n, __u32 turn, __u64 now,
				   struct socket_counts *counts)
{
	__u64 best = ~0ull, found = NOBODY;

	if (n > MOST) {
		__u32 runs = (n + MOST - 1) / MOST, from = turn % runs * MOST;

		turn /= runs;
		first += from > n - MOST ? n - MOST : from;
		n = MOST;
	}
	turn %= (__u32)n;
#pragma clang loop unroll(disable)
	for (__u64 i = 0; i < MOST && i < n; i++) {
		__u32 worker = first + i;
		struct iop_worker_row *row = row_of(worker);
		__u64 key;

		if (!row || row->gone)
			continue;
		key = iop_worker_load(row, iop_worker_least(row, true), now, STUCK_NS) * MOST +
		      (i - turn) % MOST;
		key += now;
		barrier_var(key);
		key -= now;
		if (key < best) {
			best = key;
			found = worker + now;
			barrier_var(found);
			found -= now;
		}
	}
	if (best >= IOP_LOAD_STUCK * MOST && best != ~0ull)
		counts->rest[IOP_COUNT_STUCK - 9]++;
	return (__u32)found;
}

SEC("sk_reuseport") int rocksdb_scan_socket(struct sk_reuseport_md *ctx)
{
	const struct udphdr *udp = ctx->data;
	const __u8 *op = (const void *)(udp + 1);
	__u32 key = 0, there, first = 0, n;
	struct socket_counts *counts;
	struct iop_worker_row *row;
	__u64 now, service = GET_NS;
	__u32 worker, class = GET, *turn = &get_turn;
	struct odd *odd;

	if ((const void *)op > ctx->data_end)
		return SK_PASS;
	if (ctx->data_end - (const void *)udp < ctx->len) {
		odd = bpf_map_lookup_elem(&iop_path, &key);
		if (odd)
			odd->unseen++;
		return SK_PASS;
	}
	if ((const void *)(op + 1) > ctx->data_end || (*op != OP_GET && *op != OP_SCAN)) {
		odd = bpf_map_lookup_elem(&iop_path, &key);
		if (odd)
			odd->unclassed++;
		return SK_PASS;
	}
	key = *op - OP_GET;
	counts = bpf_map_lookup_elem(&counts_socket, &key);
	if (!counts)
		return SK_PASS;
	counts->seen++;
	there = n = group.n;
	if (!there) {
		counts->fallback++;
		return SK_PASS;
	}
	if (*op == OP_SCAN) {
		service = SCAN_NS;
		class = SCAN;
		turn = &scan_turn;
		n = there > SCAN_WORKERS ? SCAN_WORKERS : there;
		first = there - n;
	}
	now = bpf_ktime_get_ns();
	worker = least(first, n, __sync_fetch_and_add(turn, 1), now, counts);
	row = row_of(worker);
	if (bpf_sk_select_reuseport(ctx, &workers, &worker, 0)) {
		if (row)
			row->gone = 1;
		counts->fallback++;
		return SK_PASS;
	}
	counts->steered++;
	if (row)
		iop_worker_taken(row, class, service, now);
	if (worker > TARGETS - 1)
		worker = TARGETS - 1;
	counts->target[worker]++;
	return SK_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
