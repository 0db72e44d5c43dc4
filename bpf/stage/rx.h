/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The driver stage: from a frame to a datagram or segment of a workload.
 *
 * It is done in two steps. iop_frame_open() finds the ports and nothing more, so
 * that traffic which no workload names leaves after the fewest instructions.
 * iop_rx_enter() then makes sure that the datagram or segment is whole. A packet
 * that either refuses is passed untouched.
 */
#ifndef IOP_STAGE_RX_H
#define IOP_STAGE_RX_H

#include "stage/fields.h"
#include "stage/stage.h"

#define IOP_MAX_EXT_HEADERS 6
#define IOP_FRAGMENT_MASK 0x3fff /* MF and the offset */

/* No frame with a UDP header has less behind its Ethernet header or VLAN tag. */
#define IOP_LEAST (sizeof(struct iphdr) + sizeof(struct udphdr))

/* Is this a protocol that some workload matches? */
static __always_inline bool iop_carries(struct iop_pkt *p, __u64 next)
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

static __always_inline bool iop_behind_ip4(struct iop_pkt *p)
{
	const struct iphdr *ip = p->l3;

	if (!iop_carries(p, ip->protocol))
		return false;
	p->udp = p->l3 + ((*(const __u8 *)ip & 0xf) << 2);
	if ((const __u8 *)(p->udp + 1) > p->end)
		return false;
	iop_apart(); /* a register less until here */
	p->family = 4;
	return true;
}

/*
 * Extension headers (RFC 8200, section 4) of 8 bytes or more may stand before UDP or
 * TCP. What they take is kept below a power of two, which it always is: so each way
 * out of the loop looks the same to the verifier, and what follows is verified once
 * for all of them.
 */
static __always_inline bool iop_behind_ip6(struct iop_pkt *p)
{
	__u64 next = ((const struct ipv6hdr *)p->l3)->nexthdr, taken = sizeof(struct ipv6hdr);

	/* Most of what no workload names. */
	if (!(iop_protos(p) & IOP_TCP) && next == IPPROTO_TCP)
		return false;
#pragma clang loop unroll(disable)
	for (int i = 0; i <= IOP_MAX_EXT_HEADERS; i++) {
		const struct ipv6_opt_hdr *opt = p->l3 + taken;
		__u64 size;

		iop_opaque(opt);
		if ((const __u8 *)opt + 8 > p->end)
			return false;
		p->udp = (const void *)opt;
		if (iop_carries(p, next)) {
			iop_apart();
			p->family = 6;
			return true;
		}
		iop_apart();
		size = opt->hdrlen;
		if (next == IPPROTO_AH) {
			size <<= 2;
			iop_apart();
		} else if (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS) {
			size <<= 3;
			iop_apart();
		} else {
			return false;
		}
		next = opt->nexthdr;
		taken += 8 + size;
		iop_opaque(taken);
		taken &= 0x3fff; /* 40 and six times 2,048 at most */
	}
	return false;
}

/* From `start` up to the header with the ports, behind at most two VLAN tags; false: not a
 * protocol of ours over IP. */
static __always_inline bool iop_headers(struct iop_pkt *p)
{
	p->l3 = p->start + ETH_HLEN;
#pragma clang loop unroll(disable)
	for (int tags = 0; tags < 3; tags++) {
		__be16 type;

		if (p->l3 + IOP_LEAST > (const void *)p->end)
			return false;
		type = iop_ether_type(p->l3);
		if (type == bpf_htons(ETH_P_IP) && iop_families & 1)
			return iop_behind_ip4(p);
		iop_apart();
		if (type == bpf_htons(ETH_P_IPV6) && iop_families & 2)
			return iop_behind_ip6(p);
		iop_apart();
		if (__builtin_expect(!iop_is_tag(type), 1))
			return false;
		p->l3 += sizeof(struct iop_vlan);
		iop_opaque(p->l3);
	}
	return false;
}

static __always_inline bool iop_frame_open(struct iop_pkt *p)
{
	if (!iop_headers(p))
		return false;
	p->payload = (const __u8 *)(p->udp + 1);
	/* Or LLVM carries it as a flag, and the verifier sees addresses of the other family. */
	iop_opaque(p->family);
	return true;
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

/* Is it whole, and are its headers what iop_frame_open() took them for? */
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

static __always_inline int iop_rx_run(struct xdp_md *ctx)
{
	int pass = XDP_PASS;
	__u64 workload;
	struct iop_pkt p;

	p.ctx = ctx;
	p.hook = IOP_HOOK_RX;
	p.end = (const __u8 *)(long)ctx->data_end;
	p.start = (const __u8 *)(long)ctx->data;
	if (!iop_frame_open(&p))
		goto pass;
	workload = iop_rx_workload(&p);
	/* What no workload names leaves by the straight way. */
	if (__builtin_expect(workload == IOP_NONE, 1))
		goto pass;
	if (iop_rx_enter(&p))
		return iop_rx_request(&p, workload);
pass:
	iop_opaque(pass); /* or a register holds it from the beginning */
	return pass;
}

#endif
