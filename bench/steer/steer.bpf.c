/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steer.iop by hand: as the kernel's own samples of cpumap do it, with one check of the
 * headers and one redirect.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PORT 9000
#define CORE 1

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, CORE + 1);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} cores SEC(".maps");

static __always_inline int steer(const struct udphdr *udp, const void *end)
{
	if ((const void *)(udp + 1) > end || udp->dest != bpf_htons(PORT))
		return XDP_PASS;
	return (int)bpf_redirect_map(&cores, CORE, XDP_PASS);
}

SEC("xdp") int steer_rx(struct xdp_md *ctx)
{
	const void *end = (const void *)(long)ctx->data_end;
	const struct ethhdr *eth = (const void *)(long)ctx->data;
	const struct ipv6hdr *ip6 = (const void *)(eth + 1);
	const struct iphdr *ip = (const void *)(eth + 1);

	if ((const void *)(ip + 1) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return ip->protocol == IPPROTO_UDP && ip->ihl == 5 &&
				       !(ip->frag_off & bpf_htons(0x3fff))
			       ? steer((const void *)(ip + 1), end)
			       : XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IPV6) || (const void *)(ip6 + 1) > end ||
	    ip6->nexthdr != IPPROTO_UDP)
		return XDP_PASS;
	return steer((const void *)(ip6 + 1), end);
}

char _license[] SEC("license") = "Dual BSD/GPL";
