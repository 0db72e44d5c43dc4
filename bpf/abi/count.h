/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Counters: what the programs count and the runtime reads. A stage has one
 * per-CPU array map, `iop_count_<stage>`, with an element per class (by its
 * number within the policy); the element is an array of __u64: first the
 * reasons below, then, from IOP_COUNT_TARGETS on, one per target of the class's
 * rules (struct iop_desc_target says which core or worker each one is).
 */
#ifndef IOP_ABI_COUNT_H
#define IOP_ABI_COUNT_H

/* COUNTER(id, name, doc) */
#define IOP_COUNTERS(COUNTER)                                                              \
	COUNTER(SEEN, "seen", "packets of the class")                                      \
	COUNTER(PASSED, "passed", "went on as if there were no policy")                    \
	COUNTER(DROPPED, "dropped", "dropped by a `drop` rule")                            \
	COUNTER(LIMITED, "limited", "over a limit, and dropped for it")                    \
	COUNTER(OVER, "over", "over a limit, and met the action behind `else`")            \
	COUNTER(COUNTED, "counted", "met a `count` rule")                                  \
	COUNTER(STEERED, "steered", "given to the core or worker that the rule chose")     \
	COUNTER(FALLBACK, "fallback", "chosen core or worker not there: went the kernel's way") \
	COUNTER(NO_STATE, "no-state", "no room to remember a limit's key: let through")    \
	COUNTER(PACED, "paced", "given a time to leave that was to come")                  \
	COUNTER(LATE, "late", "would have had to wait longer than a pace holds: left before its turn") \
	COUNTER(STUCK, "stuck", "all workers of the set were stuck: the one with the least to do got it")

enum iop_counter {
#define IOP_COUNTER_ID(id, name, doc) IOP_COUNT_##id,
	IOP_COUNTERS(IOP_COUNTER_ID)
#undef IOP_COUNTER_ID
	IOP_COUNT_TARGETS
};

/*
 * `iop_path`, a per-CPU array with one element a stage: packets of which no
 * class could be told though the stage's program met them.
 */
#define IOP_PATH_COUNTERS(COUNTER)                                                          \
	COUNTER(UNCLASSED, "unclassed", "belongs to a workload, but no class takes it")     \
	COUNTER(UNSEEN, "unseen", "payload not in the linear part of the packet: went the kernel's way")

enum iop_path_counter {
#define IOP_COUNTER_ID(id, name, doc) IOP_PATH_##id,
	IOP_PATH_COUNTERS(IOP_COUNTER_ID)
#undef IOP_COUNTER_ID
	IOP_PATH_COUNT
};

#endif
