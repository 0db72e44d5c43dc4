/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The stack stage: packets to the cores in use, and back from how long they waited to how many
 * cores these are (abi/stack.h; docs/design.md, "Cores that follow the backlog").
 */
#ifndef IOP_STAGE_STACK_H
#define IOP_STAGE_STACK_H

#include "abi/stack.h"
#include "stage/maps.h"
#include "stage/stage.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iop_stack);
} iop_stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iop_stack_row);
} iop_stack_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iop_stack_core);
} iop_stack_cores SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iop_stack_counts);
} iop_stack_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iop_stack_homes);
} iop_stack_homes SEC(".maps");

const volatile struct iop_stack_setup iop_stack_setup = { 0 };

/* A core is taken when its packets have been late for so many targets, and the next one not
 * before that has passed again; given back when for so many no packet was. */
#define IOP_STACK_TAKE 4
#define IOP_STACK_KEEP 1000
#define IOP_STACK_KEEP_MOST 64 /* times that, where cores come and go */
#define IOP_STACK_NONSENSE 10000000000ULL /* ns: no packet waits that long, a stamp is broken */

static __always_inline void iop_stack_counted(__u32 stack, enum iop_stack_counter i)
{
	struct iop_stack_counts *c = bpf_map_lookup_elem(&iop_stack_counts, &stack);

	if (c)
		c->count[i]++;
}

/* Is number a at or behind number b? They begin again at 0. */
static __always_inline bool iop_stack_reached(__u32 a, __u32 b)
{
	return (__s32)(a - b) >= 0;
}

/* The slot of a bucket among n. */
static __always_inline __u32 iop_stack_home(__u32 bucket, __u32 n)
{
	const struct iop_stack_homes *homes = bpf_map_lookup_elem(&iop_stack_homes, &n);

	return homes ? homes->slot[bucket & (IOP_STACK_BUCKETS - 1)] & (IOP_STACK_CORES - 1) : 0;
}

/*
 * Has all that the row sent to this core up to number `last` been delivered? By what the
 * core has marked, if its thread has taken enough packets since, or has slept: it
 * sleeps when there is nothing left to deliver.
 */
static __always_inline bool iop_stack_delivered(const struct iop_stack_row *row, __u32 slot,
						__u32 core, __u32 last)
{
	const volatile struct iop_stack_mark *mark = &row->mark[slot & (IOP_STACK_CORES - 1)];
	const volatile struct iop_stack_core *c = bpf_map_lookup_elem(&iop_stack_cores, &core);
	__u64 pending = mark->pending, newest = mark->newest, slept;

	if (iop_stack_reached(mark->done, last))
		return true;
	if (!c)
		return false;
	if (iop_stack_reached(pending >> 32, last) &&
	    (__u32)c->seen - (__u32)pending >= IOP_STACK_BEHIND)
		return true;
	if (!iop_stack_setup.slept || !c->thread || !iop_stack_reached(newest >> 32, last))
		return false;
	return !bpf_probe_read_kernel(&slept, sizeof(slept),
				      (const void *)(c->thread + iop_stack_setup.slept)) &&
	       (__u32)slept != (__u32)newest;
}

/* The packet takes along when it was sent, and which one it is. The last thing that is done to it:
 * what was known of its bytes is void. */
static __always_inline void iop_stack_stamp(struct xdp_md *ctx, struct iop_stack *s, __u32 row,
					    __u32 place, __u32 number)
{
	struct iop_stack_stamp *stamp;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*stamp))) {
		/* Waiting cannot be told on this device, so all cores are used. */
		s->n = s->most;
		iop_stack_counted(place >> 16, IOP_STACK_NO_ROOM);
		return;
	}
	stamp = (void *)(long)ctx->data_meta;
	if ((void *)(stamp + 1) > (void *)(long)ctx->data)
		return;
	stamp->sent_at = bpf_ktime_get_ns();
	stamp->row = row;
	stamp->number = number;
	stamp->place = place;
	stamp->magic = IOP_STACK_MAGIC;
}

static __always_inline __u32 iop_stack_row_of(struct xdp_md *ctx, __u32 stack)
{
	__u32 row = ctx->rx_queue_index;

	if (iop_stack_setup.mult)
		row += ctx->ingress_ifindex * iop_stack_setup.mult;
	return stack * (iop_stack_setup.mask + 1) + (row & iop_stack_setup.mask);
}

