/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet's way through a policy: workload, class, rules, stage by stage.
 */
#include "interp/interp.h"

#include <string.h>

#include "interp/model.h"

static bool in_prefixes(const struct prefix *prefixes, uint32_t n, const struct set *set,
			const struct datum *addr)
{
	if (set)
		return set_has_address(set, addr);
	for (uint32_t i = 0; i < n; i++) {
		if (prefix_holds(&prefixes[i], addr))
			return true;
	}
	return n == 0;
}

static bool in_ports(const struct match *m, uint16_t port)
{
	for (uint32_t i = 0; i < m->n_ports; i++) {
		if (m->ports[i].lo <= port && port <= m->ports[i].hi)
			return true;
	}
	return m->n_ports == 0;
}

static bool match_holds(const struct match *m, const struct packet *pk)
{
	struct datum src = addr_read(pk, true), dst = addr_read(pk, false);

	return m->proto == pk->proto && in_ports(m, be16(pk->l4 + 2)) &&
	       in_prefixes(m->to, m->n_to, m->to_set, &dst) &&
	       in_prefixes(m->from, m->n_from, m->from_set, &src);
}

static const struct workload *find_workload(const struct policy *p, const struct packet *pk)
{
	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct workload *w = p->workloads[i];

		for (uint32_t k = 0; k < w->n_matches; k++) {
			if (match_holds(&w->matches[k], pk))
				return w;
		}
	}
	return NULL;
}

static const struct class *find_class(const struct workload *w, const struct facts *facts)
{
	for (uint32_t i = 0; i < w->n_classes; i++) {
		const struct class *c = &w->classes[i];

		if (!c->when || cond_eval(c->when, facts) == YES)
			return c;
	}
	return NULL;
}

/* The kernel asks for a socket once a connection: at its SYN. Everything else goes to the
 * connection's socket. */
static bool asks_for_socket(const struct packet *pk)
{
	enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };

	return pk->proto != PROTO_TCP || (pk->l4[13] & (FIN | SYN | RST | ACK)) == SYN;
}

static void decide_socket(const struct workload *w, const struct facts *facts, struct decision *d)
{
	struct packet pk = *facts->packet;
	struct facts bare = *facts;
	const struct class *c;
	struct layout layout;

	if (!asks_for_socket(&pk))
		return;
	if (pk.proto == PROTO_TCP)
		pk.payload_len = 0; /* whatever a SYN carries, the stage is not shown it */
	bare.packet = &pk;
	bare.layout = &layout;
	layout_make(&layout, &bare);
	c = find_class(w, &bare);
	if (c)
		rules_run(w, c, STAGE_SOCKET, &bare, &d->socket, &d->unsure);
	layout_free(&layout);
}

static bool dropped(const struct decision *d)
{
	return d->rx.verdict == VERDICT_DROP;
}

void interp_decide(const struct policy *p, const uint8_t *frame, size_t len,
		   const struct interp_env *env, struct decision *d)
{
	const struct workload *w = NULL;
	const struct class *c;
	struct packet pk;
	struct layout layout;
	struct facts facts = { .packet = &pk, .layout = &layout, .env = env };

	memset(d, 0, sizeof(*d));
	d->workload = d->class = d->reply_class = INTERP_NONE;
	interp_limits_begin(env->limits);
	if (dissect(frame, len, env->reassembled, &pk))
		w = find_workload(p, &pk);
	if (!w)
		return;

	d->workload = w->id;
	facts.header = w->payload;
	layout_make(&layout, &facts);
	c = find_class(w, &facts);
	if (c) {
		d->class = c->gid;
		/* What the driver sees was not put together from fragments yet. */
		if (!env->reassembled)
			rules_run(w, c, STAGE_RX, &facts, &d->rx, &d->unsure);
	}
	if (!dropped(d))
		decide_socket(w, &facts, d);
	if (!dropped(d) && d->socket.verdict != VERDICT_DROP)
		reply_decide(p, w, frame, len, &facts, d);
	layout_free(&layout);
}
