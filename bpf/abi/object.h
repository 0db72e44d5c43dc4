/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The description section: what the runtime must know of a policy beside its
 * programs and maps. It is the whole contract between iopc and iopctl;
 * docs/object-format.md is written for those who implement another side of it.
 *
 * ELF section `.iop`: a header, then tables of fixed-size rows at the offsets
 * that the header gives, in the byte order of the object. A reader checks
 * everything before it uses anything: offsets and sizes, every reference from a
 * row to another table, every enum, every string's end. A string is an offset
 * into IOP_TABLE_STRINGS, where it ends with a NUL; offset 0 is "".
 *
 * A number of a row that counts references (`first_x`, `n_x`) names rows
 * first_x … first_x + n_x - 1 of table x.
 *
 * Compatibility: `version` changes when a reader of the old version would
 * misread; rows may grow at their end within a version (row_size tells).
 */
#ifndef IOP_ABI_OBJECT_H
#define IOP_ABI_OBJECT_H

#include <linux/types.h>

#define IOP_DESC_SECTION ".iop"
#define IOP_DESC_MAGIC 0x00504f49u /* "IOP\0" read in the object's byte order */
#define IOP_DESC_VERSION 2
#define IOP_DESC_MAX_SIZE (16u << 20)
#define IOP_NONE 0xffffffffu

enum iop_desc_table_id {
	IOP_TABLE_STRINGS,   /* bytes; the last one is NUL */
	IOP_TABLE_BLOBS,     /* bytes */
	IOP_TABLE_POOLS,     /* struct iop_desc_pool */
	IOP_TABLE_TERMS,     /* struct iop_desc_term */
	IOP_TABLE_PARAMS,    /* struct iop_desc_param */
	IOP_TABLE_WORKLOADS, /* struct iop_desc_workload */
	IOP_TABLE_MATCHES,   /* struct iop_desc_match */
	IOP_TABLE_RANGES,    /* struct iop_desc_range */
	IOP_TABLE_PREFIXES,  /* struct iop_desc_prefix */
	IOP_TABLE_OWNERS,    /* struct iop_desc_owner */
	IOP_TABLE_CLASSES,   /* struct iop_desc_class */
	IOP_TABLE_STAGES,    /* struct iop_desc_stage, in the order of attachment */
	IOP_TABLE_MAPS,      /* struct iop_desc_map */
	IOP_TABLE_TARGETS,   /* struct iop_desc_target */
	IOP_TABLE_FEATURES,  /* struct iop_desc_feature */
	IOP_TABLE_TESTS,     /* struct iop_desc_test */
	IOP_TABLE_STEPS,     /* struct iop_desc_step */
	IOP_TABLE_STACKS,    /* struct iop_desc_stack */
	IOP_TABLE_COUNT
};

struct iop_desc_table {
	__u32 offset;   /* from the start of the section */
	__u32 count;    /* rows */
	__u32 row_size; /* bytes; not less than this version's */
};

struct iop_desc_header {
	__u32 magic;
	__u32 version;
	__u32 size;     /* of the whole section */
	__u32 n_tables; /* IOP_TABLE_COUNT or more */
	__u8 digest[32]; /* SHA-256 of the sources */
	__u32 policy;   /* string: name; [A-Za-z_][A-Za-z0-9_]*, at most 63 bytes */
	__u32 compiler; /* string: "iopc 0.1.0" */
	__u32 flags;    /* IOP_DESC_* */
	struct iop_desc_table tables[IOP_TABLE_COUNT];
};

#define IOP_DESC_REQUIRE_NATIVE_XDP 1u

/* A place in the sources; line 0: none. */
struct iop_desc_place {
	__u32 file; /* string */
	__u32 line, column;
};

enum iop_pool_term_kind {
	IOP_TERM_CORES,
	IOP_TERM_NUMA,
	IOP_TERM_LLC,
	IOP_TERM_SMT_OFF,
	IOP_TERM_EXCEPT,
	IOP_TERM_KINDS
};

struct iop_desc_term {
	__u32 kind;
	__u32 lo, hi; /* inclusive */
	struct iop_desc_place place;
};

/*
 * A pool that a program steers to. Fixed ones have their cores in the code;
 * the loader checks that they exist. Of others the loader writes struct
 * iop_pool_cores to the variable `variable` in .rodata before it loads.
 */
