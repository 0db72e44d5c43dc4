/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way from the wire to the payload: what a workload's match and a class's
 * condition ask for, and everything that can be wrong with it.
 */
#include "make_packet.h"

#include <string.h>

void packet_maker_init(struct packet_maker *m, struct arena *a, const struct policy *p)
{
	m->policy = p;
	m->hints = arena_alloc(a, (p->n_workloads + 1) * sizeof(*m->hints));
	for (uint32_t i = 0; i < p->n_workloads; i++)
		hints_of(a, p->workloads[i], &m->hints[i]);
}

struct making {
	const struct hints *hints;
	struct rng *r;
	const struct workload *workload;
	const struct match *match;
	const struct class *class;
	struct frame_spec *s;
};

/* --- addresses --- */

static void any_addr(struct rng *r, unsigned version, uint8_t *a)
{
	unsigned bytes = version == 4 ? 4 : 16;

	memset(a, 0, 16);
	a[0] = version == 4 ? 10 : 0xfd;
	a[bytes / 2] = (uint8_t)rng_below(r, 3);
	a[bytes - 1] = (uint8_t)rng_below(r, 4);
}

/* In the prefix: its first or last address or any; sometimes just outside. */
static void addr_of_prefix(struct rng *r, const struct prefix *p, uint8_t *a)
{
	unsigned bits = p->family == 4 ? 32 : 128;
	uint32_t which = rng_below(r, 100);

	memcpy(a, p->addr, 16);
	for (unsigned b = p->len; b < bits; b++) {
		bool set = which < 30 || (which < 70 && rng_percent(r, 50));

		if (set)
			a[b / 8] |= (uint8_t)(0x80 >> b % 8);
	}
	if (p->len && rng_percent(r, 20)) {
		unsigned b = rng_percent(r, 60) ? p->len - 1u : rng_below(r, p->len);

		a[b / 8] ^= (uint8_t)(0x80 >> b % 8);
	}
}

static const struct prefix *pick_prefix(const struct making *m, const struct prefix *list,
					uint32_t n, bool source)
{
	static const struct field_ref fields[2][3] = {
		{ { .field = FIELD_IP_DST },
		  { .field = FIELD_IP4_DST },
		  { .field = FIELD_IP6_DST } },
		{ { .field = FIELD_IP_SRC },
		  { .field = FIELD_IP4_SRC },
		  { .field = FIELD_IP6_SRC } },
	};
	const struct hint *h;

	if (n && rng_percent(m->r, 70))
		return &list[rng_below(m->r, n)];
	h = hint_pick(m->hints, m->r, &fields[source][rng_below(m->r, 3)], HINT_PREFIX, m->class);
	return h && rng_percent(m->r, 85) ? &h->prefix : NULL;
}

static void make_addresses(struct making *m)
{
	struct frame_spec *s = m->s;
	const struct prefix *to = pick_prefix(m, m->match->to, m->match->n_to, false);
	const struct prefix *from = pick_prefix(m, m->match->from, m->match->n_from, true);
	unsigned version = rng_percent(m->r, 60) ? 4 : 6;

	if (to && (!from || rng_percent(m->r, 50)))
		version = to->family;
	else if (from)
		version = from->family;
	s->version = (uint8_t)version;
	if (to && to->family == version)
		addr_of_prefix(m->r, to, s->dst);
	else
		any_addr(m->r, version, s->dst);
	if (from && from->family == version)
		addr_of_prefix(m->r, from, s->src);
	else
		any_addr(m->r, version, s->src);
}

/* --- numbers --- */

static uint64_t number(struct making *m, enum lang_field f)
{
	struct field_ref ref = { .field = f };

	return hint_number(m->hints, m->r, &ref, lang_fields[f].bits, m->class);
}

/* The value of a field that has two names. */
static uint64_t number_of(struct making *m, enum lang_field a, enum lang_field b)
{
	return number(m, rng_percent(m->r, 50) ? a : b);
}

