/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that a program can do that cares for a policy's UDP ports and no other
 * packet: what traffic that no workload names costs is compared with it
 * (bench/run foreign). It knows neither VLAN tags nor extension headers. Which policy's:
 * FOR_NAME is defined.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#if defined(FOR_dns_edge)
#define IS_OURS(port) ((port) == bpf_htons(53))
#elif defined(FOR_kv_udp)
#define IS_OURS(port) ((__u16)(bpf_ntohs(port) - 7000) <= 3)
#elif defined(FOR_edge_filter)
#define IS_OURS(port) \
	((port) == bpf_htons(514) || (port) == bpf_htons(123) || (port) == bpf_htons(11123))
#endif

struct eth {
	__u16 destination[3], source[3];
	__be16 proto;
};

__u64 met;

SEC("xdp") int port_only(struct xdp_md *ctx)
{
	const void *end = (const void *)(long)ctx->data_end;
	const struct eth *eth = (const void *)(long)ctx->data;
	const struct iphdr *four = (const void *)(eth + 1);
	const struct ipv6hdr *six = (const void *)(eth + 1);
	const struct udphdr *udp;

	if ((const void *)four > end)
		return XDP_PASS;
	if (eth->proto == bpf_htons(ETH_P_IP)) {
		if ((const void *)(four + 1) > end || four->protocol != IPPROTO_UDP)
			return XDP_PASS;
		udp = (const void *)four + four->ihl * 4;
	} else if (eth->proto == bpf_htons(ETH_P_IPV6)) {
		if ((const void *)(six + 1) > end || six->nexthdr != IPPROTO_UDP)
			return XDP_PASS;
		udp = (const void *)(six + 1);
	} else {
		return XDP_PASS;
	}
	if ((const void *)(udp + 1) <= end && IS_OURS(udp->dest))
		met++;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
