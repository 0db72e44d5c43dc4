/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What loading a policy has done, row by row, pinned beside it in an array map:
 * unload, status and stats need neither the object's file nor a process that
 * remembers. A row is written before what it tells of is done, so that nothing is done
 * that a later unload would not know of.
 *
 * Unlike abi/object.h this is between iopctl and iopctl; RECORD_VERSION changes
 * with any change of it.
 */
#ifndef IOP_RUNTIME_RECORD_H
#define IOP_RUNTIME_RECORD_H

#include "abi/object.h"
#include "report.h"

#define RECORD_VERSION 3
#define RECORD_TEXT 200
#define RECORD_IRQ_CORES 96 /* of a list of cores, as the kernel writes it */

enum record_kind {
	RECORD_NOTHING, /* an array's rows are zero at first */
	RECORD_POLICY,  /* row 0 of a policy's record */
	RECORD_PARAM,
	RECORD_POOL,
	RECORD_DEVICE,
	RECORD_OFFLOAD,
	RECORD_EGRESS,
	RECORD_QDISC,
	RECORD_IRQ,
	RECORD_GROUP,   /* row 0 of a group's record */
	RECORD_WORKER,  /* rows 1 … of it, by number */
};

enum record_state { RECORD_LOADING, RECORD_LOADED, RECORD_UNLOADING };

struct record_policy {
	__u32 version;
	__u32 state;
	__u64 loaded_at; /* seconds since 1970 */
	__u64 netns;     /* its cookie */
	char object[RECORD_TEXT];
};

/* By the operator: not at all, at load, while the policy runs. */
enum record_set { RECORD_NOT_SET, RECORD_SET_AT_LOAD, RECORD_SET_SINCE };

struct record_param {
	__u32 param; /* row of the description */
	__u32 set;   /* enum record_set */
	__u64 value;
};

/* What a pool that is not fixed has come to be. */
struct record_pool {
	__u32 pool;
	struct iop_pool_cores cores;
};

struct record_device {
	__u32 index;
	__u32 mode; /* enum iop_xdp_mode */
	char name[16];
};

/* tx checksumming of a veth device's peer. */
struct record_offload {
	__u64 netns; /* the peer's; 0: nothing was changed */
	__u32 index;
	__u32 before, after; /* 1: on */
	char name[16];
	char device[16]; /* ours */
};

enum record_mode { RECORD_TCX, RECORD_FILTER };

/* The tx program at a device's egress. */
struct record_egress {
	__u32 index;
	__u32 mode;       /* enum record_mode */
	__u32 program;    /* FILTER: its id, by which the filter is known to be ours */
	__u32 made_qdisc; /* FILTER: clsact was not there before */
	char name[16];
};

enum record_qdisc_kind { QDISC_NONE, QDISC_PRIO, QDISC_HTB, QDISC_FQ, QDISC_PRIO_FQ, QDISC_MQ_FQ };

/* A device's queue, which was the kernel's default. */
struct record_qdisc {
	__u32 index;
	__u32 is;     /* enum record_qdisc_kind: what is installed */
	__u32 bands;
	__u32 queues; /* MQ_FQ */
	char name[16];
	char before[16]; /* kind */
};

/* Where an interrupt of a device is served. */
struct record_irq {
	__u32 irq;
	__u32 fixed; /* 1: the kernel does not let it be moved: nothing was changed */
	char device[16];
	char before[RECORD_IRQ_CORES], after[RECORD_IRQ_CORES];
};

/* The sockets among which the kernel chooses for one address and port. */
struct record_group {
	__u64 netns;
	__u32 workload; /* row of the description */
	__u32 family;
	__u32 protocol; /* IPPROTO_UDP, IPPROTO_TCP */
	__u32 port;
	__u32 v6only;
	__u32 uid;
	__u32 device;   /* index that the sockets are bound to; 0: none */
	__u32 program;  /* the instance's id */
	__u32 attached; /* from just before it is, so that we never detach what is not ours */
	__u32 base;     /* row of worker 0 in iop_worker_rows, if the policy has them */
	__u32 n_workers;
	__u8 address[16];
};

struct record_worker {
	__u64 cookie;
	__u64 inode;
	__s32 pid; /* 0: unknown */
	char comm[16];
};

struct record_row {
	__u32 kind;
	__u32 reserved;
	union {
		struct record_policy policy;
		struct record_param param;
		struct record_pool pool;
		struct record_device device;
		struct record_offload offload;
		struct record_egress egress;
		struct record_qdisc qdisc;
		struct record_irq irq;
		struct record_group group;
		struct record_worker worker;
	};
};

/* Rows in memory, and the map that they are written to (-1: none yet). */
struct record {
	struct record_row *rows;
	__u32 n;
	int map;
};

#define RECORD_EMPTY ((struct record){ .map = -1 })

/* Adds a zeroed row of the kind; NULL without memory. Pointers to rows are valid until
 * the next one is added. */
struct record_row *record_add(struct record *r, enum record_kind kind);

/* The next row of the kind from row *at on, *at behind it; NULL at the end. */
struct record_row *record_next(const struct record *r, enum record_kind kind, __u32 *at);

/* Makes the map, with all rows as they are. Pinning it is the caller's. */
int record_create(struct record *r, struct iop_report *report);

/* Writes a row as it is now. */
int record_write(const struct record *r, const struct record_row *row, struct iop_report *report);

/* Reads what is pinned at `path`. -ENOENT without a message: not there. */
int record_open(struct record *r, const char *path, struct iop_report *report);

void record_close(struct record *r);

#endif