struct iop_desc_pool {
	__u32 name;
	struct iop_desc_place place;
	__u32 first_term, n_terms;
	__u32 variable;  /* string: name of the variable; "": fixed */
	__u32 steered;   /* 1: some rule steers to it: its cores belong into iop_cpus */
};

#define IOP_POOL_CORES 64
struct iop_pool_cores {
	__u32 n;                   /* 1 … IOP_POOL_CORES */
	__u32 core[IOP_POOL_CORES]; /* the rest 0 */
};

enum iop_param_type {
	IOP_PARAM_NUMBER,
	IOP_PARAM_RATE,     /* a second */
	IOP_PARAM_BITRATE,  /* bit/s */
	IOP_PARAM_DURATION, /* ns */
	IOP_PARAM_TYPES
};

struct iop_desc_param {
	__u32 name;
	struct iop_desc_place place;
	__u32 type;
	__u32 variable; /* string: __u64 in .rodata, of a live one in .data.live; "": nothing reads
			   it. It holds iop_param_worth() of the value */
	__u64 value, min, max;
	__u32 live;     /* 1: may change while the policy runs */
	__u32 reserved; /* 0 */
};

struct iop_desc_workload {
	__u32 name;
	struct iop_desc_place place;
	__u32 first_class, n_classes;
	__u32 first_match, n_matches;
	__u32 first_owner, n_owners;
	__u32 rank;
	__u32 hooks; /* bit per enum iop_hook: it has rules there */
};

struct iop_desc_match {
	struct iop_desc_place place;
	__u32 protocol;               /* IPPROTO_UDP, IPPROTO_TCP */
	__u32 first_port, n_ports;    /* ranges */
	__u32 first_to, n_to;         /* prefixes */
	__u32 first_from, n_from;     /* prefixes */
};

struct iop_desc_range {
	__u32 lo, hi; /* inclusive */
};

struct iop_desc_prefix {
	__u8 address[16]; /* network order; IPv4 in the first 4 bytes */
	__u32 family;     /* 4 or 6 */
	__u32 length;
};

enum iop_owner_kind { IOP_OWNER_CGROUP, IOP_OWNER_COMM, IOP_OWNER_EXE, IOP_OWNER_KINDS };

struct iop_desc_owner {
	__u32 kind;
	__u32 text; /* string */
	struct iop_desc_place place;
};

struct iop_desc_class {
	__u32 name;
	struct iop_desc_place place;
	__u32 workload;
	__u32 rank; /* within the workload; 0 is the most urgent */
};

enum iop_hook {
	IOP_HOOK_SOCKET, /* program `iop_socket`, sk_reuseport, an instance per socket group */
	IOP_HOOK_CONNECTIONS, /* program `iop_connections`, tracepoint inet_sock_set_state */
	IOP_HOOK_LOOKUP, /* program `iop_lookup`, sk_lookup, on the network namespace */
	IOP_HOOK_TX,     /* program `iop_tx`, tc egress, on each device */
	IOP_HOOK_STACK,  /* program `iop_stack`, XDP of the threads of a cpumap's cores */
	IOP_HOOK_RX,     /* program `iop_rx`, XDP, on each device */
	IOP_HOOKS
};

/*
 * One row a hook that the policy uses; the loader attaches them in this order and
 * detaches in the opposite one.
 */
struct iop_desc_stage {
	__u32 hook;
	__u32 program; /* string: name of the program */
	struct iop_desc_place place;
	/* TX: bands that it orders by, 0: it does not; 1: it gives packets a time to leave. The
	 * loader sees to it that the device's queue goes by both. */
	__u32 bands, paces;
};

/*
 * Band b has the priority IOP_QDISC_HANDLE | (b + 1): a class of the qdisc with that handle. What
 * has another priority is nobody's, and is sent before all of them.
 */
#define IOP_QDISC_HANDLE 0x010f0000u
#define IOP_BANDS 8

/* A packet that is paced waits at most so long, in ns: a qdisc drops what is further ahead. */
#define IOP_PACE_MOST 5000000000ULL