static uint16_t make_port(struct making *m)
{
	const struct match *match = m->match;
	struct range *p = &match->ports[rng_below(m->r, match->n_ports ? match->n_ports : 1)];
	uint32_t which = rng_below(m->r, 100);

	if (!match->n_ports)
		return (uint16_t)number(m, m->s->tcp ? FIELD_TCP_DPORT : FIELD_UDP_DPORT);
	if (which < 40)
		return (uint16_t)p->lo;
	if (which < 60)
		return (uint16_t)p->hi;
	if (which < 88)
		return (uint16_t)rng_in(m->r, (uint32_t)p->lo, (uint32_t)p->hi);
	if (which < 93)
		return (uint16_t)number(m, m->s->tcp ? FIELD_TCP_DPORT : FIELD_UDP_DPORT);
	return (uint16_t)(which < 97 ? p->lo - 1 : p->hi + 1);
}

static void make_segment(struct making *m)
{
	struct frame_spec *s = m->s;

	s->seq = (uint32_t)number(m, FIELD_TCP_SEQ);
	s->ack_seq = (uint32_t)number(m, FIELD_TCP_ACK_SEQ);
	s->window = (uint16_t)number(m, FIELD_TCP_WINDOW);
	s->flags = (uint8_t)number(m, FIELD_TCP_FLAGS);
	for (int f = FIELD_TCP_FIN; f <= FIELD_TCP_CWR; f++) {
		uint8_t bit = (uint8_t)(1u << (f - FIELD_TCP_FIN));

		if (rng_percent(m->r, 50))
			s->flags = (uint8_t)((s->flags & ~bit) | (number(m, f) ? bit : 0));
	}
	if (rng_percent(m->r, 50))
		s->tcp_options = rng_in(m->r, 1, 10);
}

static void make_numbers(struct making *m)
{
	struct frame_spec *s = m->s;
	uint64_t dst = number(m, FIELD_ETH_DST), src = number(m, FIELD_ETH_SRC);

	for (int i = 0; i < 6; i++) {
		s->eth_dst[i] = (uint8_t)(dst >> (40 - 8 * i));
		s->eth_src[i] = (uint8_t)(src >> (40 - 8 * i));
	}
	s->tos = (uint8_t)(number(m, FIELD_IP_DSCP) << 2 | number(m, FIELD_IP_ECN));
	s->ttl = (uint8_t)(s->version == 6 ? number_of(m, FIELD_IP_TTL, FIELD_IP6_HOPS)
					   : number_of(m, FIELD_IP_TTL, FIELD_IP4_TTL));
	s->ttl_zero = s->ttl == 0;
	s->id = (uint16_t)number(m, FIELD_IP4_ID);
	s->flow = (uint32_t)number(m, FIELD_IP6_FLOW);
	s->sport = (uint16_t)number(m, s->tcp ? FIELD_TCP_SPORT : FIELD_UDP_SPORT);
	if (s->tcp)
		make_segment(m);
	s->dport = make_port(m);
	if (rng_percent(m->r, 3))
		s->sport = s->dport;
}

/* --- oddities --- */

static void make_tags(struct making *m, unsigned percent)
{
	static const uint16_t tpids[] = { 0x8100, 0x88a8, 0x8100, 0x9100 };
	struct frame_spec *s = m->s;

	if (!rng_percent(m->r, percent))
		return;
	s->n_tags = rng_percent(m->r, 10) ? 3 : rng_in(m->r, 1, 2);
	for (unsigned i = 0; i < s->n_tags; i++) {
		s->tags[i].tpid = tpids[rng_below(m->r, rng_percent(m->r, 5) ? 4 : 3)];
		s->tags[i].tci =
			(uint16_t)(number(m, FIELD_VLAN_PCP) << 13 |
				   number(m, FIELD_VLAN_DEI) << 12 | number(m, FIELD_VLAN_ID));
	}
}

static void make_extensions(struct making *m, bool deliverable)
{
	static const uint8_t kinds[] = { 0, 60, 60, 43, 51, 44, 50, 59 };
	struct frame_spec *s = m->s;

	if (s->version != 6 || !rng_percent(m->r, 30))
		return;
	s->n_extensions = rng_percent(m->r, 15) ? rng_in(m->r, 5, 8) : rng_in(m->r, 1, 3);
	for (unsigned i = 0; i < s->n_extensions; i++) {
		s->extensions[i].kind = kinds[rng_below(m->r, rng_percent(m->r, 12) ? 8 : 5)];
		s->extensions[i].units = (uint8_t)(rng_percent(m->r, 80) ? 0 : rng_below(m->r, 12));
		/* A kernel refuses longer padding, and hop-by-hop options elsewhere. */
		if (deliverable)
			s->extensions[i] =
				(struct frame_extension){ i || rng_percent(m->r, 50) ? 60 : 0, 0 };
	}
	if (deliverable && s->n_extensions > 3)
		s->n_extensions = 3;
	s->fragment6 = (uint16_t)rng_next(m->r);
}