/* Sends the packet to the core of a slot; false: that is not there. */
static __always_inline bool iop_stack_send(struct xdp_md *ctx, struct iop_stack *s, __u32 row_key,
					   struct iop_stack_row *row, __u32 stack, __u32 slot,
					   __u32 core, struct iop_stack_bucket *bucket, bool stamp)
{
	__u32 number;

	if (bpf_redirect_map(&iop_cpus, core, XDP_PASS) != XDP_REDIRECT)
		return false;
	number = ++row->sent[slot];
	if (bucket)
		bucket->last = number;
	if (stamp || !(number & (IOP_STACK_SAMPLE - 1)))
		iop_stack_stamp(ctx, s, row_key, stack << 16 | slot, number);
	return true;
}

STAGE_FN static __u32 iop_stack_hash(__u64 h)
{
	return iop_hash_end(h);
}

/* How many cores the stage has in use; at least one. */
STAGE_FN static __u32 iop_stack_n(__u32 stack)
{
	const volatile struct iop_stack *s = bpf_map_lookup_elem(&iop_stacks, &stack);
	__u32 n = s ? s->n : 1;

	return n - 1 < IOP_STACK_CORES ? n : 1;
}

/*
 * A packet of the flow with this hash: to the core of its bucket, which changes only when
 * nothing of the bucket is on its way to the old one. Returns the slot of the core;
 * IOP_STACK_CORES: it could not be sent.
 */
STAGE_FN static __u32 iop_stack_flow(struct iop_pkt *p, __u32 stack,
				     const volatile struct iop_pool_cores *cores, __u32 hash)
{
	struct iop_stack *s = bpf_map_lookup_elem(&iop_stacks, &stack);
	__u32 key = iop_stack_row_of(p->ctx, stack), slot, n, number = hash & (IOP_STACK_BUCKETS - 1);
	struct iop_stack_row *row = bpf_map_lookup_elem(&iop_stack_rows, &key);
	struct iop_stack_bucket *bucket;
	bool stamp = false;

	if (!s || !row)
		return IOP_STACK_CORES;
	n = *(volatile __u32 *)&s->n;
	bucket = &row->bucket[number];
	slot = bucket->slot & (IOP_STACK_CORES - 1);
	if (bucket->n != (__u16)n) {
		__u32 home = iop_stack_home(number, n);

		if (!bucket->n || home == slot ||
		    iop_stack_delivered(row, slot, cores->core[slot], bucket->last)) {
			if (bucket->n && home != slot)
				iop_stack_counted(stack, IOP_STACK_MOVED);
			bucket->slot = slot = home;
			bucket->n = n;
		} else {
			iop_stack_counted(stack, IOP_STACK_HELD);
			stamp = true;
		}
	}
	return iop_stack_send(p->ctx, s, key, row, stack, slot, cores->core[slot], bucket, stamp)
		       ? slot
		       : IOP_STACK_CORES;
}

/* A packet for slot i of those in use, whatever its flow. */
STAGE_FN static __u32 iop_stack_spread(struct iop_pkt *p, __u32 stack,
				       const volatile struct iop_pool_cores *cores, __u32 i)
{
	struct iop_stack *s = bpf_map_lookup_elem(&iop_stacks, &stack);
	__u32 key = iop_stack_row_of(p->ctx, stack);
	struct iop_stack_row *row = bpf_map_lookup_elem(&iop_stack_rows, &key);

	if (!s || !row || i >= IOP_STACK_CORES)
		return IOP_STACK_CORES;
	return iop_stack_send(p->ctx, s, key, row, stack, i, cores->core[i], NULL, false)
		       ? i
		       : IOP_STACK_CORES;
}

/* --- on the core --- */

/* One more core, or one less, if nobody has changed it since `changed` was read. */
static __always_inline bool iop_stack_change(struct iop_stack *s, __u64 changed, __u64 now, __u32 n)
{
	if (__sync_val_compare_and_swap(&s->changed, changed, now) != changed)
		return false;
	*(volatile __u32 *)&s->n = n;
	return true;
}

