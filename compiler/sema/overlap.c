/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two workloads that can both match one packet are an error. A match is a box
 * (protocol x ports x destination x source); boxes are compared pair by pair.
 */
#include "sema/sema.h"

static bool prefix_meets(const struct prefix *a, const struct prefix *b)
{
	unsigned len = a->len < b->len ? a->len : b->len;

	if (a->family != b->family)
		return false;
	if (memcmp(a->addr, b->addr, len / 8) != 0)
		return false;
	return len % 8 == 0 || (a->addr[len / 8] ^ b->addr[len / 8]) >> (8 - len % 8) == 0;
}

static bool prefixes_meet(const struct prefix *a, uint32_t na, const struct prefix *b,
			  uint32_t nb)
{
	if (na == 0 || nb == 0)
		return true;
	for (uint32_t i = 0; i < na; i++)
		for (uint32_t k = 0; k < nb; k++)
			if (prefix_meets(&a[i], &b[k]))
				return true;
	return false;
}

/* A destination of one family and a source of the other are no packet. */
static bool has_family(const struct prefix *p, uint32_t n, unsigned family)
{
	for (uint32_t i = 0; i < n; i++)
		if (p[i].family == family)
			return true;
	return n == 0;
}

static bool ports_meet(const struct match *a, const struct match *b, uint64_t *port)
{
	for (uint32_t i = 0, k = 0; i < a->n_ports && k < b->n_ports;) {
		if (a->ports[i].hi < b->ports[k].lo) {
			i++;
		} else if (b->ports[k].hi < a->ports[i].lo) {
			k++;
		} else {
			*port = a->ports[i].lo > b->ports[k].lo ? a->ports[i].lo : b->ports[k].lo;
			return true;
		}
	}
	return false;
}

static bool matches_meet(const struct match *a, const struct match *b, uint64_t *port)
{
	bool family = false;

	for (unsigned f = 4; f <= 6; f += 2)
		family |= has_family(a->to, a->n_to, f) && has_family(a->from, a->n_from, f) &&
			  has_family(b->to, b->n_to, f) && has_family(b->from, b->n_from, f);
	return family && a->proto == b->proto && ports_meet(a, b, port) &&
	       prefixes_meet(a->to, a->n_to, b->to, b->n_to) &&
	       prefixes_meet(a->from, a->n_from, b->from, b->n_from);
}

void sema_overlap(struct sema *s)
{
	for (size_t i = 0; i < s->workloads.n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct workload *a = s->workloads.v[i], *b = s->workloads.v[k];

			for (uint32_t x = 0; x < a->n_matches; x++)
				for (uint32_t y = 0; y < b->n_matches; y++) {
					uint64_t port;

					if (!matches_meet(&a->matches[x], &b->matches[y], &port))
						continue;
					struct diag *d = diag_error(
						s->diags, a->matches[x].at,
						"workloads `%s` and `%s` both match packets to port %llu", b->name,
						a->name, (unsigned long long)port);
					diag_note(d, b->matches[y].at, "`%s` matches them here", b->name);
					goto next;
				}
next:;
		}
}
