/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the twins share on the way in: from an Ethernet frame to a whole UDP
 * datagram, as one writes it by hand. Two VLAN tags, six IPv6 extension headers;
 * fragments and everything that is cut or lies about its length is not ours.
 */
#ifndef IOP_TWIN_DATAGRAM_H
#define IOP_TWIN_DATAGRAM_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_EXTENSIONS 6
#define IP4_FRAGMENT 0x3fff /* more fragments, or an offset */

/* struct ethhdr is packed, which would cost a load for each byte of the type. */
struct eth {
	__u16 destination[3], source[3];
	__be16 proto;
};

struct vlan_tag {
	__be16 tci;
	__be16 proto;
};

struct datagram {
	const void *ip;             /* struct iphdr or ipv6hdr */
	const struct udphdr *udp;
	const void *stop;           /* end of the datagram, once is_whole() has said so */
	const void *end;            /* of the frame */
	const struct vlan_tag *tag; /* the outer one, or NULL */
	int room;		   /* bytes that IP has for UDP; may be negative */
	unsigned long six;
};

/* Where UDP begins behind IPv4; NULL: not UDP, or a fragment. */
static __always_inline const void *behind_ip4(struct datagram *d)
{
	const struct iphdr *ip = d->ip;
	__u8 first;
	int size;

	if ((const void *)(ip + 1) > d->end || ip->protocol != IPPROTO_UDP)
		return NULL;
	first = *(const __u8 *)ip;
	/* Version 4 and at least 5 words are 0x45 to 0x4f. */
	if (first < 0x45 || first > 0x4f || ip->frag_off & bpf_htons(IP4_FRAGMENT))
		return NULL;
	size = (first & 15) * 4;
	d->six = false;
	d->room = bpf_ntohs(ip->tot_len) - size;
	return (const void *)ip + size;
}

static __always_inline const void *behind_ip6(struct datagram *d)
{
	const struct ipv6hdr *ip = d->ip;
	const void *at = ip + 1;
	__u8 next;

	if (at > d->end || *(const __u8 *)ip >> 4 != 6)
		return NULL;
	d->six = true;
	d->room = bpf_ntohs(ip->payload_len);
	next = ip->nexthdr;
#pragma clang loop unroll(disable)
	for (int i = 0; next != IPPROTO_UDP; i++) {
		const struct ipv6_opt_hdr *extension = at;
		int size;

		if (i == MAX_EXTENSIONS || (const void *)(extension + 1) > d->end)
			return NULL;
		if (next == IPPROTO_AH)
			size = (extension->hdrlen + 2) * 4;
		else if (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
			 next == IPPROTO_DSTOPTS)
			size = (extension->hdrlen + 1) * 8;
		else
			return NULL;
		at += size;
		d->room -= size;
		next = extension->nexthdr;
	}
	return at;
}

/* Finds the UDP header, and that it is in the frame. */
static __always_inline bool find_udp(const struct xdp_md *ctx, struct datagram *d)
{
	const struct eth *eth = (const void *)(long)ctx->data;
	const struct vlan_tag *tag = (const void *)(eth + 1);
	__be16 proto;

	d->end = (const void *)(long)ctx->data_end;
	d->tag = NULL;
	if ((const void *)tag > d->end)
		return false;
	proto = eth->proto;
	for (int i = 0; i < 2; i++) {
		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		if ((const void *)(tag + 1) > d->end)
			return false;
		if (!d->tag)
			d->tag = tag;
		proto = tag->proto;
		tag++;
	}
	d->ip = tag;
	if (proto == bpf_htons(ETH_P_IP))
		d->udp = behind_ip4(d);
	else if (proto == bpf_htons(ETH_P_IPV6))
		d->udp = behind_ip6(d);
	else
		return false;
	/* Whole registers only are remembered by the verifier when they are spilled. */
	barrier_var(d->six);
	return d->udp && (const void *)(d->udp + 1) <= d->end;
}

/* Does it lie in the frame, and are its lengths possible? */
static __always_inline bool is_whole(struct datagram *d)
{
	int length = bpf_ntohs(d->udp->len);

	d->stop = (const void *)d->udp + length;
	if (length < (int)sizeof(*d->udp) || length > d->room || d->stop > d->end)
		return false;
	/* Else LLVM would take what is before `stop` for being before `end`, too, which the
	 * verifier does not see. */
	barrier_var(d->stop);
	return true;
}

#endif
