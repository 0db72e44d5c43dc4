/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What iopc would write for a small policy, by hand: the runtime's tests need
 * programs and maps under the names and layouts of abi/, and do not need a
 * compiler. The first byte of the payload is the request:
 *
 *	f…  class first    rx: pass              socket: worker 1
 *	s…  class steered  rx: to net, core 0    socket: a worker of 0-1, the nearest
 *	t…  class steered  rx: to two, by the ports' sum
 *	d…  class rest     rx: drop
 *	l…  class rest     rx: one of ten passes, see the param `every`
 *	x…  class rest     rx: pass              socket: drop
 *	e…  class rest     rx: pass              socket: worker 7, whether it is there or not
 *	else class rest    rx: pass              socket: round robin over the last two
 *
 * on UDP port 5300, over IPv4 without options and IPv6; describe_fixture.c says so
 * in a description.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi/count.h"
#include "abi/object.h"
#include "abi/worker.h"
#include "fixture.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct fixture_rx);
	__uint(max_entries, FIXTURE_CLASSES);
} iop_count_rx SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct fixture_socket);
	__uint(max_entries, FIXTURE_CLASSES);
} iop_count_socket SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64[IOP_PATH_COUNT]);
	__uint(max_entries, IOP_HOOKS);
} iop_path SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
	__uint(max_entries, 1);
} iop_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1024);
} iop_workers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} iop_near_core_two SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} iop_near_worker_0 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} iop_turns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct iop_worker_row);
	__uint(max_entries, 1);
} iop_worker_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, __u32);
	__uint(max_entries, 1);
} iop_worker_of SEC(".maps");

struct iop_group iop_group SEC(".data.group");

const volatile struct iop_pool_cores iop_pool_two = { .n = 1 };
const volatile __u64 iop_param_every = 10;
const volatile __u64 iop_param_pace = 1;

/* The request's class, IOP_NONE: not ours. */
static __always_inline __u32 class_of(char request)
{
	switch (request) {
	case 'f': return FIXTURE_FIRST;
	case 's':
	case 't': return FIXTURE_STEERED;
	default: return FIXTURE_REST;
	}
}

static __always_inline void count_path(__u32 hook, __u32 what)
{
	__u64 *path = bpf_map_lookup_elem(&iop_path, &hook);

	if (path)
		path[what]++;
}

/* --- rx --- */

/* The UDP header of a frame that may be ours. */
static __always_inline struct udphdr *udp_of(void *data, void *end)
{
	struct ethhdr *eth = data;
	struct udphdr *udp;

	if ((void *)(eth + 1) > end)
		return NULL;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end || ip->ihl != 5 || ip->protocol != IPPROTO_UDP)
			return NULL;
		udp = (void *)(ip + 1);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_UDP)
			return NULL;
		udp = (void *)(ip + 1);
	} else {
		return NULL;
	}
	return (void *)(udp + 1) > end ? NULL : udp;
}

static __always_inline int steer(struct fixture_rx *count, __u32 core, __u64 *target)
{
	int verdict = (int)bpf_redirect_map(&iop_cpus, core, XDP_PASS);

	if (verdict == XDP_REDIRECT) {
		count->reasons[IOP_COUNT_STEERED]++;
		++*target;
	} else {
		count->reasons[IOP_COUNT_FALLBACK]++;
	}
	return verdict;
}

static __always_inline int steer_to_two(struct fixture_rx *count, const struct udphdr *udp)
{
	__u32 n = iop_pool_two.n, i;

	if (!n || n > IOP_POOL_CORES)
		return XDP_ABORTED;
	i = (__u32)(bpf_ntohs(udp->source) + bpf_ntohs(udp->dest)) % n;
	barrier_var(i);
	if (i >= IOP_POOL_CORES)
		return XDP_ABORTED;
	return steer(count, iop_pool_two.core[i], &count->two[i]);
}