enum iop_map_role {
	IOP_MAP_COUNT_RX,     /* "iop_count_rx": abi/count.h */
	IOP_MAP_COUNT_SOCKET, /* "iop_count_socket" */
	IOP_MAP_COUNT_TX,     /* "iop_count_tx" */
	IOP_MAP_PATH,         /* "iop_path": abi/count.h; element i is enum iop_hook i */
	IOP_MAP_CPUS,         /* "iop_cpus": cpumap; max_entries set by the loader */
	IOP_MAP_WORKERS,      /* "iop_workers": reuseport_sockarray; key is the worker's number */
	IOP_MAP_GROUP,        /* ".data.group": struct iop_group */
	IOP_MAP_NEAR_CORE,    /* array: key current cpu, value index into the pool */
	IOP_MAP_NEAR_WORKER,  /* array: key current cpu, value index into the worker set */
	IOP_MAP_TURNS,        /* round robin: array of __u32, one per action */
	IOP_MAP_LIMIT,        /* array of 1 (or LRU hash): abi/limit.h; private to the programs */
	IOP_MAP_RODATA,       /* ".rodata" */
	IOP_MAP_WORKER_ROWS,  /* "iop_worker_rows": abi/worker.h; max_entries set by the loader */
	IOP_MAP_WORKER_OF,    /* "iop_worker_of": a socket's cookie to its row; likewise */
	IOP_MAP_LIVE,         /* ".data.live": live params; changed by single stores of 8 bytes */
	IOP_MAP_STACKS,       /* "iop_stacks": abi/stack.h; max_entries of these set by the loader */
	IOP_MAP_STACK_ROWS,   /* "iop_stack_rows": abi/stack.h */
	IOP_MAP_STACK_HOMES,  /* "iop_stack_homes": abi/stack.h */
	IOP_MAP_STACK_CORES,  /* "iop_stack_cores": abi/stack.h */
	IOP_MAP_COUNT_STACK,  /* "iop_stack_counts": abi/stack.h */
	IOP_MAP_SET,          /* "iop_set_NAME": LPM trie or hash, abi/set.h; filled by the loader */
	IOP_MAP_SIGNAL,       /* "iop_signal_NAME": array, an element a row of workers */
	IOP_MAP_LOOKUP_BOUND,   /* "iop_lookup_bound": abi/lookup.h */
	IOP_MAP_LOOKUP_GROUPS,  /* "iop_lookup_groups" */
	IOP_MAP_LOOKUP_SOCKETS, /* "iop_lookup_sockets": sockmap */
	IOP_MAP_CONNECTION_OF,  /* "iop_connection_of": sk_storage, abi/connection.h */
	IOP_MAP_OTHER,
	IOP_MAP_ROLES
};

/*
 * Scope: maps of the policy exist once and are shared by all its programs; of maps
 * of a group each instance of the socket program has its own.
 */
enum iop_map_scope { IOP_SCOPE_POLICY, IOP_SCOPE_GROUP, IOP_SCOPES };

struct iop_desc_map {
	__u32 name;   /* string: its name in the object */
	__u32 role;
	__u32 scope;
	/* NEAR_CORE: the pool. NEAR_WORKER: the set of workers within those there are. */
	__u32 pool;            /* row or IOP_NONE */
	__u32 workers_kind;    /* enum iop_workers_kind */
	__u32 first_range, n_ranges;
	__u32 workers_n;       /* LAST, ALL_BUT_LAST; SIGNAL: bytes of its number: 1, 2, 4, 8 */
	/* SET: its entries; a number is the first 64 bits of an address of family 6 */
	__u32 first_prefix, n_prefixes;
	struct iop_desc_place place;
};

enum iop_workers_kind {
	IOP_WORKERS_LIST, /* ranges of numbers, in this order */
	IOP_WORKERS_ALL,
	IOP_WORKERS_LAST,
	IOP_WORKERS_ALL_BUT_LAST,
	IOP_WORKERS_KINDS
};

/*
 * `.data.group` of a socket group. The loader writes it before the program is
 * attached and whenever workers come or go; all of it as one update.
 */
struct iop_group {
	__u32 workload; /* row of IOP_TABLE_WORKLOADS that the group serves */
	__u32 n;        /* workers: slots 0 … n-1 of iop_workers are in use */
	__u32 base;     /* row of worker 0 in iop_worker_rows (abi/worker.h) */
};

/*
 * Targets count the choices of one action: counters first … first + n - 1 of
 * the class at that stage are cores of the pool in its order (RX), or workers
 * by their number (SOCKET; the last counter takes all numbers beyond).
 */
struct iop_desc_target {
	__u32 class;
	__u32 hook;
	__u32 first, n; /* in the element of the stage's counter map, from its start */
	__u32 pool;     /* row or IOP_NONE */
	/* SOCKET: the workers that the action can name, to check against those there are. */
	__u32 workers_kind;
	__u32 first_range, n_ranges;
	__u32 workers_n;
	struct iop_desc_place place;
	__u32 stack; /* RX: row of the stack stage whose cores they are, in its order; IOP_NONE */
};

