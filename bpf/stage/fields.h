/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One reader a field of compiler/lang/fields.def: false if the packet has no
 * such field, else its value. The headers of a packet are complete when a
 * reader is called (iop_rx_open, iop_socket_open).
 */
#ifndef IOP_STAGE_FIELDS_H
#define IOP_STAGE_FIELDS_H

#include "stage/stage.h"

#define NUMBER(id) STAGE_FN static bool iop_field_##id(const struct iop_pkt *p, __u64 *out)
#define ADDR(id) STAGE_FN static bool iop_field_##id(const struct iop_pkt *p, struct iop_addr *out)
#define IP4(p) ((const struct iphdr *)(p)->l3)
#define IP6(p) ((const struct ipv6hdr *)(p)->l3)

static __always_inline __u64 iop_mac(const __u8 *m)
{
	const __be16 *w = (const void *)m;

	return (__u64)bpf_ntohs(w[0]) << 32 | (__u64)bpf_ntohs(w[1]) << 16 | bpf_ntohs(w[2]);
}

/* The first 32 bits of an IPv6 header: version, class, flow. */
static __always_inline __u32 iop_ip6_first(const struct iop_pkt *p)
{
	return bpf_ntohl(*(const __be32 *)p->l3);
}

static __always_inline __u32 iop_tos(const struct iop_pkt *p)
{
	return p->family == 4 ? IP4(p)->tos : iop_ip6_first(p) >> 20 & 0xff;
}

static __always_inline void iop_addr4(__be32 a, struct iop_addr *out)
{
	out->hi = 0;
	out->lo = bpf_ntohl(a);
	out->family = 4;
}

static __always_inline void iop_addr6(const struct in6_addr *a, struct iop_addr *out)
{
	const __be32 *w = a->in6_u.u6_addr32;

	out->hi = (__u64)bpf_ntohl(w[0]) << 32 | bpf_ntohl(w[1]);
	out->lo = (__u64)bpf_ntohl(w[2]) << 32 | bpf_ntohl(w[3]);
	out->family = 6;
}

NUMBER(ETH_SRC) { *out = iop_mac(p->eth->h_source); return true; }
NUMBER(ETH_DST) { *out = iop_mac(p->eth->h_dest); return true; }
NUMBER(ETH_TYPE) { *out = bpf_ntohs(p->proto); return true; }

NUMBER(VLAN_ID)
{
	if (!p->vlan)
		return false;
	*out = bpf_ntohs(p->vlan->tci) & 0xfff;
	return true;
}

NUMBER(VLAN_PCP)
{
	if (!p->vlan)
		return false;
	*out = bpf_ntohs(p->vlan->tci) >> 13;
	return true;
}

NUMBER(VLAN_DEI)
{
	if (!p->vlan)
		return false;
	*out = bpf_ntohs(p->vlan->tci) >> 12 & 1;
	return true;
}

NUMBER(IP_VERSION) { *out = p->family; return true; }
NUMBER(IP_PROTO) { *out = IPPROTO_UDP; return true; }
NUMBER(IP_DSCP) { *out = iop_tos(p) >> 2; return true; }
NUMBER(IP_ECN) { *out = iop_tos(p) & 3; return true; }

NUMBER(IP_TTL)
{
	*out = p->family == 4 ? IP4(p)->ttl : IP6(p)->hop_limit;
	return true;
}

ADDR(IP_SRC)
{
	if (p->family == 4)
		iop_addr4(IP4(p)->saddr, out);
	else
		iop_addr6(&IP6(p)->saddr, out);
	return true;
}

ADDR(IP_DST)
{
	if (p->family == 4)
		iop_addr4(IP4(p)->daddr, out);
	else
		iop_addr6(&IP6(p)->daddr, out);
	return true;
}

#define IF_FAMILY(n, statement)     \
	{                           \
		if (p->family != n) \
			return false; \
		statement;          \
		return true;        \
	}

