/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A test's packet as the frame that a device would receive:
 *
 *   packet udp FROM -> TO [HEADER { FIELD VALUE; … }] [payload hex|text "…"]
 *          [vlan ID] [ttl N] [dscp N];
 *   packet tcp FROM -> TO … [flags FLAG …] [seq N] [ack_seq N] [window N];
 *   packet hex "…";                      a whole frame
 *
 * Fields of a header that are not given are zero; a length that sizes a given
 * field is filled in unless it is given itself. Without `flags` a segment is one of
 * an established connection: ack, and psh where it has a payload.
 */
#include <ctype.h>

#include "sema/packet.h"

#define MIN_FRAME 14

enum { TCP_SEQ, TCP_ACK_SEQ, TCP_WINDOW, TCP_NUMBERS };

struct building {
	struct sema *s;
	const struct item *from, *to;
	const uint8_t *payload;
	uint32_t payload_len;
	bool has_payload, has_header;
	uint64_t ttl, dscp;
	bool has_ttl, has_dscp;
	uint64_t vlan[2];
	uint32_t n_vlan;
	bool tcp;
	/* of TCP */
	bool has_flags, has_numbers[TCP_NUMBERS];
	uint64_t flags, numbers[TCP_NUMBERS];
};

void packet_put(struct buffer *b, const void *data, uint32_t n)
{
	if (n > MAX_FRAME - b->n) {
		b->full = true;
		return;
	}
	memcpy(b->bytes + b->n, data, n);
	b->n += n;
}

void packet_put_be(struct buffer *b, uint64_t v, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		packet_put(b, &(uint8_t){ (uint8_t)(v >> (8 * (width - 1 - i))) }, 1);
}

static bool hex_bytes(struct sema *s, const struct item *i, const uint8_t **out, uint32_t *len)
{
	uint8_t *b = arena_alloc(s->arena, i->lo->len / 2 + 1);
	uint32_t n = 0, digits = 0;

	for (uint32_t k = 0; k < i->lo->len; k++) {
		int c = (unsigned char)i->lo->text[k];

		if (isspace(c))
			continue;
		if (!isxdigit(c)) {
			diag_error(s->diags, i->at, "`%c` is no hexadecimal digit",
				   isprint(c) ? c : '?');
			return false;
		}
		b[n] = (uint8_t)(b[n] << 4 | (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10));
		if (++digits % 2 == 0)
			n++;
	}
	if (digits % 2) {
		diag_error(s->diags, i->at, "an odd number of hexadecimal digits");
		return false;
	}
	*out = b;
	*len = n;
	return true;
}

/* The used part, in the arena. */
static const uint8_t *keep(struct sema *s, const struct buffer *b)
{
	uint8_t *copy = arena_alloc(s->arena, b->n);

	memcpy(copy, b->bytes, b->n);
	return copy;
}

static bool header_payload(struct building *p, const struct item *word, const struct phrase *sets)
{
	struct buffer b = { .n = 0 };

	if (!packet_header(p->s, word, sets, p->tcp ? PROTO_TCP : PROTO_UDP, &b))
		return false;
	p->payload = keep(p->s, &b);
	p->payload_len = b.n;
	return true;
}

/* --- frame --- */

