/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The stack stage: which cores run the protocol stack for a workload. The driver stage
 * sends packets to them, the program of the cores' threads (`iop_stack`) measures how long they
 * have waited and takes or gives back cores; docs/design.md says why flows keep their order.
 *
 * Flows are kept apart by bucket. A bucket belongs to one receive queue of a device, so that
 * its packets reach a core in the order in which they were sent there.
 */
#ifndef IOP_ABI_STACK_H
#define IOP_ABI_STACK_H

#include <linux/types.h>

#define IOP_STACK_CORES 64    /* of one stage */
#define IOP_STACK_BUCKETS 4096 /* of one stage and receive queue */
#define IOP_STACK_SAMPLE 16   /* one packet of so many carries a stamp */
/*
 * What a core's thread has taken from its queue is delivered when it has taken so many more: it
 * takes 8 at a time, and what it holds back to merge goes after 64 (kernel/bpf/cpumap.c).
 */
#define IOP_STACK_BEHIND 80

/* --- iop_stacks: an element a stage, as it is now --- */

struct iop_stack {
	/* The loader's. */
	__u32 least, most; /* cores; `most` is at most the cores that there are */
	__u64 target;      /* ns */
	/* Read for each packet, changed when a core is taken or given back. */
	__u32 n;           /* cores in use: the first n of the stage's */
	__u32 reserved[11];
	/* Written where packets are measured. */
	__u64 changed;     /* when n changed last */
	__u64 given;       /* when a core was given back last */
	__u64 late;        /* when a packet last had waited for longer than the target */
	__u64 keep;        /* how long none may have, before a core is given back */
	__u64 unused[4];
};

/* --- iop_stack_rows: an element a stage and receive queue --- */

struct iop_stack_bucket {
	__u32 last; /* number of its last packet among those sent to its core */
	__u16 slot; /* its core is the stage's core number so much */
	__u16 n;    /* for how many cores it has its place; 0: never used */
};

/* What the program of a core has seen of this queue's packets. Numbers are those of
 * iop_stack_row.sent; the upper half of a word, which is written as one. */
struct iop_stack_mark {
	__u64 newest;  /* and how often the core's thread had slept before */
	__u64 pending; /* and how many packets it had taken by then */
	__u32 done;    /* delivered up to here */
	__u32 unused;
};

struct iop_stack_row {
	__u32 sent[IOP_STACK_CORES];
	struct iop_stack_mark mark[IOP_STACK_CORES];
	struct iop_stack_bucket bucket[IOP_STACK_BUCKETS];
};

/* --- iop_stack_cores: an element a core of the machine --- */

struct iop_stack_core {
	__u64 seen;    /* packets that its thread has taken */
	__u64 thread;  /* the kernel's address of the thread's task; 0: not known yet */
	__u32 generic; /* 1: on some device XDP is generic, and metadata stays where it was written */
	__u32 reserved;
	__u64 unused[5];
};

/* --- iop_stack_homes: element n says where buckets belong while n cores are in use --- */

struct iop_stack_homes {
	__u8 slot[IOP_STACK_BUCKETS];
};

/*
 * What the loader writes there: jump consistent hashing, so that with one more core some
 * buckets move to that one and no other moves. A table, for the verifier would follow
 * the loop for each number of cores.
 */
static inline __u32 iop_stack_home_of(__u32 bucket, __u32 n)
{
	__u32 x = bucket * 0x9e3779b1u + 1, slot = 0;

	for (__u32 i = 1; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		if (((__u64)(x ^ x >> 16) * (i + 1) >> 32) == 0)
			slot = i;
	}
	return slot;
}

/* --- iop_stack_setup: a variable of .rodata that the loader sets --- */

struct iop_stack_setup {
	/* The row of a packet's queue: (index of the device * mult + queue) & mask. */
	__u32 mult, mask;
	__u32 slept;    /* where in struct task_struct its voluntary switches are counted; 0: unknown */
	__u32 reserved;
};

/* --- what a packet carries before its Ethernet header, from the driver to the core --- */

struct iop_stack_stamp {
	__u64 sent_at; /* ns */
	__u32 row;     /* element of iop_stack_rows */
	__u32 number;  /* among those that this row has sent to the core */
	__u32 place;   /* stage << 16 | slot */
	__u32 magic;
};

#define IOP_STACK_MAGIC 0x9d1e5a27u

/* --- iop_stack_counts: per CPU, an element a stage --- */

/* STACK(id, name, doc) */
#define IOP_STACK_COUNTERS(COUNTER)                                                           \
	COUNTER(TAKEN, "taken", "a core was taken because packets waited")                    \
	COUNTER(GIVEN, "given-back", "a core was given back")                                 \
	COUNTER(MOVED, "moved", "a bucket of flows went to another core")                     \
	COUNTER(HELD, "held", "packets sent to the old core because others were on their way to it") \
	COUNTER(NO_ROOM, "no-room", "the driver has no room for a stamp: waiting cannot be measured") \
	COUNTER(MEASURED, "measured", "packets whose waiting time was measured")              \
	COUNTER(LATE, "late", "of these, waited longer than the target")                      \
	COUNTER(WAITED, "waited-ns", "time that the measured packets have waited, in all")

enum iop_stack_counter {
#define IOP_COUNTER_ID(id, name, doc) IOP_STACK_##id,
	IOP_STACK_COUNTERS(IOP_COUNTER_ID)
#undef IOP_COUNTER_ID
	IOP_STACK_COUNT
};

/* Counters of what is measured are those of the core that measured it. */
struct iop_stack_counts {
	__u64 count[IOP_STACK_COUNT];
	__u64 late_since; /* packets of this core have been late since then; 0: the last was not */
};

/*
 * Core i of a stage, as an index into its pool of n cores; n and more: there is none. The
 * guarantees of a pool's stages lie side by side at its front, `before` are those of earlier stages,
 * `guaranteed` is their sum; behind them is what all may take, each beginning elsewhere.
 */
static inline __attribute__((always_inline)) __u32
iop_stack_place(__u32 n, __u32 guaranteed, __u32 before, __u32 least, __u32 order, __u32 i)
{
	if (i < least)
		return before + i;
	if (guaranteed >= n || i - least >= n - guaranteed)
		return n;
	return guaranteed + (i - least + order) % (n - guaranteed);
}

#endif
