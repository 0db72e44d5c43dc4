/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds frames from descriptions; see packet.h.
 */
#include "packet.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { NEXT_FRAGMENT = 44, NEXT_AUTH = 51, UDP = 17, TCP = 6 };

static void put16(uint8_t *b, unsigned v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static uint32_t sum(uint32_t s, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static uint8_t *room(struct frame *f, size_t n)
{
	uint8_t *b = f->bytes + f->len;

	if (n > sizeof(f->bytes) - f->len)
		abort();
	memset(b, 0, n);
	f->len += n;
	return b;
}

static void build_link(const struct frame_spec *s, struct frame *f)
{
	uint8_t *eth = room(f, 14);
	uint8_t *type = eth + 12;

	memcpy(eth, s->eth_dst, 6);
	memcpy(eth + 6, s->eth_src, 6);
	for (unsigned i = 0; i < s->n_tags; i++) {
		uint8_t *tag = room(f, 4);

		put16(type, s->tags[i].tpid);
		put16(tag, s->tags[i].tci);
		type = tag + 2;
	}
	put16(type, s->eth_type ? s->eth_type : s->version == 6 ? 0x86dd : 0x0800);
}

static uint8_t ttl_of(const struct frame_spec *s)
{
	return s->ttl_zero ? 0 : s->ttl ? s->ttl : 64;
}

static void build_ip4(const struct frame_spec *s, struct frame *f, size_t behind)
{
	size_t header = 20 + 4 * s->options;
	uint8_t *ip = room(f, header);
	unsigned version = s->version_field ? s->version_field : 4;
	unsigned ihl = s->ihl_field ? s->ihl_field : 5 + s->options;

	ip[0] = (uint8_t)(version << 4 | ihl);
	ip[1] = s->tos;
	put16(ip + 2, (unsigned)((int)(header + behind) + s->ip_len_off));
	put16(ip + 4, s->id);
	put16(ip + 6, s->fragment);
	ip[8] = ttl_of(s);
	ip[9] = s->proto ? s->proto : s->tcp ? TCP : UDP;
	memcpy(ip + 12, s->src, 4);
	memcpy(ip + 16, s->dst, 4);
	memset(ip + 20, 1, 4 * s->options); /* no-operation */
	put16(ip + 10, fold(sum(0, ip, header)));
}

static size_t extension_size(const struct frame_extension *e)
{
	if (e->kind == NEXT_FRAGMENT)
		return 8;
	return e->kind == NEXT_AUTH ? ((size_t)e->units + 2) * 4 : ((size_t)e->units + 1) * 8;
}

static void build_ip6(const struct frame_spec *s, struct frame *f, size_t behind)
{
	uint8_t *ip = room(f, 40);
	uint8_t *next = ip + 6;
	unsigned version = s->version_field ? s->version_field : 6;

	ip[0] = (uint8_t)(version << 4 | s->tos >> 4);
	ip[1] = (uint8_t)((s->tos & 15) << 4 | (s->flow >> 16 & 15));
	put16(ip + 2, s->flow & 0xffff);
	ip[7] = ttl_of(s);
	memcpy(ip + 8, s->src, 16);
	memcpy(ip + 24, s->dst, 16);
	for (unsigned i = 0; i < s->n_extensions; i++) {
		const struct frame_extension *e = &s->extensions[i];
		size_t size = extension_size(e);
		uint8_t *b = room(f, size);

		*next = e->kind;
		next = b;
		behind += size;
		b[1] = e->units;
		if (e->kind == NEXT_FRAGMENT)
			put16(b + 2, s->fragment6);
		else if (e->kind != NEXT_AUTH && size >= 8) {
			/* One padding option over all of it (PadN). */
			b[2] = 1;
			b[3] = (uint8_t)(size - 4 > 255 ? 255 : size - 4);
		}
	}
	*next = s->proto ? s->proto : s->tcp ? TCP : UDP;
	put16(ip + 4, (unsigned)((int)behind + s->ip_len_off));
}

static size_t header_size(const struct frame_spec *s)
{
	return s->tcp ? 20 + 4 * s->tcp_options : 8;
}

static uint32_t pseudo_header(const struct frame_spec *s, size_t len)
{
	uint32_t pseudo = s->version == 6 ? sum(sum(0, s->src, 16), s->dst, 16)
					  : sum(sum(0, s->src, 4), s->dst, 4);

	return pseudo + (s->tcp ? TCP : UDP) + (uint32_t)len;
}

static void put32(uint8_t *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b + 2, v & 0xffff);
}

static void build_tcp(const struct frame_spec *s, struct frame *f)
{
	size_t header = header_size(s), len = header + s->payload_len;
	uint8_t *tcp = room(f, len);
	unsigned words = s->doff_field ? s->doff_field : 5 + s->tcp_options;

	put16(tcp, s->sport);
	put16(tcp + 2, s->dport);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack_seq);
	tcp[12] = (uint8_t)(words << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->window);
	memset(tcp + 20, 1, header - 20); /* no-operation */
	memcpy(tcp + header, s->payload, s->payload_len);
	put16(tcp + 16, fold(sum(pseudo_header(s, len), tcp, len)));
}

static void build_udp(const struct frame_spec *s, struct frame *f)
{
	size_t len = 8 + s->payload_len;
	uint8_t *udp = room(f, len);
	uint16_t check;

	put16(udp, s->sport);
	put16(udp + 2, s->dport);
	put16(udp + 4, (unsigned)((int)len + s->udp_len_off));
	memcpy(udp + 8, s->payload, s->payload_len);

	check = fold(sum(pseudo_header(s, len), udp, len));
	put16(udp + 6, check ? check : 0xffff);
}

void frame_build(const struct frame_spec *s, struct frame *f)
{
	f->len = 0;
	build_link(s, f);
	f->ip = f->len;
	if (s->version == 6)
		build_ip6(s, f, header_size(s) + s->payload_len);
	else
		build_ip4(s, f, header_size(s) + s->payload_len);
	f->udp = f->len;
	f->payload = f->len + header_size(s);
	if (s->tcp)
		build_tcp(s, f);
	else
		build_udp(s, f);
	memset(room(f, s->padding), 0xa5, s->padding);
	if (s->cut && s->cut - 1 < f->len)
		f->len = s->cut - 1;
}

bool frame_addr(const char *text, uint8_t addr[16], uint8_t *version)
{
	memset(addr, 0, 16);
	*version = strchr(text, ':') ? 6 : 4;
	return inet_pton(*version == 6 ? AF_INET6 : AF_INET, text, addr) == 1;
}

struct frame_spec frame_plain(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			      const void *payload, size_t len)
{
	struct frame_spec s = { .eth_dst = { 2, 0, 0, 0, 0, 1 },
				.eth_src = { 2, 0, 0, 0, 0, 2 },
				.sport = sport,
				.dport = dport,
				.payload_len = (unsigned)len };
	uint8_t version;

	if (!frame_addr(src, s.src, &version) || !frame_addr(dst, s.dst, &s.version) ||
	    version != s.version || len > sizeof(s.payload))
		abort();
	if (len)
		memcpy(s.payload, payload, len);
	return s;
}