static void make_oddities(struct making *m)
{
	struct frame_spec *s = m->s;

	make_tags(m, 25);
	make_extensions(m, false);
	if (s->version == 4 && rng_percent(m->r, 15))
		s->options = rng_in(m->r, 1, 10);
	if (rng_percent(m->r, 20))
		s->fragment = 0x4000;
	if (rng_percent(m->r, 4))
		s->fragment = (uint16_t)(1u << rng_below(m->r, 16));
	if (rng_percent(m->r, 20))
		s->padding = rng_in(m->r, 1, 30);
	if (rng_percent(m->r, 4))
		s->udp_len_off = (int)rng_below(m->r, 24) - 16;
	if (rng_percent(m->r, 4))
		s->ip_len_off = (int)rng_below(m->r, 64) - 48;
	if (rng_percent(m->r, 2))
		s->proto = (uint8_t)(rng_percent(m->r, 50) ? rng_next(m->r) : s->tcp ? PROTO_UDP : PROTO_TCP);
	if (rng_percent(m->r, 5))
		s->doff_field = (uint8_t)rng_in(m->r, 1, 15);
	if (rng_percent(m->r, 1))
		s->ihl_field = (uint8_t)rng_in(m->r, 1, 15);
	if (rng_percent(m->r, 1))
		s->version_field = (uint8_t)rng_in(m->r, 1, 15);
	if (rng_percent(m->r, 1))
		s->eth_type = rng_percent(m->r, 50) ? 0x0800 : 0x86dd;
}

static void make_cut(struct making *m)
{
	struct frame f;

	if (!rng_percent(m->r, 8))
		return;
	frame_build(m->s, &f);
	/* mostly where the headers are, or in the last bytes */
	if (rng_percent(m->r, 50))
		m->s->cut = rng_below(m->r, (uint32_t)f.len) + 1;
	else
		m->s->cut =
			(unsigned)f.len - rng_below(m->r, f.len < 30 ? (uint32_t)f.len : 30) + 1;
}

static void begin(struct making *m, const struct packet_maker *maker, struct rng *r,
		  const struct workload *w, struct frame_spec *s)
{
	memset(s, 0, sizeof(*s));
	*m = (struct making){ .hints = &maker->hints[w->id], .r = r, .workload = w, .s = s };
	m->match = &w->matches[rng_below(r, w->n_matches)];
	if (rng_percent(r, 85))
		m->class = &w->classes[rng_below(r, w->n_classes)];
	s->tcp = m->match->proto == PROTO_TCP;
	make_addresses(m);
	make_numbers(m);
	s->payload_len = make_payload(maker, r, w, m->class, s->payload, sizeof(s->payload) - 400);
}

void make_packet(const struct packet_maker *maker, struct rng *r, struct frame_spec *s)
{
	struct making m;

	begin(&m, maker, r, maker->policy->workloads[rng_below(r, maker->policy->n_workloads)], s);
	if (rng_percent(r, 60))
		make_oddities(&m);
	make_cut(&m);
}

void make_datagram(const struct packet_maker *maker, struct rng *r, const struct workload *w,
		   struct frame_spec *s)
{
	struct making m;

	begin(&m, maker, r, w, s);
	make_extensions(&m, true);
	if (s->version == 4 && rng_percent(r, 15))
		s->options = rng_in(r, 1, 10);
	memset(s->eth_dst, 0, 6);
	memset(s->eth_src, 0, 6);
	s->src[0] = s->dst[0] = s->version == 6 ? 0xfd : 10;
	if (s->ttl == 0)
		s->ttl = 1;
	s->ttl_zero = false;
	if (s->sport == 0)
		s->sport = 1;
	s->dport = (uint16_t)m.match->ports[0].lo;
}
