/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One reader a field of compiler/lang/fields.def: false if the packet has no
 * such field, else its value. The headers of a packet are complete when a
 * reader is called (iop_rx_open, iop_socket_open).
 */
#ifndef IOP_STAGE_FIELDS_H
#define IOP_STAGE_FIELDS_H

#include "stage/stage.h"

/* A number that LLVM does not take apart again: a comparison of it stays one. */
STAGE_FN static __u64 iop_whole(__u64 n)
{
	iop_opaque(n);
	return n;
}

#define NUMBER(id) STAGE_FN static bool iop_field_##id(const struct iop_pkt *p, __u64 *out)
#define ADDR(id) STAGE_FN static bool iop_field_##id(const struct iop_pkt *p, struct iop_addr *out)
#define V4(member) offsetof(struct iphdr, member)
#define V6(member) offsetof(struct ipv6hdr, member)

/* On the way out a field is that of the request, whose source is the reply's destination. */
#define IOP_SRC4 (p->hook == IOP_HOOK_TX ? V4(daddr) : V4(saddr))
#define IOP_DST4 (p->hook == IOP_HOOK_TX ? V4(saddr) : V4(daddr))
#define IOP_SRC6 (p->hook == IOP_HOOK_TX ? V6(daddr) : V6(saddr))
#define IOP_DST6 (p->hook == IOP_HOOK_TX ? V6(saddr) : V6(daddr))
#define IOP_SPORT (p->hook == IOP_HOOK_TX ? p->udp->dest : p->udp->source)
#define IOP_DPORT (p->hook == IOP_HOOK_TX ? p->udp->source : p->udp->dest)

/* A number of the IP header, as it lies there. The socket stage's packet begins behind that
 * header; a helper still gets at it (and writes zeroes should it fail). */
