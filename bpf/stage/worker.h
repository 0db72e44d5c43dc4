/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who serves: the rows of workers (abi/worker.h), for policies that choose by what workers have
 * to do, or that must know at the reply what was asked.
 */
#ifndef IOP_STAGE_WORKER_H
#define IOP_STAGE_WORKER_H

#include "stage/maps.h"
#include "stage/stage.h"

/* By class: ns of service; n is 0 if no worker is weighed by it. */
extern const __u64 iop_services[];
extern const __u32 iop_services_n;

static __always_inline __u64 iop_service(__u32 class)
{
	if (!iop_services_n)
		return 0;
	iop_opaque(class);
	return class < iop_services_n ? iop_services[class] : 0;
}

/* Row of a worker of this group, or NULL. */
static __always_inline struct iop_worker_row *iop_worker_row(__u32 worker)
{
	__u32 at = iop_group.base + worker;

	/* Behind them are those of another group. */
	return worker < iop_group.n ? bpf_map_lookup_elem(&iop_worker_rows, &at) : NULL;
}

/* Row of the worker whose socket that is, or NULL: not one of ours. */
static __always_inline struct iop_worker_row *iop_worker_of_cookie(__u64 cookie)
{
	__u32 *at = bpf_map_lookup_elem(&iop_worker_of, &cookie);

	return at ? bpf_map_lookup_elem(&iop_worker_rows, at) : NULL;
}

/* The worker was given a request of the class. A connection counts once it is established
 * (stage/connections.h). */
STAGE_FN static void iop_worker_take(const struct iop_pkt *p, __u32 worker, __u32 class)
{
	struct iop_worker_row *row = iop_worker_row(worker);

	if (!row)
		return;
	if (iop_counting && !iop_is_tcp(p))
		iop_worker_taken(row, class, iop_service(class), bpf_ktime_get_ns());
	else
		row->class = class;
}

/* There is no socket in its place any more: the next ones go to others. */
STAGE_FN static void iop_worker_lost(__u32 worker)
{
	struct iop_worker_row *row = iop_worker_row(worker);

	if (row)
		row->gone = 1;
}

/* --- the least of several --- */

/*
 * The worker that is to be chosen, so far. The compiler calls iop_search_…() for each worker that
 * is looked at: all of a set, or IOP_SEARCH_MOST of them, another run of them each time. Of
 * those that are equal, each is the first one in its turn; that stands in the low bits of `key`,
 * for a loop that began in the middle and went round would have the verifier follow it from
 * each beginning.
 */
#define IOP_SEARCH_MOST 64

struct iop_search {
	__u64 now, stuck;
	__u64 first;  /* of the set, the place of the first one that is looked at */
	__u64 n;      /* how many are looked at */
	__u64 turn;   /* which of them is the first in its turn */
	__u64 key;    /* load and turn of the best; ~0: there is none yet */
	__u64 worker; /* its number; IOP_NONE: there is none */
};

STAGE_FN static void iop_search_begin(struct iop_search *s, __u64 stuck, __u32 *turn, __u32 n)
{
	__u32 t = __sync_fetch_and_add(turn, 1), first = 0;

	if (n > IOP_SEARCH_MOST) {
		__u32 runs = (n + IOP_SEARCH_MOST - 1) / IOP_SEARCH_MOST;

		first = t % runs * IOP_SEARCH_MOST;
		t /= runs;
		n -= IOP_SEARCH_MOST;
		if (first > n)
			first = n;
		n = IOP_SEARCH_MOST;
	}
	s->now = bpf_ktime_get_ns();
	s->stuck = stuck;
	s->first = first;
	s->n = n;
	s->turn = t % n;
	s->key = ~0ULL;
	s->worker = IOP_NONE;
}

STAGE_FN static __u32 iop_search_first(const struct iop_search *s)
{
	return s->first;
}

STAGE_FN static __u64 iop_search_n(const struct iop_search *s)
{
	return s->n;
}

/* How long after the one whose turn it is. */
static __always_inline __u64 iop_search_after(const struct iop_search *s, __u64 place)
{
	return (place - s->turn) % IOP_SEARCH_MOST;
}

/* The same number, of which the verifier knows nothing: it would follow the rest of the search anew
 * for each that may be the best. */
static __always_inline __u64 iop_search_unknown(const struct iop_search *s, __u64 n)
{
	n += s->now;
	iop_opaque(n);
	return n - s->now;
}

static __always_inline void iop_search_offer(struct iop_search *s, const struct iop_worker_row *row,
					     __u64 place, __u32 worker, __u64 load)
{
	__u64 key = iop_worker_load(row, load, s->now, s->stuck) * IOP_SEARCH_MOST +
		    iop_search_after(s, place);

	key = iop_search_unknown(s, key);
	if (key < s->key) {
		s->key = key;
		s->worker = iop_search_unknown(s, worker);
	}
}

/* The row, or NULL if the worker cannot be chosen: its socket was closed. */
static __always_inline struct iop_worker_row *iop_search_row(__u32 worker)
{
	struct iop_worker_row *row;

	iop_copy(worker);
	row = iop_worker_row(worker);
	return row && !row->gone ? row : NULL;
}

STAGE_FN static void iop_search_least(struct iop_search *s, __u64 place, __u32 worker, __u32 weighed)
{
	struct iop_worker_row *row = iop_search_row(worker);

	if (row)
		iop_search_offer(s, row, place, worker, iop_worker_least(row, weighed));
}

/* What the application has said; ~0: nothing. */
static __always_inline __u64 iop_signal(void *map, __u32 worker, __u32 width)
{
	__u32 at = iop_group.base + worker;
	const void *slot = bpf_map_lookup_elem(map, &at);
	__u64 v;

	if (!slot)
		return ~0ULL;
	switch (width) {
	case 1: v = *(const volatile __u8 *)slot; return v == 0xff ? ~0ULL : v;
	case 2: v = *(const volatile __u16 *)slot; return v == 0xffff ? ~0ULL : v;
	case 4: v = *(const volatile __u32 *)slot; return v == 0xffffffff ? ~0ULL : v;
	default: return *(const volatile __u64 *)slot;
	}
}

/* A worker of which nothing was said is taken when its turn comes, and else left alone. */
STAGE_FN static void iop_search_min(struct iop_search *s, __u64 place, __u32 worker, void *map,
				    __u32 width)
{
	struct iop_worker_row *row = iop_search_row(worker);
	__u64 v;

	if (!row)
		return;
	v = iop_signal(map, worker, width);
	if (v == ~0ULL && iop_search_after(s, place) == 0)
		v = 0;
	iop_search_offer(s, row, place, worker, v);
}

/* The turns of an action, by its number. */
STAGE_FN static __u32 *iop_search_turns(__u32 *turns, __u64 i, __u64 n)
{
	iop_opaque(i);
	return &turns[i < n ? i : 0];
}

#define IOP_SEARCH_STUCK (1ULL << 32)

/* The choice, and whether all of them are stuck. None of them there: no number of a worker, so that
 * the kernel picks. */
STAGE_FN static __u64 iop_search_end(const struct iop_search *s)
{
	__u64 found = (__u32)s->worker;

	if (s->key >= IOP_LOAD_STUCK * IOP_SEARCH_MOST && s->key != ~0ULL)
		found |= IOP_SEARCH_STUCK;
	return found;
}

STAGE_FN static __u32 iop_search_chosen(__u64 found, __u64 *counts)
{
	if (found & IOP_SEARCH_STUCK)
		counts[IOP_COUNT_STUCK]++;
	return found;
}

#endif
