/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes to a datagram or a segment. What is not one, whole and in one piece, is of no
 * workload; each `return false` is one of the ways in which that can be.
 */
#include "interp/model.h"

#include <string.h>

enum {
	ETH_BYTES = 14,
	VLAN_BYTES = 4,
	VLAN_TAGS_MAX = 2,
	IP4_BYTES = 20,
	IP6_BYTES = 40,
	UDP_BYTES = 8,
	TCP_BYTES = 20,
	EXTENSIONS_MAX = 6,

	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,

	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTH = 51,
	NEXT_DESTINATION = 60,
	FRAGMENT_BYTES = 8,

	IP4_MORE_FRAGMENTS = 0x2000,
	IP4_FRAGMENT_OFFSET = 0x1fff,
};

/* What is left of the frame; every step takes from its front. */
struct rest {
	const uint8_t *at;
	size_t n;
	bool headers; /* are all that is wanted: no length is asked for what it says */
};

/* The first `n` bytes, or NULL if there are fewer. */
static const uint8_t *take(struct rest *r, size_t n)
{
	const uint8_t *b = r->at;

	if (r->n < n)
		return NULL;
	r->at += n;
	r->n -= n;
	return b;
}

static bool dissect_link(struct rest *r, struct packet *pk)
{
	pk->eth = take(r, ETH_BYTES);
	if (!pk->eth)
		return false;
	pk->eth_type = be16(pk->eth + 12);

	for (int tags = 0; tags < VLAN_TAGS_MAX; tags++) {
		const uint8_t *tag;

		if (pk->eth_type != TYPE_VLAN && pk->eth_type != TYPE_QINQ)
			break;
		tag = take(r, VLAN_BYTES);
		if (!tag)
			return false;
		if (!pk->vlan)
			pk->vlan = tag;
		pk->eth_type = be16(tag + 2);
	}
	return true;
}

static bool is_known(enum lang_proto proto)
{
	return proto == PROTO_UDP || proto == PROTO_TCP;
}

/* `room`: bytes that IP has for what it carries. */
static bool dissect_ip4(struct rest *r, bool reassembled, struct packet *pk, uint32_t *room)
{
	uint32_t header, fragment;

	if (r->n < IP4_BYTES)
		return false;
	pk->version = 4;
	pk->ip = r->at;
	header = (uint32_t)(pk->ip[0] & 15) * 4;
	if (pk->ip[0] >> 4 != 4 || header < IP4_BYTES || !take(r, header))
		return false;

	pk->ip_len = be16(pk->ip + 2);
	if (pk->ip_len < header && !r->headers)
		return false;
	*room = pk->ip_len - header;

	fragment = be16(pk->ip + 6) & (IP4_MORE_FRAGMENTS | IP4_FRAGMENT_OFFSET);
	pk->proto = pk->ip[9];
	return (!fragment || reassembled) && is_known(pk->proto);
}

/* Walks the extension headers; what is behind them is UDP or TCP if this is true. */
static bool walk_extensions(struct rest *r, bool reassembled, struct packet *pk, uint32_t *room)
{
	uint8_t next = pk->ip[6];

	for (int i = 0; i <= EXTENSIONS_MAX; i++) {
		uint32_t size;

		if (is_known(next)) {
			pk->proto = next;
			return true;
		}
		if (i == EXTENSIONS_MAX || r->n < 2)
			return false;

		if (next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION)
			size = ((uint32_t)r->at[1] + 1) * 8;
		else if (next == NEXT_AUTH)
			size = ((uint32_t)r->at[1] + 2) * 4;
		else if (next == NEXT_FRAGMENT && reassembled)
			size = FRAGMENT_BYTES;
		else
			return false;

		next = r->at[0];
		if (!take(r, size) || size > *room)
			return false;
		*room -= size;
	}
	return false;
}

static bool dissect_ip6(struct rest *r, bool reassembled, struct packet *pk, uint32_t *room)
{
	pk->version = 6;
	pk->ip = take(r, IP6_BYTES);
	if (!pk->ip || pk->ip[0] >> 4 != 6)
		return false;
	*room = be16(pk->ip + 4);
	pk->ip_len = IP6_BYTES + *room;
	if (r->headers)
		*room = UINT32_MAX;
	return walk_extensions(r, reassembled, pk, room);
}

static bool dissect_udp(struct rest *r, uint32_t room, struct packet *pk)
{
	uint32_t len;

	pk->l4 = r->at;
	if (!take(r, UDP_BYTES))
		return false;
	len = be16(pk->l4 + 4);
	if (len < UDP_BYTES || len > room || len - UDP_BYTES > r->n)
		return false;
	pk->payload = r->at;
	pk->payload_len = len - UDP_BYTES;
	return true;
}

/* Its length is what IP has room for; its header says itself how long it is. */
static bool dissect_tcp(struct rest *r, uint32_t room, struct packet *pk)
{
	uint32_t header;

	pk->l4 = r->at;
	if (r->n < TCP_BYTES || room > r->n)
		return false;
	header = (uint32_t)(pk->l4[12] >> 4) * 4;
	if (header < TCP_BYTES || header > room || !take(r, header))
		return false;
	pk->payload = r->at;
	pk->payload_len = room - header;
	return true;
}

/* Up to what IP carries. */
static bool dissect_ip(struct rest *r, bool reassembled, struct packet *pk, uint32_t *room)
{
	memset(pk, 0, sizeof(*pk));
	if (!dissect_link(r, pk))
		return false;
	if (pk->eth_type == TYPE_IP4)
		return dissect_ip4(r, reassembled, pk, room);
	return pk->eth_type == TYPE_IP6 && dissect_ip6(r, reassembled, pk, room);
}

bool dissect_headers(const uint8_t *frame, size_t len, struct packet *pk)
{
	struct rest r = { .at = frame, .n = len, .headers = true };
	uint32_t room;

	if (!dissect_ip(&r, false, pk, &room))
		return false;
	pk->l4 = r.at;
	return take(&r, UDP_BYTES) != NULL;
}

bool dissect(const uint8_t *frame, size_t len, bool reassembled, struct packet *pk)
{
	struct rest r = { .at = frame, .n = len };
	uint32_t room;

	if (!dissect_ip(&r, reassembled, pk, &room))
		return false;
	return pk->proto == PROTO_TCP ? dissect_tcp(&r, room, pk) : dissect_udp(&r, room, pk);
}