ADDR(IP4_SRC) IF_FAMILY(4, iop_addr4(IP4(p)->saddr, out))
ADDR(IP4_DST) IF_FAMILY(4, iop_addr4(IP4(p)->daddr, out))
NUMBER(IP4_ID) IF_FAMILY(4, *out = bpf_ntohs(IP4(p)->id))
NUMBER(IP4_TTL) IF_FAMILY(4, *out = IP4(p)->ttl)
NUMBER(IP4_LEN) IF_FAMILY(4, *out = bpf_ntohs(IP4(p)->tot_len))
ADDR(IP6_SRC) IF_FAMILY(6, iop_addr6(&IP6(p)->saddr, out))
ADDR(IP6_DST) IF_FAMILY(6, iop_addr6(&IP6(p)->daddr, out))
NUMBER(IP6_HOPS) IF_FAMILY(6, *out = IP6(p)->hop_limit)
NUMBER(IP6_FLOW) IF_FAMILY(6, *out = iop_ip6_first(p) & 0xfffff)
NUMBER(IP6_LEN) IF_FAMILY(6, *out = bpf_ntohs(IP6(p)->payload_len))

NUMBER(UDP_SPORT) { *out = bpf_ntohs(p->udp->source); return true; }
NUMBER(UDP_DPORT) { *out = bpf_ntohs(p->udp->dest); return true; }
NUMBER(UDP_LEN) { *out = bpf_ntohs(p->udp->len); return true; }
NUMBER(UDP_CHECK) { *out = bpf_ntohs(p->udp->check); return true; }
NUMBER(PAYLOAD_LEN) { *out = p->payload_len; return true; }

#undef NUMBER
#undef ADDR

/*
 * Bytes of the payload, `at` bytes behind its start. False if the payload does
 * not hold them. The second check is for the verifier: iop_rx_enter() has made
 * sure that the packet holds what the UDP header says.
 */
#define PAYLOAD_NUMBER(bits, order)                                                          \
	STAGE_FN static bool iop_payload_##order##bits(const struct iop_pkt *p, __u64 at,       \
						       __u64 *out)                              \
	{                                                                                     \
		const __u8 *from = p->payload + at;                                           \
                                                                                              \
		if (at + bits / 8 > p->payload_len)                                           \
			return false;                                                         \
		iop_apart();                                                                  \
		if (from + bits / 8 > p->end)                                                 \
			return false;                                                         \
		*out = IOP_##order##bits(*(const __u##bits *)from);                           \
		return true;                                                                  \
	}
#define IOP_be8(x) (x)
#define IOP_be16(x) bpf_ntohs(x)
#define IOP_be32(x) bpf_ntohl(x)
#define IOP_be64(x) bpf_be64_to_cpu(x)
#define IOP_le16(x) __bpf_le16_to_cpu(x)
#define IOP_le32(x) __bpf_le32_to_cpu(x)
#define IOP_le64(x) __bpf_le64_to_cpu(x)
#define __bpf_le16_to_cpu(x) (x)
#define __bpf_le32_to_cpu(x) (x)
#define __bpf_le64_to_cpu(x) (x)
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "little-endian numbers of a payload are read as they are: add the swaps for this target"
#endif

PAYLOAD_NUMBER(8, be)
PAYLOAD_NUMBER(16, be)
PAYLOAD_NUMBER(32, be)
PAYLOAD_NUMBER(64, be)
PAYLOAD_NUMBER(16, le)
PAYLOAD_NUMBER(32, le)
PAYLOAD_NUMBER(64, le)

/* The same for `n` bytes that are compared or searched; NULL if they are not held. */
STAGE_FN static const __u8 *iop_payload_at(const struct iop_pkt *p, __u64 at, __u64 n)
{
	const __u8 *from = p->payload + at;

	if (at + n > p->payload_len)
		return NULL;
	iop_apart();
	return from + n > p->end ? NULL : from;
}

STAGE_FN static __u64 iop_payload_len(const struct iop_pkt *p)
{
	return p->payload_len;
}

#endif