static uint32_t sum_words(const uint8_t *p, uint32_t n, uint32_t sum)
{
	for (uint32_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (n % 2)
		sum += (uint32_t)p[n - 1] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The lowest bit first. */
static const char *const tcp_flags[8] = { "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr" };

#define TCP_FLAG_PSH 0x08u
#define TCP_FLAG_ACK 0x10u

static void tcp_header(const struct building *p, struct buffer *b)
{
	uint64_t flags = p->flags;

	if (!p->has_flags)
		flags = TCP_FLAG_ACK | (p->payload_len ? TCP_FLAG_PSH : 0);
	packet_put_be(b, p->numbers[TCP_SEQ], 4);
	packet_put_be(b, p->numbers[TCP_ACK_SEQ], 4);
	packet_put_be(b, 5u << 12 | flags, 2); /* five words, no options */
	packet_put_be(b, p->numbers[TCP_WINDOW], 2);
	packet_put_be(b, 0, 4);
}

static uint32_t transport_len(const struct building *p)
{
	return (p->tcp ? 20 : 8) + p->payload_len;
}

static void transport(const struct building *p, struct buffer *b, const uint8_t *src,
		      const uint8_t *dst, uint32_t addr_len)
{
	uint32_t at = b->n, len = transport_len(p), check_at = at + (p->tcp ? 16 : 6);

	packet_put_be(b, p->from->hi->value, 2);
	packet_put_be(b, p->to->hi->value, 2);
	if (p->tcp) {
		tcp_header(p, b);
	} else {
		packet_put_be(b, len, 2);
		packet_put_be(b, 0, 2);
	}
	packet_put(b, p->payload_len ? p->payload : (const uint8_t *)"", p->payload_len);
	if (b->full)
		return;
	uint32_t sum = sum_words(src, addr_len,
				 sum_words(dst, addr_len, (p->tcp ? PROTO_TCP : PROTO_UDP) + len));
	uint16_t check = fold(sum_words(b->bytes + at, len, sum));

	if (check == 0 && !p->tcp)
		check = 0xffff; /* RFC 768: zero means that there is none */
	b->bytes[check_at] = (uint8_t)(check >> 8);
	b->bytes[check_at + 1] = (uint8_t)check;
}

static void frame(const struct building *p, struct buffer *b)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	const struct literal *src = p->from->lo, *dst = p->to->lo;
	uint32_t len = transport_len(p);

	packet_put(b, macs, sizeof(macs));
	for (uint32_t i = 0; i < p->n_vlan; i++) {
		packet_put_be(b, i + 1 < p->n_vlan ? 0x88a8 : 0x8100, 2);
		packet_put_be(b, p->vlan[i], 2);
	}
	packet_put_be(b, src->family == 4 ? 0x0800 : 0x86dd, 2);
	if (src->family == 6) {
		packet_put_be(b, 6u << 28 | (uint32_t)p->dscp << 22, 4);
		packet_put_be(b, len, 2);
		packet_put_be(b, (p->tcp ? PROTO_TCP : PROTO_UDP) << 8 | p->ttl, 2);
		packet_put(b, src->addr, 16);
		packet_put(b, dst->addr, 16);
		transport(p, b, src->addr, dst->addr, 16);
		return;
	}
	uint32_t at = b->n;

	packet_put_be(b, 0x4500u | (uint32_t)p->dscp << 2, 2);
	packet_put_be(b, 20 + len, 2);
	packet_put_be(b, 0, 4);
	packet_put_be(b, p->ttl << 8 | (p->tcp ? PROTO_TCP : PROTO_UDP), 2);
	packet_put_be(b, 0, 2);
	packet_put(b, src->addr, 4);
	packet_put(b, dst->addr, 4);
	uint16_t check = fold(sum_words(b->bytes + at, 20, 0));

	b->bytes[at + 10] = (uint8_t)(check >> 8);
	b->bytes[at + 11] = (uint8_t)check;
	transport(p, b, src->addr, dst->addr, 4);
}

/* --- the statement --- */

static bool once(struct building *p, bool *given, const struct item *i)
{
	if (*given)
		diag_error(p->s->diags, i->at, "a packet has one %s",
			   given == &p->has_payload ? "payload" : i->path[0].text);
	return !*given && (*given = true);
}

static bool payload_option(struct building *p, const struct item *value)
{
	const struct literal *l = value->next->lo;

	p->payload = (const uint8_t *)l->text;
	p->payload_len = l->len;
	return item_is(value, "text") || hex_bytes(p->s, value->next, &p->payload, &p->payload_len);
}

static int tcp_flag(const struct item *i)
{
	for (int k = 0; i && k < 8; k++)
		if (item_is(i, tcp_flags[k]))
			return k;
	return -1;
}

/* `flags syn ack`: as many as follow. */
static bool flags_option(struct building *p, const struct item **at)
{
	const struct item *i = *at, *f = i->next;
	bool ok = once(p, &p->has_flags, i);

	if (tcp_flag(f) < 0) {
		struct diag *d = diag_error(p->s->diags, f ? f->at : i->at, "expected a flag");

		diag_help(d, "`flags syn`, `flags syn ack`, …: fin syn rst psh ack urg ece cwr");
		return false;
	}
	for (; tcp_flag(f) >= 0; f = f->next)
		p->flags |= 1u << tcp_flag(f);
	*at = f;
	return ok;
}

/* -1: not one that only a segment has. */
static int tcp_option(struct building *p, const struct item **at)
{
	static const char *const names[TCP_NUMBERS] = {
		[TCP_SEQ] = "seq", [TCP_ACK_SEQ] = "ack_seq", [TCP_WINDOW] = "window"
	};
	const struct item *i = *at;

	if (!p->tcp)
		return -1;
	if (item_is(i, "flags"))
		return flags_option(p, at);
	for (int k = 0; k < TCP_NUMBERS; k++) {
		if (!item_is(i, names[k]))
			continue;
		if (!i->next) {
			diag_error(p->s->diags, i->at, "`%s` takes a number", names[k]);
			return false;
		}
		*at = i->next->next;
		return sema_number(p->s, i->next, "this number",
				   k == TCP_WINDOW ? UINT16_MAX : UINT32_MAX, &p->numbers[k]) &&
		       once(p, &p->has_numbers[k], i);
	}
	return -1;
}

static bool option(struct building *p, const struct item **at, const struct stmt *st)
{
	struct sema *s = p->s;
	const struct item *i = *at, *value = i->next;
	uint64_t number;
	int of_tcp = tcp_option(p, at);

	if (of_tcp >= 0)
		return of_tcp;
	if (item_is(i, "payload") && value && (item_is(value, "hex") || item_is(value, "text")) &&
	    value->next && value->next->kind == ITEM_LITERAL &&
	    value->next->lo->kind == LIT_STRING) {
		*at = value->next->next;
		return once(p, &p->has_payload, i) && payload_option(p, value);
	}
	if (item_is(i, "vlan") || item_is(i, "ttl") || item_is(i, "dscp")) {
		uint64_t max = item_is(i, "vlan") ? 0xffff : item_is(i, "ttl") ? 255 : 63;

		if (!value || !sema_number(s, value, "this number", max, &number)) {
			if (!value)
				diag_error(s->diags, i->at, "`%s` takes a number", i->path[0].text);
			return false;
		}
		*at = value->next;
		if (item_is(i, "ttl")) {
			p->ttl = number;
			return once(p, &p->has_ttl, i);
		}
		if (item_is(i, "dscp")) {
			p->dscp = number;
			return once(p, &p->has_dscp, i);
		}
		if (p->n_vlan == 2) {
			diag_error(s->diags, i->at, "a packet has at most two VLAN tags");
			return false;
		} else {
			p->vlan[p->n_vlan++] = number;
		}
		return true;
	}
	if (i->kind == ITEM_WORD && !item_is(i, "payload")) {
		*at = value;
		p->has_header = true;
		return once(p, &p->has_payload, i) && header_payload(p, i, st->sets);
	}
	struct diag *d = diag_error(s->diags, i->at, "this is no part of a packet");

	diag_help(
		d,
		p->tcp ? "`payload hex \"…\"`, `payload text \"…\"`, a header `{ … }`, `flags …`, `seq N`, `ack_seq N`, `window N`, `vlan N`, `ttl N`, `dscp N`"
		       : "`payload hex \"…\"`, `payload text \"…\"`, a header `{ … }`, `vlan N`, `ttl N`, `dscp N`");
	return false;
}

static bool endpoints(struct building *p, const struct stmt *st)
{
	const struct item *i = st->phrases->items;

	p->tcp = item_is(i, "tcp");
	if (!item_is(i, "udp") && !p->tcp) {
		if (item_is(i, "icmp"))
			sema_later(p->s, i->at,
				   arena_printf(p->s->arena, "`packet %s`", i->path[0].text));
		else
			sema_unknown(p->s, &lang_protos, i);
		return false;
	}
	p->from = i->next;
	p->to = st->to ? st->to->items : NULL;
	if (!p->from || p->from->kind != ITEM_ENDPOINT || p->from->next || !p->to ||
	    p->to->kind != ITEM_ENDPOINT) {
		struct diag *d = diag_error(p->s->diags, st->at,
					    "a packet goes from an address and port to another");

		diag_help(
			d,
			"`packet udp 10.0.0.2:4000 -> 10.0.0.1:53 …`, `[fd00::2]:4000 -> [fd00::1]:53`");
		return false;
	}
	if (p->from->lo->family != p->to->lo->family) {
		diag_error(p->s->diags, p->to->at, "the addresses are of different families");
		return false;
	}
	return true;
}

bool sema_packet(struct sema *s, const struct stmt *st, const uint8_t **out, uint32_t *len)
{
	const struct item *i = st->phrases->items;
	struct building p = { .s = s, .ttl = 64, .numbers = { [TCP_WINDOW] = UINT16_MAX } };

	if (item_is(i, "hex") && i->next && i->next->kind == ITEM_LITERAL &&
	    i->next->lo->kind == LIT_STRING && !i->next->next && !st->to) {
		if (!hex_bytes(s, i->next, out, len))
			return false;
		if (*len >= MIN_FRAME && *len <= MAX_FRAME)
			return true;
		diag_error(s->diags, i->next->at,
			   "a frame has %d bytes (its Ethernet header) to %d", MIN_FRAME,
			   MAX_FRAME);
		return false;
	}
	if (!endpoints(&p, st))
		return false;
	for (i = p.to->next; i;)
		if (!option(&p, &i, st))
			return false;
	if (st->sets && !p.has_header) {
		diag_error(s->diags, st->at, "fields without the name of their header");
		return false;
	}
	struct buffer b = { .n = 0 };

	frame(&p, &b);
	if (b.full) {
		diag_error(s->diags, st->at, "a packet has at most %d bytes", MAX_FRAME);
		return false;
	}
	*out = keep(s, &b);
	*len = b.n;
	return true;
}
