/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The driver stage: from a frame to a datagram or segment of a workload.
 *
 * It is done in two steps. iop_rx_open() finds the ports and nothing more, so
 * that traffic which no workload names leaves after the fewest instructions.
 * iop_rx_enter() then makes sure that the datagram or segment is whole. A packet
 * that either refuses is passed untouched.
 */
#ifndef IOP_STAGE_RX_H
#define IOP_STAGE_RX_H

#include "stage/stage.h"

#define IOP_MAX_EXT_HEADERS 6
#define IOP_FRAGMENT_MASK 0x3fff /* MF and the offset */

/* Is this a protocol that some workload matches? */
static __always_inline bool iop_carries(struct iop_pkt *p, __u8 next)
{
	if (iop_protos(p) & IOP_UDP && next == IPPROTO_UDP) {
		p->l4 = IPPROTO_UDP;
		return true;
	}
	if (iop_protos(p) & IOP_TCP && next == IPPROTO_TCP) {
		p->l4 = IPPROTO_TCP;
		return true;
	}
	return false;
}

/*
 * Extension headers (RFC 8200, section 4) that may stand before UDP or TCP. What they
 * take is kept below a power of two, which it always is: so each way out of the
 * loop looks the same to the verifier, and what follows is verified once for all
 * of them.
 */
static __always_inline const void *iop_ip6_walk(struct iop_pkt *p, const struct ipv6hdr *ip)
{
	const void *first = ip + 1;
	__u8 next = ip->nexthdr;
	__u64 taken = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i <= IOP_MAX_EXT_HEADERS; i++) {
		const struct ipv6_opt_hdr *opt = first + taken;
		__u32 size;

		if (iop_carries(p, next))
			return opt;
		if ((const __u8 *)(opt + 1) > p->end)
			return NULL;
		if (next == IPPROTO_AH)
			size = (opt->hdrlen + 2) << 2;
		else if (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS)
			size = (opt->hdrlen + 1) << 3;
		else
			return NULL;
		next = opt->nexthdr;
		taken += size;
		iop_opaque(taken);
		taken &= 0x3fff; /* six times 2,048 at most */
	}
	return NULL;
}

static __always_inline const void *iop_l4(struct iop_pkt *p)
{
	if (p->proto == bpf_htons(ETH_P_IP) && iop_families & 1) {
		const struct iphdr *ip = p->l3;

		if ((const __u8 *)(ip + 1) > p->end || !iop_carries(p, ip->protocol))
			return NULL;
		p->family = 4;
		return p->l3 + ((*(const __u8 *)ip & 0xf) << 2);
	}
	if (p->proto == bpf_htons(ETH_P_IPV6) && iop_families & 2) {
		const struct ipv6hdr *ip = p->l3;

		if ((const __u8 *)(ip + 1) > p->end)
			return NULL;
		p->family = 6;
		return iop_ip6_walk(p, ip);
	}
	return NULL;
}

/* One VLAN tag or two; as above, both ways out look the same. */
static __always_inline bool iop_tags(struct iop_pkt *p)
{
	const void *first = p->l3;
	__u64 taken = 0;

	p->vlan = first;
#pragma clang loop unroll(disable)
	for (int i = 0; i < 2; i++) {
		const struct iop_vlan *tag = first + taken;

		if ((const __u8 *)(tag + 1) > p->end)
			return false;
		p->proto = tag->proto;
		taken += sizeof(*tag);
		iop_opaque(taken);
		taken &= 0xc;
		if (p->proto != bpf_htons(ETH_P_8021Q) && p->proto != bpf_htons(ETH_P_8021AD))
			break;
	}
	p->l3 = first + taken;
	return true;
}

/* From `start` up to the header with the ports; false: not a protocol of ours over IP. */
static __always_inline bool iop_frame_open(struct iop_pkt *p)
{
	p->vlan = NULL;
	if (p->start + ETH_HLEN > p->end)
		return false;
	/* struct ethhdr is packed: by its member this would be two loads. */
	p->proto = *(const __be16 *)(p->start + 2 * ETH_ALEN);
	p->l3 = p->start + ETH_HLEN;
	if (p->proto == bpf_htons(ETH_P_8021Q) || p->proto == bpf_htons(ETH_P_8021AD)) {
		if (!iop_tags(p))
			return false;
	}
	p->udp = iop_l4(p);
	if (!p->udp || (const __u8 *)(p->udp + 1) > p->end)
		return false;
	p->payload = (const __u8 *)(p->udp + 1);
	return true;
}

static __always_inline bool iop_rx_open(struct xdp_md *ctx, struct iop_pkt *p)
{
	p->ctx = ctx;
	p->hook = IOP_HOOK_RX;
	p->end = (const __u8 *)(long)ctx->data_end;
	p->start = (const __u8 *)(long)ctx->data;
	return iop_frame_open(p);
}

/* A segment has no length of its own: it is what IP carries behind its headers. */
static __always_inline bool iop_segment(struct iop_pkt *p, __s32 room)
{
	const __u8 *tcp = (const void *)p->udp;
	__u32 size = room, header;

	if (tcp + sizeof(struct tcphdr) > p->end)
		return false;
	header = tcp[12] >> 4 << 2;
	iop_opaque(size);
	/* The bound is for the verifier, to which the distance of two pointers may be anything. */
	if (size > 0xffff || header < sizeof(struct tcphdr) || header > size)
		return false;
	p->stop = tcp + size;
	if (p->stop > p->end)
		return false;
	p->payload = tcp + header;
	p->payload_len = size - header;
	iop_opaque(p->payload);
	return true;
}

static __always_inline bool iop_datagram(struct iop_pkt *p, __s32 room)
{
	__s32 len = bpf_ntohs(p->udp->len);

	p->stop = (const __u8 *)p->udp + len;
	if (len < (__s32)sizeof(struct udphdr) || len > room || p->stop > p->end)
		return false;
	p->payload_len = len - sizeof(struct udphdr);
	return true;
}

/* Is it whole, and are its headers what iop_rx_open() took them for? */
STAGE_FN static bool iop_rx_enter(struct iop_pkt *p)
{
	__s32 before = (const void *)p->udp - p->l3, room;
	__u32 first = *(const __u8 *)p->l3;

	if (p->family == 4) {
		const struct iphdr *ip = p->l3;

		/* version 4 and 5 to 15 words, told by one byte */
		if (first - 0x45 > 0x4f - 0x45 || ip->frag_off & bpf_htons(IOP_FRAGMENT_MASK))
			return false;
		room = bpf_ntohs(ip->tot_len) - before;
	} else {
		const struct ipv6hdr *ip = p->l3;

		if (first >> 4 != 6)
			return false;
		room = bpf_ntohs(ip->payload_len) + (__s32)sizeof(*ip) - before;
	}
	if (!(iop_is_tcp(p) ? iop_segment(p, room) : iop_datagram(p, room)))
		return false;
	/* LLVM could conclude from here that bytes of the datagram can be read; the verifier
	 * cannot, and wants the check. And a number of 32 bits would be spilled to half a slot. */
	iop_opaque(p->stop);
	iop_opaque(p->payload_len);
	iop_opaque(p->family);
	if (iop_protos(p) == (IOP_UDP | IOP_TCP))
		iop_opaque(p->l4); /* or a workload's ports tell LLVM what they do not tell the verifier */
	return true;
}

#endif