#define IP_NUMBER(bits)                                                                       \
	static __always_inline __u##bits iop_ip##bits(const struct iop_pkt *p, __u32 at)      \
	{                                                                                     \
		__u##bits v;                                                                  \
                                                                                              \
		if (p->hook != IOP_HOOK_SOCKET)                                                                \
			return *(const __u##bits *)(p->l3 + at);                              \
		bpf_skb_load_bytes_relative(p->ctx, at, &v, sizeof(v), BPF_HDR_START_NET);    \
		return v;                                                                     \
	}
IP_NUMBER(8)
IP_NUMBER(16)
IP_NUMBER(32)
#undef IP_NUMBER

static __always_inline __u64 iop_mac(const __u8 *m)
{
	const __be16 *w = (const void *)m;

	return (__u64)bpf_ntohs(w[0]) << 32 | (__u64)bpf_ntohs(w[1]) << 16 | bpf_ntohs(w[2]);
}

/* 4 or 6. The socket stage asks where it needs to know. */
static __always_inline __u64 iop_family(const struct iop_pkt *p)
{
	const struct sk_reuseport_md *ctx = p->ctx;

	if (p->hook != IOP_HOOK_SOCKET)
		return p->family;
	return ctx->eth_protocol == bpf_htons(ETH_P_IP) ? 4 : 6;
}

/* Traffic class of either family. */
static __always_inline __u32 iop_tos(const struct iop_pkt *p)
{
	return iop_family(p) == 4 ? iop_ip8(p, V4(tos)) : bpf_ntohl(iop_ip32(p, 0)) >> 20 & 0xff;
}

static __always_inline void iop_addr4(const struct iop_pkt *p, __u32 at, struct iop_addr *out)
{
	out->hi = 0;
	out->lo = iop_ip32(p, at);
	out->family = 4;
}

static __always_inline void iop_addr6(const struct iop_pkt *p, __u32 at, struct iop_addr *out)
{
	__u64 words[2];

	if (p->hook != IOP_HOOK_SOCKET) {
		const __u64 *w = p->l3 + at;

		words[0] = w[0];
		words[1] = w[1];
	} else {
		bpf_skb_load_bytes_relative(p->ctx, at, words, sizeof(words), BPF_HDR_START_NET);
	}
	out->hi = words[0];
	out->lo = words[1];
	out->family = 6;
}

NUMBER(ETH_SRC)
{
	if (p->start + ETH_HLEN > p->end)
		return false; /* never */
	*out = iop_mac(p->start + ETH_ALEN);
	return true;
}

NUMBER(ETH_DST)
{
	if (p->start + ETH_HLEN > p->end)
		return false; /* never */
	*out = iop_mac(p->start);
	return true;
}

/* Of what stands behind the tags. */
NUMBER(ETH_TYPE) { *out = iop_family(p) == 4 ? ETH_P_IP : ETH_P_IPV6; return true; }

/* The two bytes before what they are about, behind a tag as behind the Ethernet header. */
static __always_inline __be16 iop_ether_type(const void *behind)
{
	return *(const __be16 *)(behind - sizeof(__be16));
}

static __always_inline bool iop_is_tag(__be16 type)
{
	if (type == bpf_htons(ETH_P_8021Q))
		return true;
	iop_apart();
	return type == bpf_htons(ETH_P_8021AD);
}

/* The outer tag's control information; false: the frame has no tag. */
static __always_inline bool iop_tci(const struct iop_pkt *p, __u32 *out)
{
	const struct iop_vlan *tag = (const void *)(p->start + ETH_HLEN);

	if ((const __u8 *)(tag + 1) > p->end || !iop_is_tag(iop_ether_type(tag)))
		return false;
	*out = bpf_ntohs(tag->tci);
	return true;
}

#define TAG(id, expression)               \
	NUMBER(id)                        \
	{                                 \
		__u32 tci;                \
                                          \
		if (!iop_tci(p, &tci))    \
			return false;     \
		*out = expression;        \
		return true;              \
	}
TAG(VLAN_ID, tci & 0xfff)
TAG(VLAN_PCP, tci >> 13)
TAG(VLAN_DEI, tci >> 12 & 1)
#undef TAG

NUMBER(IP_VERSION) { *out = iop_family(p); return true; }
NUMBER(IP_PROTO) { *out = iop_is_tcp(p) ? IPPROTO_TCP : IPPROTO_UDP; return true; }
NUMBER(IP_DSCP) { *out = iop_tos(p) >> 2; return true; }
NUMBER(IP_ECN) { *out = iop_tos(p) & 3; return true; }

NUMBER(IP_TTL)
{
	*out = iop_ip8(p, iop_family(p) == 4 ? V4(ttl) : V6(hop_limit));
	return true;
}

/* Addresses are all that sk_lookup tells, beside the ports. */
static __always_inline void iop_lookup_addr(const struct iop_pkt *p, bool source,
					    struct iop_addr *out)
{
	const struct bpf_sk_lookup *ctx = p->ctx;

	out->family = (__u32)p->family;
	out->hi = 0;
	if (p->family == 4) {
		out->lo = source ? ctx->remote_ip4 : ctx->local_ip4;
	} else if (source) {
		out->hi = (__u64)ctx->remote_ip6[1] << 32 | ctx->remote_ip6[0];
		out->lo = (__u64)ctx->remote_ip6[3] << 32 | ctx->remote_ip6[2];
	} else {
		out->hi = (__u64)ctx->local_ip6[1] << 32 | ctx->local_ip6[0];
		out->lo = (__u64)ctx->local_ip6[3] << 32 | ctx->local_ip6[2];
	}
}

ADDR(IP_SRC)
{
	if (p->hook == IOP_HOOK_LOOKUP) {
		iop_lookup_addr(p, true, out);
		return true;
	}
	if (iop_family(p) == 4)
		iop_addr4(p, IOP_SRC4, out);
	else
		iop_addr6(p, IOP_SRC6, out);
	return true;
}

ADDR(IP_DST)
{
	if (p->hook == IOP_HOOK_LOOKUP) {
		iop_lookup_addr(p, false, out);
		return true;
	}
	if (iop_family(p) == 4)
		iop_addr4(p, IOP_DST4, out);
	else
		iop_addr6(p, IOP_DST6, out);
	return true;
}

#define IF_FAMILY(n, statement)     \
	{                           \
		if (iop_family(p) != n) \
			return false; \
		statement;          \
		return true;        \
	}

ADDR(IP4_SRC) IF_FAMILY(4, iop_addr4(p, IOP_SRC4, out))
ADDR(IP4_DST) IF_FAMILY(4, iop_addr4(p, IOP_DST4, out))
NUMBER(IP4_ID) IF_FAMILY(4, *out = bpf_ntohs(iop_ip16(p, V4(id))))
NUMBER(IP4_TTL) IF_FAMILY(4, *out = iop_ip8(p, V4(ttl)))
NUMBER(IP4_LEN) IF_FAMILY(4, *out = bpf_ntohs(iop_ip16(p, V4(tot_len))))
ADDR(IP6_SRC) IF_FAMILY(6, iop_addr6(p, IOP_SRC6, out))
ADDR(IP6_DST) IF_FAMILY(6, iop_addr6(p, IOP_DST6, out))
NUMBER(IP6_HOPS) IF_FAMILY(6, *out = iop_ip8(p, V6(hop_limit)))
NUMBER(IP6_FLOW) IF_FAMILY(6, *out = bpf_ntohl(iop_ip32(p, 0)) & 0xfffff)
NUMBER(IP6_LEN) IF_FAMILY(6, *out = bpf_ntohs(iop_ip16(p, V6(payload_len))))

#define IF(condition, statement) \
	{                        \
		if (!(condition)) \
			return false; \
		statement;       \
		return true;     \
	}
/*
 * The TCP header; false if it is a datagram's. In a program that knows both, LLVM asks for the
 * protocol in ways that the verifier cannot follow, and so it loses what iop_rx_enter() has
 * checked: it is checked once more, at a pointer that LLVM does not know.
 */
static __always_inline bool iop_tcp(const struct iop_pkt *p, const struct tcphdr **out)
{
	const struct tcphdr *tcp = (const void *)p->udp;

	if (!iop_is_tcp(p))
		return false;
	if (iop_protos(p) != IOP_TCP) {
		iop_opaque(tcp);
		if ((const __u8 *)(tcp + 1) > p->end)
			return false;
	}
	*out = tcp;
	return true;
}

#define IF_UDP(statement) IF(!iop_is_tcp(p), statement)
#define IF_TCP(statement)                                             \
	{                                                             \
		const struct tcphdr *tcp;                             \
		if (!iop_tcp(p, &tcp))                                \
			return false;                                 \
		statement;                                            \
		return true;                                          \
	}
/* Bits of the byte that tcp.flags is. */
#define TCP_FLAGS(tcp) (((const __u8 *)(tcp))[13])

NUMBER(UDP_SPORT) IF_UDP(*out = bpf_ntohs(IOP_SPORT))
NUMBER(UDP_DPORT) IF_UDP(*out = bpf_ntohs(IOP_DPORT))
/* Opaque: iop_rx_enter() held the length against the packet's end, so that of a datagram that is
 * longer than a number LLVM would know which bytes are there, and leave out the verifier's check. */
NUMBER(UDP_LEN) IF_UDP(*out = iop_whole(bpf_ntohs(p->udp->len)))
NUMBER(UDP_CHECK) IF_UDP(*out = bpf_ntohs(p->udp->check))
NUMBER(TCP_SPORT) IF(iop_is_tcp(p), *out = bpf_ntohs(IOP_SPORT))
NUMBER(TCP_DPORT) IF(iop_is_tcp(p), *out = bpf_ntohs(IOP_DPORT))
NUMBER(TCP_SEQ) IF_TCP(*out = bpf_ntohl(tcp->seq))
NUMBER(TCP_ACK_SEQ) IF_TCP(*out = bpf_ntohl(tcp->ack_seq))
NUMBER(TCP_WINDOW) IF_TCP(*out = bpf_ntohs(tcp->window))
NUMBER(TCP_FLAGS) IF_TCP(*out = TCP_FLAGS(tcp))
NUMBER(TCP_FIN) IF_TCP(*out = TCP_FLAGS(tcp) & 1)
NUMBER(TCP_SYN) IF_TCP(*out = TCP_FLAGS(tcp) >> 1 & 1)
NUMBER(TCP_RST) IF_TCP(*out = TCP_FLAGS(tcp) >> 2 & 1)
NUMBER(TCP_PSH) IF_TCP(*out = TCP_FLAGS(tcp) >> 3 & 1)
NUMBER(TCP_ACK) IF_TCP(*out = TCP_FLAGS(tcp) >> 4 & 1)
NUMBER(TCP_URG) IF_TCP(*out = TCP_FLAGS(tcp) >> 5 & 1)
NUMBER(TCP_ECE) IF_TCP(*out = TCP_FLAGS(tcp) >> 6 & 1)
NUMBER(TCP_CWR) IF_TCP(*out = TCP_FLAGS(tcp) >> 7 & 1)
#undef TCP_FLAGS
#undef IF_TCP
#undef IF_UDP
#undef IF
NUMBER(PAYLOAD_LEN) { *out = p->payload_len; return true; }

#undef NUMBER
#undef ADDR

/* The destination's port; in a program that knows both protocols 65,536 more for TCP, so that
 * one number tells workloads apart. */
STAGE_FN static __u64 iop_dport(const struct iop_pkt *p)
{
	const struct bpf_sk_lookup *asked = p->ctx;
	__u64 port = p->hook == IOP_HOOK_LOOKUP ? asked->local_port : bpf_ntohs(IOP_DPORT);

	if (iop_protos(p) == (IOP_UDP | IOP_TCP) && iop_is_tcp(p))
		port += 1 << 16;
	return port;
}

/* Both ports as one number: source << 16 | destination. */
STAGE_FN static __u64 iop_ports(const struct iop_pkt *p)
{
	__u32 ports = bpf_ntohl(*(const __be32 *)p->udp);

	return p->hook == IOP_HOOK_TX ? ports << 16 | ports >> 16 : ports;
}

/*
 * Bytes of the payload, `at` bytes behind its start; false if the datagram ends before them.
 *
 * The second check is for the verifier: iop_rx_enter() has made sure that the
 * packet holds what the UDP header says. LLVM could conclude that, too, from
 * checks that the verifier cannot put together; so it is not shown where a
 * pointer comes from unless its distance is a constant.
 */
static __always_inline const __u8 *iop_behind(const struct iop_pkt *p, __u64 at, __u64 n)
{
	const __u8 *behind = p->payload + n + at;

	if (!__builtin_constant_p(at))
		iop_opaque(behind);
	return behind;
}

#define PAYLOAD_NUMBER(bits, order)                                                          \
	/* Inside of a walk: whoever needs what it finds asks whether it lies in the datagram. */ \
	STAGE_FN static bool iop_packet_##order##bits(const struct iop_pkt *p, __u64 at,      \
						      __u64 *out)                             \
	{                                                                                     \
		const __u8 *behind = iop_behind(p, at, bits / 8);                             \
                                                                                              \
		if (behind > p->end)                                                          \
			return false;                                                         \
		*out = IOP_##order##bits(*(const __u##bits *)(behind - bits / 8));            \
		return true;                                                                  \
	}                                                                                     \
	STAGE_FN static bool iop_payload_##order##bits(const struct iop_pkt *p, __u64 at,     \
						       __u64 *out)                            \
	{                                                                                     \
		const __u8 *behind = iop_behind(p, at, bits / 8);                             \
                                                                                              \
		if (behind > p->stop)                                                         \
			return false;                                                         \
		iop_apart();                                                                  \
		if (behind > p->end)                                                          \
			return false;                                                         \
		*out = IOP_##order##bits(*(const __u##bits *)(behind - bits / 8));            \
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

/* `n` bytes that are compared or searched, known to lie in the datagram, or asked for that by
 * the caller; false if the packet does not hold them. */
STAGE_FN static bool iop_packet_at(const struct iop_pkt *p, __u64 at, __u64 n, const __u8 **out)
{
	const __u8 *behind = iop_behind(p, at, n);

	if (behind > p->end)
		return false;
	*out = behind - n;
	return true;
}

/* A number as a loop sees it: see iop_copy(). */
STAGE_FN static __u64 iop_fork(__u64 n)
{
	iop_copy(n);
	return n;
}

/*
 * A position behind a loop. For the verifier it is another constant after each
 * iteration; through a stack slot whose value it does not follow (a part of 8
 * bytes, not their beginning) it becomes one number below 65,536, and what
 * follows is verified once.
 */
STAGE_FN static __u64 iop_forget(__u64 n)
{
	volatile struct {
		__u16 unused, n;
		__u32 fill;
	} __attribute__((aligned(8))) slot;

	slot.n = (__u16)n;
	return slot.n;
}

STAGE_FN static __u64 iop_payload_len(const struct iop_pkt *p)
{
	return p->payload_len;
}

/* --- many workloads, told by port and address (compiler/emit/places.c) --- */

/* The number that is looked for; of IPv6 one that is never found. */
STAGE_FN static __u64 iop_place(const struct iop_addr *a, __u64 port)
{
	return a->family == 4 ? port << 32 | bpf_ntohl((__u32)a->lo) : 0;
}

/* `half` further if what stands there is not behind the key. Without a branch, which would double
 * what the verifier looks at; no number has its uppermost bit set. */
STAGE_FN static __u64 iop_halve(const __u64 *sorted, __u64 base, __u64 half, __u64 key)
{
	__s64 less = (__s64)(key - sorted[base + half]);

	iop_opaque(less);
	less >>= 63;
	iop_opaque(less);
	return base + (half & ~(__u64)less);
}

/* --- large sets (abi/set.h) --- */

/* Of an address of IPv4, `hi` is nothing, and `lo` its four bytes. */
STAGE_FN static bool iop_in_set(void *set, const struct iop_addr *a)
{
	bool v4 = a->family == 4;
	__u64 key[3];

	key[0] = v4 ? 4ULL << 32 | 64 : 6ULL << 32 | 160;
	key[1] = v4 ? a->lo : a->hi;
	key[2] = v4 ? 0 : a->lo;
	return bpf_map_lookup_elem(set, key) != NULL;
}

STAGE_FN static bool iop_in_numbers(void *set, __u64 n)
{
	__u64 key[3] = { 6ULL << 32 | 96, bpf_cpu_to_be64(n), 0 };

	return bpf_map_lookup_elem(set, key) != NULL;
}

/* `i` is below the number of bits. */
STAGE_FN static bool iop_in_bits(const __u8 *bits, __u64 i)
{
	__u64 at = i >> 3;

	return bits[at] >> (i & 7) & 1;
}

#endif
