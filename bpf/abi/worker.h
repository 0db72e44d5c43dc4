/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the programs know of a worker, in a policy whose rules ask for it: `iop_worker_rows` is
 * an array with a row for each worker of each group, row iop_group.base + the worker's number.
 * `iop_worker_of`, a hash from a socket's cookie to its row, leads there from a reply. Where a
 * row's socket changes, the loader writes all of it anew (iop_worker_row_begin()).
 *
 * Rows are shared by all cores without a lock: requests are counted by atomic operations, the
 * rest may lose a race and be wrong for a moment. How the count heals is told in
 * docs/design.md, "What a worker has to do".
 */
#ifndef IOP_ABI_WORKER_H
#define IOP_ABI_WORKER_H

#include "abi/object.h"

#define IOP_WORKER_FN static inline __attribute__((always_inline, unused))

/* Of the requests that wait, the classes of so many are remembered; of others behind them a
 * class of those is taken for theirs. */
#define IOP_WORKER_RING 64

struct iop_worker_row {
	__u64 cookie; /* of its socket; 0: there is none */
	__u32 head;   /* requests taken, ever */
	__u32 tail;   /* of these, answered or given up; the rest are outstanding */
	__u64 moved;  /* ns of CLOCK_MONOTONIC: its last reply, or its first request since it had none */
	__u64 probe;  /* stuck: not before this time is a request tried, in ns */
	__s64 work;   /* ns of service of what is outstanding; only if classes have `service` */
	__u32 depth;  /* requests that it has shown to work on at once, beside those in its queue */
	__u32 eased;  /* when depth was made less, in 2^30 ns */
	__u32 class;  /* of the last request given to it; IOP_NONE: none */
	__u32 gone;   /* 1: the kernel had no socket for it */
	__u32 ring[IOP_WORKER_RING]; /* classes: request i at i % IOP_WORKER_RING */
};

/* Signals are array maps with such an element for each row: a cache line of its own. The number
 * stands at its beginning; all of its bits set: the application has not said anything. */
#define IOP_SIGNAL_STRIDE 64

/* Where the lengths of the two queues of a UDP socket are, in bytes from the start of struct
 * udp_sock. The loader writes `iop_queue_at` in .rodata before it loads. */
struct iop_queue_at {
	__u32 received; /* sk_receive_queue.qlen */
	__u32 read;     /* reader_queue.qlen */
};

/* A worker that has been given nothing yet. */
IOP_WORKER_FN void iop_worker_row_begin(struct iop_worker_row *row, __u64 cookie)
{
	*row = (struct iop_worker_row){ .cookie = cookie, .class = IOP_NONE };
}

/* Requests that it was given and has not answered. */
IOP_WORKER_FN __u32 iop_worker_open(const struct iop_worker_row *row)
{
	__s32 open = (__s32)(row->head - row->tail);

	return open > 0 ? (__u32)open : 0;
}

/* What makes a worker the last choice, and what a load is less than. */
#define IOP_LOAD_STUCK (1ULL << 56)

/*
 * The load by which workers are compared. It owes a reply and has sent none for `stuck` ns: it
 * is chosen only if all of them are like that. But a request may have been lost, and
 * then nothing would ever be heard of it again: after twice that time, and then each time that
 * it has been silent for as long again, it has its turn like others.
 */
IOP_WORKER_FN __u64 iop_worker_load(const struct iop_worker_row *row, __u64 load, __u64 now,
				    __u64 stuck)
{
	__u64 silent = now - row->moved;

	if (load >= IOP_LOAD_STUCK)
		load = IOP_LOAD_STUCK - 1;
	if (!iop_worker_open(row) || (__s64)silent <= (__s64)stuck)
		return load;
	if ((__s64)silent > (__s64)(2 * stuck) && now >= row->probe)
		return 0;
	return load | IOP_LOAD_STUCK;
}

/* Requests, or ns of service, that are outstanding. */
IOP_WORKER_FN __u64 iop_worker_least(const struct iop_worker_row *row, int weighed)
{
	__u32 open = iop_worker_open(row);

	if (weighed && open && row->work > 0)
		return (__u64)row->work;
	return open;
}

/* It was given a request of the class, which takes `service` ns. */
IOP_WORKER_FN void iop_worker_taken(struct iop_worker_row *row, __u32 class, __u64 service,
				    __u64 now)
{
	__u32 at = __sync_fetch_and_add(&row->head, 1);
	__s32 before = (__s32)(at - row->tail);

	if (before < 0) /* two cores have put it right at once */
		row->tail = at;
	if (before <= 0)
		row->moved = now;
	else
		row->probe = now + (now - row->moved);
	if (service)
		__sync_fetch_and_add(&row->work, (__s64)service);
	row->class = class;
	at %= IOP_WORKER_RING;
	asm volatile("" : "+r"(at)); /* a bound that the verifier is to see */
	if (at < IOP_WORKER_RING)
		row->ring[at] = class;
}

/* The class of the request that it answers next; IOP_NONE: it owes nothing. */
IOP_WORKER_FN __u32 iop_worker_answers(const struct iop_worker_row *row)
{
	__u32 at = row->tail % IOP_WORKER_RING;

	asm volatile("" : "+r"(at));
	if (!iop_worker_open(row) || at >= IOP_WORKER_RING)
		return IOP_NONE;
	return row->ring[at];
}

#define IOP_DEPTH_MAX 1024

/* Replies that nobody waited for show that more requests were in its hands than was thought.
 * What it has shown once is believed less as time goes by. */
IOP_WORKER_FN __u32 iop_worker_depth(struct iop_worker_row *row, __u32 surprises, __u64 now)
{
	__u32 depth = row->depth, second = (__u32)(now >> 30);

	if (row->eased != second) {
		row->eased = second;
		depth -= (depth + 3) / 4;
	}
	depth += surprises;
	if (depth > IOP_DEPTH_MAX)
		depth = IOP_DEPTH_MAX;
	if (depth != row->depth)
		row->depth = depth;
	return depth;
}

/*
 * It has sent replies, of which the first is to a request that takes `service` ns, and `queued`
 * datagrams wait in its socket. What is outstanding is those, and what is in its hands: at most
 * as many as it has shown to work on at once. So requests that were lost, that need no reply or
 * that got several are put right here.
 */
IOP_WORKER_FN void iop_worker_answered(struct iop_worker_row *row, __u32 replies, __u64 service,
				       __u32 queued, __u64 now)
{
	__u32 open = iop_worker_open(row), left = open > replies ? open - replies : 0;
	__u32 depth = iop_worker_depth(row, open < replies ? replies - open : 0, now);
	__s64 work = row->work, rest;

	if (left < queued)
		left = queued;
	else if (left > queued + depth)
		left = queued + depth;
	row->moved = now;
	if (left != open)
		__sync_fetch_and_add(&row->tail, open - left);
	if (!work)
		return;
	rest = work - (__s64)service;
	if (left + 1 != open && open)
		rest = (__s64)((__u64)work / open * left);
	if (!left || rest < 0)
		rest = 0;
	__sync_fetch_and_add(&row->work, rest - work);
}

#endif