static __always_inline void iop_stack_decide(struct iop_stack *s, struct iop_stack_counts *c,
					     __u64 now, __u64 waited)
{
	__u64 changed = *(volatile __u64 *)&s->changed, take = s->target * IOP_STACK_TAKE;
	__u64 base = s->target * IOP_STACK_KEEP, keep = s->keep ? s->keep : base;
	__u32 n = *(volatile __u32 *)&s->n;

	if (waited > s->target) {
		*(volatile __u64 *)&s->late = now;
		c->count[IOP_STACK_LATE]++;
		if (!c->late_since)
			c->late_since = now;
		if (n >= s->most || now - c->late_since < take || now - changed < take ||
		    !iop_stack_change(s, changed, now, n + 1))
			return;
		c->late_since = 0;
		c->count[IOP_STACK_TAKEN]++;
		/* Given back too early: the next time it takes longer. */
		if (s->given && now - s->given < keep)
			keep = keep < base * IOP_STACK_KEEP_MOST ? keep * 2 : keep;
		else if (now - s->given > 16 * keep)
			keep = base;
		s->keep = keep;
		return;
	}
	c->late_since = 0;
	if (n <= s->least || (__s64)(now - s->late) < (__s64)keep || now - changed < keep ||
	    !iop_stack_change(s, changed, now, n - 1))
		return;
	s->given = now;
	c->count[IOP_STACK_GIVEN]++;
}

/* What the row has sent to this core, up to this packet, has been taken from its queue. */
static __always_inline void iop_stack_mark(struct iop_stack_core *core, const struct iop_stack_stamp *t)
{
	__u32 key = t->row, slot = t->place & (IOP_STACK_CORES - 1), seen = core->seen, number = t->number;
	struct iop_stack_row *row = bpf_map_lookup_elem(&iop_stack_rows, &key);
	volatile struct iop_stack_mark *mark;
	__u64 slept = 0, pending;

	if (!row)
		return;
	mark = &row->mark[slot];
	pending = mark->pending;
	if (seen - (__u32)pending >= IOP_STACK_BEHIND) {
		if (iop_stack_reached(pending >> 32, mark->done))
			mark->done = pending >> 32;
		mark->pending = (__u64)number << 32 | seen;
	}
	if (iop_stack_setup.slept) {
		core->thread = bpf_get_current_task();
		if (bpf_probe_read_kernel(&slept, sizeof(slept),
					  (const void *)(core->thread + iop_stack_setup.slept)))
			return;
	}
	if (iop_stack_reached(number, mark->newest >> 32))
		mark->newest = (__u64)number << 32 | (__u32)slept;
}

static __always_inline void iop_stack_measure(struct iop_stack_core *core,
					      const struct iop_stack_stamp *t)
{
	__u64 now = bpf_ktime_get_ns(), waited = now - t->sent_at;
	__u32 stack = t->place >> 16;
	struct iop_stack *s = bpf_map_lookup_elem(&iop_stacks, &stack);
	struct iop_stack_counts *c = bpf_map_lookup_elem(&iop_stack_counts, &stack);

	if (!s || !c || waited > IOP_STACK_NONSENSE)
		return;
	c->count[IOP_STACK_MEASURED]++;
	c->count[IOP_STACK_WAITED] += waited;
	iop_stack_mark(core, t);
	iop_stack_decide(s, c, now, waited);
}

/* Each packet on its way into the stack of a core. */
static __always_inline void iop_stack_arrived(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct iop_stack_core *core = bpf_map_lookup_elem(&iop_stack_cores, &cpu);
	struct iop_stack_stamp *stamp, copy;

	if (!core)
		return;
	core->seen++;
	/* What is before a generic packet is not told of from program to program, but stays. */
	if (core->generic && bpf_xdp_adjust_meta(ctx, -(int)sizeof(*stamp)))
		return;
	stamp = (void *)(long)ctx->data_meta;
	if ((void *)(stamp + 1) > (void *)(long)ctx->data)
		return;
	copy = *stamp;
	stamp->magic = 0;
	bpf_xdp_adjust_meta(ctx, sizeof(*stamp));
	if (copy.magic == IOP_STACK_MAGIC)
		iop_stack_measure(core, &copy);
}

#endif
