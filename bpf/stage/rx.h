/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The driver stage: from a frame to a datagram of a workload.
 *
 * It is done in two steps. iop_rx_open() finds the ports and nothing more, so
 * that traffic which no workload names leaves after the fewest instructions.
 * iop_rx_enter() then makes sure that the datagram is whole. A packet that
 * either refuses is passed untouched.
 */
#ifndef IOP_STAGE_RX_H
#define IOP_STAGE_RX_H

#include "stage/stage.h"

#define IOP_MAX_EXT_HEADERS 6
#define IOP_FRAGMENT_MASK 0x3fff /* MF and the offset */

/* Extension headers (RFC 8200, section 4) that may stand before UDP. */
static __always_inline const void *iop_ip6_walk(const void *at, const void *end, __u8 next)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i <= IOP_MAX_EXT_HEADERS; i++) {
		const struct ipv6_opt_hdr *opt = at;

		if (next == IPPROTO_UDP)
			return at;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_AH)
			return NULL;
		if ((const void *)(opt + 1) > end)
			return NULL;
		at += next == IPPROTO_AH ? (opt->hdrlen + 2) << 2 : (opt->hdrlen + 1) << 3;
		next = opt->nexthdr;
	}
	return NULL;
}

static __always_inline const void *iop_l4(struct iop_pkt *p)
{
	if (p->proto == bpf_htons(ETH_P_IP) && iop_families & 1) {
		const struct iphdr *ip = p->l3;

		if ((const __u8 *)(ip + 1) > p->end || ip->protocol != IPPROTO_UDP)
			return NULL;
		p->family = 4;
		/* version 4, at least 5 words: told by one byte */
		__u8 first = *(const __u8 *)ip;
		__u32 size = (first & 0xf) << 2;

		if (first >> 4 != 4 || size < sizeof(*ip))
			return NULL;
		return p->l3 + size;
	}
	if (p->proto == bpf_htons(ETH_P_IPV6) && iop_families & 2) {
		const struct ipv6hdr *ip = p->l3;

		if ((const __u8 *)(ip + 1) > p->end || *(const __u8 *)ip >> 4 != 6)
			return NULL;
		p->family = 6;
		return iop_ip6_walk(ip + 1, p->end, ip->nexthdr);
	}
	return NULL;
}

/* Up to the UDP header; false: not UDP over IP. */
static __always_inline bool iop_rx_open(struct xdp_md *ctx, struct iop_pkt *p)
{
	const struct iop_vlan *tag;

	p->ctx = ctx;
	p->end = (const __u8 *)(long)ctx->data_end;
	p->eth = (const void *)(long)ctx->data;
	p->vlan = NULL;
	if ((const __u8 *)(p->eth + 1) > p->end)
		return false;
	/* struct ethhdr is packed: by its member this would be two loads. */
	p->proto = *(const __be16 *)((const __u8 *)p->eth + 2 * ETH_ALEN);
	p->l3 = p->eth + 1;
	for (int i = 0; i < 2; i++) {
		if (p->proto != bpf_htons(ETH_P_8021Q) && p->proto != bpf_htons(ETH_P_8021AD))
			break;
		tag = p->l3;
		if ((const __u8 *)(tag + 1) > p->end)
			return false;
		if (i == 0)
			p->vlan = tag;
		p->proto = tag->proto;
		p->l3 = tag + 1;
	}
	p->udp = iop_l4(p);
	if (!p->udp || (const __u8 *)(p->udp + 1) > p->end)
		return false;
	p->payload = (const __u8 *)(p->udp + 1);
	return true;
}

/* Is the datagram whole, and as long as its headers say? */
STAGE_FN static bool iop_rx_enter(struct iop_pkt *p)
{
	__u32 udp_len = bpf_ntohs(p->udp->len), room;

	if (p->family == 4) {
		const struct iphdr *ip = p->l3;

		if (ip->frag_off & bpf_htons(IOP_FRAGMENT_MASK))
			return false;
		room = bpf_ntohs(ip->tot_len) + (__u32)(long)(p->l3 - (const void *)p->udp);
		if (room > 0xffff) /* total length before the UDP header: below zero */
			return false;
	} else {
		const struct ipv6hdr *ip = p->l3;

		room = bpf_ntohs(ip->payload_len) +
		       (__u32)(long)((const void *)(ip + 1) - (const void *)p->udp);
		if (room > 0xffff)
			return false;
	}
	p->payload_len = udp_len - sizeof(struct udphdr);
	return udp_len >= sizeof(struct udphdr) && udp_len <= room &&
	       (const __u8 *)p->udp + udp_len <= p->end;
}

#endif