/*
 * A workload's stack stage: from `least` to `most` cores of a pool. Which ones these are
 * iop_stack_place() of abi/stack.h says; the loader writes them, in this order, as struct
 * iop_pool_cores to the variable.
 */
struct iop_desc_stack {
	__u32 workload;
	struct iop_desc_place place;
	__u32 pool;
	__u32 least, most;
	__u32 queue;      /* packets that may wait for a core */
	__u32 before;     /* sum of the guarantees of earlier stages of the pool */
	__u32 guaranteed; /* of all of them */
	__u32 order;      /* among the pool's stages */
	__u32 variable;   /* string */
	__u64 target;     /* ns of waiting, above which another core is taken */
};

enum iop_feature {
	IOP_FEATURE_XDP_LINK,
	IOP_FEATURE_REUSEPORT,
	IOP_FEATURE_SOCKARRAY,
	IOP_FEATURE_PIDFD_GETFD,
	IOP_FEATURE_CPUMAP,
	IOP_FEATURE_ATOMICS,
	IOP_FEATURE_LOOPS,
	IOP_FEATURE_LRU,
	IOP_FEATURE_EGRESS,
	IOP_FEATURE_CPUMAP_PROG,
	IOP_FEATURE_BANDS,
	IOP_FEATURE_EDT,
	IOP_FEATURE_TRIE,
	IOP_FEATURE_SOCKET_QUEUE,
	IOP_FEATURE_LOOKUP,
	IOP_FEATURE_CONNECTIONS,
	IOP_FEATURES
};

/* A feature of the kernel that a line needs. The loader probes it. */
struct iop_desc_feature {
	__u32 feature;
	__u32 since; /* first release that has it: major << 16 | minor */
	__u32 what;  /* string: what it is */
	__u32 why;   /* string: what the policy does with it */
	struct iop_desc_place place; /* the first line that needs it */
};

struct iop_desc_test {
	__u32 name;
	struct iop_desc_place place;
	__u32 first_step, n_steps;
};

enum iop_step_kind {
	IOP_STEP_PACKET,          /* blob: a frame from the Ethernet header on */
	IOP_EXPECT_WORKLOAD,      /* a: workload or IOP_NONE */
	IOP_EXPECT_CLASS,         /* a: class or IOP_NONE */
	IOP_EXPECT_RX_PASS,
	IOP_EXPECT_RX_DROP,
	IOP_EXPECT_RX_CORE,       /* a: core */
	IOP_EXPECT_RX_STEER,      /* a: pool */
	IOP_EXPECT_SOCKET_PASS,
	IOP_EXPECT_SOCKET_DROP,
	IOP_EXPECT_SOCKET_WORKERS, /* ranges */
	IOP_EXPECT_TX_PASS,
	IOP_EXPECT_TX_DROP,
	IOP_EXPECT_TX_MARK,        /* a: the mark */
	IOP_EXPECT_TX_BAND,        /* a: the band */
	IOP_STEP_KINDS
};

/* Expectations concern the packet before them. */
struct iop_desc_step {
	__u32 kind;
	struct iop_desc_place place;
	__u32 a;
	__u32 blob, n_blob;         /* PACKET: bytes blob … blob + n_blob - 1 of IOP_TABLE_BLOBS */
	__u32 first_range, n_ranges;
};

/* The cost of one request in ns for a rate a second, rounded, at least 1; rate 0: never. */
static inline __attribute__((always_inline)) __u64 iop_rate_cost(__u64 rate)
{
	__u64 cost = rate ? (1000000000ULL + rate / 2) / rate : ~0ULL;

	return cost ? cost : 1;
}

/* The cost of one byte in 2^-16 ns for a bit rate, rounded, at least 1; rate 0: never. */
static inline __attribute__((always_inline)) __u64 iop_bitrate_cost(__u64 rate)
{
	__u64 cost = rate ? ((8000000000ULL << 16) + rate / 2) / rate : ~0ULL;

	return cost ? cost : 1;
}

/* What programs reckon with where a param of the type has the value. */
static inline __attribute__((always_inline)) __u64 iop_param_worth(__u32 type, __u64 value)
{
	switch (type) {
	case IOP_PARAM_RATE: return iop_rate_cost(value);
	case IOP_PARAM_BITRATE: return iop_bitrate_cost(value);
	default: return value;
	}
}

#endif
