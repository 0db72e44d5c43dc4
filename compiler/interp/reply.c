/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reply to a packet, on its way out. It has the addresses and ports of what it answers, the
 * other way round; where it is asked for a field, that of the request is meant.
 */
#include "interp/model.h"

#include <stdlib.h>
#include <string.h>

static struct datum number(uint64_t n)
{
	return (struct datum){ .kind = DATUM_NUMBER, .number = n };
}

struct datum reply_read(enum lang_field f, const struct packet *pk)
{
	struct datum missing = { .kind = DATUM_MISSING };
	bool six = pk->version == 6, udp = pk->proto == PROTO_UDP;

	switch (f) {
	case FIELD_IP_VERSION: return number(pk->version);
	case FIELD_IP_PROTO: return number(pk->proto);
	case FIELD_IP_SRC: return addr_read(pk, false);
	case FIELD_IP_DST: return addr_read(pk, true);
	case FIELD_IP4_SRC: return six ? missing : addr_read(pk, false);
	case FIELD_IP4_DST: return six ? missing : addr_read(pk, true);
	case FIELD_IP6_SRC: return six ? addr_read(pk, false) : missing;
	case FIELD_IP6_DST: return six ? addr_read(pk, true) : missing;
	case FIELD_UDP_SPORT: return udp ? number(be16(pk->l4 + 2)) : missing;
	case FIELD_UDP_DPORT: return udp ? number(be16(pk->l4)) : missing;
	case FIELD_TCP_SPORT: return udp ? missing : number(be16(pk->l4 + 2));
	case FIELD_TCP_DPORT: return udp ? missing : number(be16(pk->l4));
	default: return missing;
	}
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t t = a[i];

		a[i] = b[i];
		b[i] = t;
	}
}

bool interp_turn(uint8_t *frame, size_t len)
{
	struct packet pk;
	uint8_t *ip, *l4;

	if (!dissect_headers(frame, len, &pk))
		return false;
	ip = frame + (pk.ip - frame);
	l4 = frame + (pk.l4 - frame);
	swap(frame, frame + 6, 6);
	if (pk.version == 4)
		swap(ip + 12, ip + 16, 4);
	else
		swap(ip + 8, ip + 24, 16);
	swap(l4, l4 + 2, 2);
	return true;
}

static bool in_ports(const struct match *m, uint16_t port)
{
	for (uint32_t i = 0; i < m->n_ports; i++)
		if (m->ports[i].lo <= port && port <= m->ports[i].hi)
			return true;
	return m->n_ports == 0;
}

static bool in_prefixes(const struct prefix *prefixes, uint32_t n, const struct datum *addr)
{
	for (uint32_t i = 0; i < n; i++)
		if (prefix_holds(&prefixes[i], addr))
			return true;
	return n == 0;
}

static const struct workload *workload_of(const struct policy *p, const struct packet *pk)
{
	struct datum from = addr_read(pk, false), to = addr_read(pk, true);

	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct workload *w = p->workloads[i];

		for (uint32_t k = 0; k < w->n_matches; k++) {
			const struct match *m = &w->matches[k];

			if (m->proto == pk->proto && in_ports(m, be16(pk->l4)) &&
			    in_prefixes(m->to, m->n_to, &to) &&
			    in_prefixes(m->from, m->n_from, &from))
				return w;
		}
	}
	return NULL;
}

bool reply_by_worker(const struct workload *w, const struct packet *pk)
{
	return pk->proto == PROTO_UDP && w->stages[STAGE_SOCKET];
}

/* The class that addresses and ports tell. */
static const struct class *class_of(const struct workload *w, const struct facts *facts)
{
	for (uint32_t i = 0; i < w->n_classes; i++)
		if (!w->classes[i].when || cond_eval(w->classes[i].when, facts) == YES)
			return &w->classes[i];
	return NULL;
}

void interp_reply(const struct policy *p, const uint8_t *frame, size_t len,
		  const struct interp_env *env, uint32_t worker_class, struct decision *d)
{
	const struct workload *w = NULL;
	const struct class *c = NULL;
	struct packet pk;
	struct facts facts = { .packet = &pk, .env = env, .reply = true };

	d->reply_class = INTERP_NONE;
	if (dissect_headers(frame, len, &pk))
		w = workload_of(p, &pk);
	if (!w || !w->stages[STAGE_TX])
		return;
	pk.ip_len = (uint32_t)(len - (size_t)(pk.ip - frame));
	if (reply_by_worker(w, &pk)) {
		if (worker_class == INTERP_NO_WORKER)
			return;
		for (uint32_t i = 0; i < w->n_classes; i++)
			if (w->classes[i].gid == worker_class)
				c = &w->classes[i];
	}
	if (!c)
		c = class_of(w, &facts);
	d->reply_unclassed = !c;
	if (!c)
		return;
	d->reply_class = c->gid;
	rules_run(w, c, STAGE_TX, &facts, &d->tx, &d->unsure);
}

void reply_decide(const struct policy *p, const struct workload *w, const uint8_t *frame,
		  size_t len, const struct facts *facts, struct decision *d)
{
	uint32_t worker = INTERP_NO_WORKER;
	uint8_t *turned;

	if (!w->stages[STAGE_TX])
		return;
	if (reply_by_worker(w, facts->packet)) {
		if (d->socket.verdict != VERDICT_WORKER || d->socket.may_pass) {
			d->reply_unknown = true;
			return;
		}
		worker = d->class;
	}
	turned = malloc(len);
	if (!turned)
		abort();
	memcpy(turned, frame, len);
	if (interp_turn(turned, len))
		interp_reply(p, turned, len, facts->env, worker, d);
	free(turned);
}
