/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two workloads that can both match one packet are an error. A match is a box
 * (protocol x ports x destination x source); those whose ports meet are compared
 * pair by pair.
 */
#include <stdlib.h>

#include "sema/sema.h"

/* Comparisons of prefixes: about a second. */
#define MAX_WORK 200000000u

static bool prefix_meets(const struct prefix *a, const struct prefix *b)
{
	unsigned len = a->len < b->len ? a->len : b->len;

	if (a->family != b->family)
		return false;
	if (memcmp(a->addr, b->addr, len / 8) != 0)
		return false;
	return len % 8 == 0 || (a->addr[len / 8] ^ b->addr[len / 8]) >> (8 - len % 8) == 0;
}

/* One prefix and a set, which is sorted and disjoint: only the neighbours of the place where it
 * would stand can meet it. */
static bool meets_set(const struct prefix *p, const struct set *s)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct prefix *q = &s->prefixes[mid];

		if (q->family < p->family ||
		    (q->family == p->family && memcmp(q->addr, p->addr, sizeof(p->addr)) <= 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo && prefix_meets(&s->prefixes[lo - 1], p)) ||
	       (lo < s->n && prefix_meets(&s->prefixes[lo], p));
}

static bool prefixes_meet(const struct prefix *a, uint32_t na, const struct set *of_a,
			  const struct prefix *b, uint32_t nb, const struct set *of_b)
{
	if (na == 0 || nb == 0)
		return true;
	if (of_a && (!of_b || nb < na))
		return prefixes_meet(b, nb, of_b, a, na, of_a);
	for (uint32_t i = 0; of_b && i < na; i++)
		if (meets_set(&a[i], of_b))
			return true;
	if (of_b)
		return false;
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

/* Whose ports meet already. */
static bool matches_meet(const struct match *a, const struct match *b)
{
	bool family = false;

	for (unsigned f = 4; f <= 6; f += 2)
		family |= has_family(a->to, a->n_to, f) && has_family(a->from, a->n_from, f) &&
			  has_family(b->to, b->n_to, f) && has_family(b->from, b->n_from, f);
	return family && a->proto == b->proto && prefixes_meet(a->to, a->n_to, a->to_set, b->to, b->n_to, b->to_set) &&
	       prefixes_meet(a->from, a->n_from, a->from_set, b->from, b->n_from, b->from_set);
}

/* How many prefixes are looked at, about. */
static uint64_t work_of(uint32_t na, const struct set *of_a, uint32_t nb, const struct set *of_b)
{
	if (!of_a && !of_b)
		return (uint64_t)na * nb;
	return 20ull * (of_a && of_b ? (na < nb ? na : nb) : of_a ? nb : na);
}

/* One range of ports of one match of one workload. */
struct entry {
	struct range ports;
	const struct workload *w;
	const struct match *m;
};

static int by_port(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->ports.lo != y->ports.lo)
		return x->ports.lo < y->ports.lo ? -1 : 1;
	if (x->w != y->w)
		return x->w->id < y->w->id ? -1 : 1;
	return x->m < y->m ? -1 : x->m > y->m;
}

struct pair {
	const struct workload *a, *b;
};

typedef vec(struct pair) pairs;

/* Two workloads that share several ports are told once. */
static void overlap(struct sema *s, const struct entry *x, const struct entry *y, pairs *told)
{
	const struct entry *a = x->w->id > y->w->id ? x : y, *b = a == x ? y : x;

	for (size_t i = 0; i < told->n; i++)
		if (told->v[i].a == a->w && told->v[i].b == b->w)
			return;
	*vec_push(s->arena, told) = (struct pair){ a->w, b->w };

	uint64_t port = x->ports.lo > y->ports.lo ? x->ports.lo : y->ports.lo;
	struct diag *d = diag_error(s->diags, a->m->at,
				    "workloads `%s` and `%s` both match packets to %s port %llu",
				    b->w->name, a->w->name, a->m->proto == PROTO_TCP ? "tcp" : "udp",
				    (unsigned long long)port);

	diag_note(d, b->m->at, "`%s` matches them here", b->w->name);
}

/* Only ranges of ports that meet are compared further. */
void sema_overlap(struct sema *s)
{
	vec(struct entry) all = { 0 };
	pairs told = { 0 };
	uint64_t work = 0;

	for (size_t i = 0; i < s->workloads.n; i++)
		for (uint32_t k = 0; k < s->workloads.v[i]->n_matches; k++) {
			const struct match *m = &s->workloads.v[i]->matches[k];

			for (uint32_t p = 0; p < m->n_ports; p++)
				*vec_push(s->arena, &all) =
					(struct entry){ m->ports[p], s->workloads.v[i], m };
		}
	if (all.n == 0)
		return;
	qsort(all.v, all.n, sizeof(*all.v), by_port);
	for (size_t i = 0; i < all.n; i++)
		for (size_t k = i + 1; k < all.n && all.v[k].ports.lo <= all.v[i].ports.hi; k++) {
			const struct match *a = all.v[i].m, *b = all.v[k].m;

			work += 1 + work_of(a->n_to, a->to_set, b->n_to, b->to_set) +
				work_of(a->n_from, a->from_set, b->n_from, b->from_set);
			if (work > MAX_WORK) {
				diag_error(s->diags, a->at,
					   "too many matches share ports to tell them apart");
				return;
			}
			if (all.v[i].w == all.v[k].w || !matches_meet(a, b))
				continue;
			overlap(s, &all.v[i], &all.v[k], &told);
			if (told.n > DIAG_MAX_ERRORS)
				return;
		}
}
