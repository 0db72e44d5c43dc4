/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Maps whose layout is the same for all policies. The compiler drops those
 * that nothing uses; the loader sizes iop_cpus.
 */
#ifndef IOP_STAGE_MAPS_H
#define IOP_STAGE_MAPS_H

#include "stage/stage.h"

struct iop_path_counts {
	__u64 count[IOP_PATH_COUNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, IOP_HOOKS);
	__type(key, __u32);
	__type(value, struct iop_path_counts);
} iop_path SEC(".maps");

/* struct bpf_cpumap_val, in which BTF of a union without a name gets lost. */
struct iop_cpu {
	__u32 queue;   /* packets */
	__u32 program; /* of the core's thread; 0: none */
};

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iop_cpu);
} iop_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} iop_workers SEC(".maps");

/* Both have an entry a worker of any group, made at load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iop_worker_row);
} iop_worker_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} iop_worker_of SEC(".maps");

/* Written by the loader only: LLVM must not take it for the zero that it starts with. */
volatile struct iop_group iop_group SEC(".data.group");

#endif
