/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of lang/fields.def, read from a dissected packet.
 */
#include "interp/model.h"

static struct datum number(uint64_t n)
{
	return (struct datum){ .kind = DATUM_NUMBER, .number = n };
}

static struct datum missing(void)
{
	return (struct datum){ .kind = DATUM_MISSING };
}

struct datum addr_read(const struct packet *pk, bool source)
{
	struct datum d = { .kind = DATUM_ADDR, .family = (uint8_t)pk->version };

	if (pk->version == 4) {
		d.data = pk->ip + (source ? 12 : 16);
		d.len = 4;
	} else {
		d.data = pk->ip + (source ? 8 : 24);
		d.len = 16;
	}
	return d;
}

static struct datum read_link(enum lang_field f, const struct packet *pk)
{
	unsigned tci;

	switch (f) {
	case FIELD_ETH_DST: return number(big_endian(pk->eth, 6));
	case FIELD_ETH_SRC: return number(big_endian(pk->eth + 6, 6));
	case FIELD_ETH_TYPE: return number(pk->eth_type);
	default: break;
	}

	if (!pk->vlan)
		return missing();
	tci = be16(pk->vlan);
	switch (f) {
	case FIELD_VLAN_PCP: return number(tci >> 13);
	case FIELD_VLAN_DEI: return number(tci >> 12 & 1);
	case FIELD_VLAN_ID: return number(tci & 0xfff);
	default: return missing();
	}
}

static struct datum read_ip(enum lang_field f, const struct packet *pk)
{
	unsigned class_of_traffic =
		pk->version == 4 ? pk->ip[1] : (big_endian(pk->ip, 2) >> 4 & 0xff);

	switch (f) {
	case FIELD_IP_VERSION: return number(pk->version);
	case FIELD_IP_SRC: return addr_read(pk, true);
	case FIELD_IP_DST: return addr_read(pk, false);
	case FIELD_IP_PROTO: return number(pk->proto);
	case FIELD_IP_TTL: return number(pk->version == 4 ? pk->ip[8] : pk->ip[7]);
	case FIELD_IP_DSCP: return number(class_of_traffic >> 2);
	case FIELD_IP_ECN: return number(class_of_traffic & 3);
	default: return missing();
	}
}

static struct datum read_ip4(enum lang_field f, const struct packet *pk)
{
	if (pk->version != 4)
		return missing();
	switch (f) {
	case FIELD_IP4_SRC: return addr_read(pk, true);
	case FIELD_IP4_DST: return addr_read(pk, false);
	case FIELD_IP4_ID: return number(be16(pk->ip + 4));
	case FIELD_IP4_TTL: return number(pk->ip[8]);
	case FIELD_IP4_LEN: return number(be16(pk->ip + 2));
	default: return missing();
	}
}

static struct datum read_ip6(enum lang_field f, const struct packet *pk)
{
	if (pk->version != 6)
		return missing();
	switch (f) {
	case FIELD_IP6_SRC: return addr_read(pk, true);
	case FIELD_IP6_DST: return addr_read(pk, false);
	case FIELD_IP6_HOPS: return number(pk->ip[7]);
	case FIELD_IP6_FLOW: return number(big_endian(pk->ip, 4) & 0xfffff);
	case FIELD_IP6_LEN: return number(be16(pk->ip + 4));
	default: return missing();
	}
}

static struct datum read_udp(enum lang_field f, const struct packet *pk)
{
	if (pk->proto != PROTO_UDP)
		return missing();
	switch (f) {
	case FIELD_UDP_SPORT: return number(be16(pk->l4));
	case FIELD_UDP_DPORT: return number(be16(pk->l4 + 2));
	case FIELD_UDP_LEN: return number(be16(pk->l4 + 4));
	case FIELD_UDP_CHECK: return number(be16(pk->l4 + 6));
	default: return missing();
	}
}

static struct datum read_tcp(enum lang_field f, const struct packet *pk)
{
	if (pk->proto != PROTO_TCP)
		return missing();
	switch (f) {
	case FIELD_TCP_SPORT: return number(be16(pk->l4));
	case FIELD_TCP_DPORT: return number(be16(pk->l4 + 2));
	case FIELD_TCP_SEQ: return number(big_endian(pk->l4 + 4, 4));
	case FIELD_TCP_ACK_SEQ: return number(big_endian(pk->l4 + 8, 4));
	case FIELD_TCP_FLAGS: return number(pk->l4[13]);
	case FIELD_TCP_FIN ... FIELD_TCP_CWR: return number(pk->l4[13] >> (f - FIELD_TCP_FIN) & 1);
	case FIELD_TCP_WINDOW: return number(be16(pk->l4 + 14));
	default: return missing();
	}
}

static struct datum read_payload(enum lang_field f, const struct packet *pk)
{
	if (f == FIELD_PAYLOAD_LEN)
		return number(pk->payload_len);
	return (struct datum){ .kind = DATUM_BYTES, .data = pk->payload, .len = pk->payload_len };
}

struct datum field_read(const struct field_ref *f, const struct facts *facts)
{
	const struct packet *pk = facts->packet;

	if (facts->reply)
		return f->hfield ? missing() : reply_read(f->field, pk);
	if (f->hfield)
		return hfield_read(f->hfield, facts);
	switch (f->field) {
	case FIELD_ETH_SRC ... FIELD_VLAN_DEI: return read_link(f->field, pk);
	case FIELD_IP_VERSION ... FIELD_IP_ECN: return read_ip(f->field, pk);
	case FIELD_IP4_SRC ... FIELD_IP4_LEN: return read_ip4(f->field, pk);
	case FIELD_IP6_SRC ... FIELD_IP6_LEN: return read_ip6(f->field, pk);
	case FIELD_UDP_SPORT ... FIELD_UDP_CHECK: return read_udp(f->field, pk);
	case FIELD_TCP_SPORT ... FIELD_TCP_CWR: return read_tcp(f->field, pk);
	case FIELD_PAYLOAD_LEN ... FIELD_PAYLOAD: return read_payload(f->field, pk);
	default: return missing(); /* of a protocol that no workload can match */
	}
}