static __always_inline int rx_rest(struct fixture_rx *count, char request)
{
	if (request == 'd') {
		count->reasons[IOP_COUNT_DROPPED]++;
		return XDP_DROP;
	}
	if (request == 'l' && iop_param_every &&
	    (count->reasons[IOP_COUNT_COUNTED]++ % iop_param_every)) {
		count->reasons[IOP_COUNT_LIMITED]++;
		return XDP_DROP;
	}
	count->reasons[IOP_COUNT_PASSED]++;
	return XDP_PASS;
}

SEC("xdp")
int iop_rx(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct udphdr *udp = udp_of(data, end);
	char *request = (char *)(udp + 1);
	struct fixture_rx *count;
	__u32 class;

	if (!udp || udp->dest != bpf_htons(FIXTURE_PORT) || !iop_param_pace)
		return XDP_PASS;
	if ((void *)(request + 1) > end) {
		count_path(IOP_HOOK_RX, IOP_PATH_UNCLASSED);
		return XDP_PASS;
	}
	class = class_of(*request);
	count = bpf_map_lookup_elem(&iop_count_rx, &class);
	if (!count)
		return XDP_PASS;
	count->reasons[IOP_COUNT_SEEN]++;
	if (*request == 's')
		return steer(count, 0, &count->net[0]);
	if (*request == 't')
		return steer_to_two(count, udp);
	return rx_rest(count, *request);
}

/* --- socket --- */

static __always_inline int give(struct sk_reuseport_md *ctx, struct fixture_socket *count,
				__u32 worker)
{
	__u32 last = FIXTURE_WORKERS - 1, at;
	struct iop_worker_row *row;

	if (worker >= iop_group.n || bpf_sk_select_reuseport(ctx, &iop_workers, &worker, 0) != 0) {
		count->reasons[IOP_COUNT_FALLBACK]++;
		return SK_PASS;
	}
	count->reasons[IOP_COUNT_STEERED]++;
	count->workers[worker < last ? worker : last]++;
	at = iop_group.base + worker;
	row = bpf_map_lookup_elem(&iop_worker_rows, &at);
	if (row)
		__sync_fetch_and_add(&row->head, 1);
	return SK_PASS;
}

static __always_inline int give_last_two(struct sk_reuseport_md *ctx, struct fixture_socket *count)
{
	__u32 zero = 0, *turn = bpf_map_lookup_elem(&iop_turns, &zero), n = iop_group.n;

	if (!turn || n < 2)
		return give(ctx, count, 0);
	return give(ctx, count, n - 2 + __sync_fetch_and_add(turn, 1) % 2);
}

static __always_inline int give_near(struct sk_reuseport_md *ctx, struct fixture_socket *count)
{
	__u32 cpu = bpf_get_smp_processor_id(), *near;

	near = bpf_map_lookup_elem(&iop_near_worker_0, &cpu);
	return give(ctx, count, near ? *near : 0);
}

SEC("sk_reuseport")
int iop_socket(struct sk_reuseport_md *ctx)
{
	char *request = (char *)ctx->data + sizeof(struct udphdr);
	struct fixture_socket *count;
	__u32 class;

	if (iop_group.workload != 0)
		return SK_PASS;
	if ((void *)(request + 1) > ctx->data_end) {
		count_path(IOP_HOOK_SOCKET, IOP_PATH_UNCLASSED);
		return SK_PASS;
	}
	class = class_of(*request);
	count = bpf_map_lookup_elem(&iop_count_socket, &class);
	if (!count)
		return SK_PASS;
	count->reasons[IOP_COUNT_SEEN]++;
	if (*request == 'x') {
		count->reasons[IOP_COUNT_DROPPED]++;
		return SK_DROP;
	}
	if (class == FIXTURE_FIRST)
		return give(ctx, count, 1);
	if (class == FIXTURE_STEERED)
		return give_near(ctx, count);
	if (*request == 'e')
		return give(ctx, count, 7);
	return give_last_two(ctx, count);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
