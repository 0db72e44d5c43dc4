/* SPDX-License-Identifier: BSD-2-Clause */
/* The rx stage meets a packet: the kernel runs the program once, and nothing is sent. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "policytest_fate.h"
#include "stack.h"

static void unknown(struct stage_fate *fate, const char *why)
{
	fate->kind = FATE_UNKNOWN;
	(void)snprintf(fate->why, sizeof(fate->why), "%s", why);
}

/* The core that a target's counter stands for. */
static bool core_of(const struct policytest *t, const struct tally_change *change, __u32 *core)
{
	const struct iop_desc_target *target = change->target;
	const struct core_list *pool;
	struct core_list list;
	bool there;

	if (target->pool == IOP_NONE)
		return false;
	list = *(pool = &t->values.pools[target->pool]);
	if (target->stack != IOP_NONE && stack_cores(t->object, target->stack, pool, &list))
		return false;
	there = change->number < list.n;
	if (there)
		*core = list.cores[change->number];
	if (list.cores != pool->cores)
		free(list.cores);
	return there;
}

/* A verdict and what was counted on the way to it. */
static void conclude(const struct policytest *t, __u32 verdict, const struct tally_change *change,
		     struct stage_fate *fate)
{
	fate->fallback = change->reasons[IOP_COUNT_FALLBACK] != 0;
	fate->limited = change->reasons[IOP_COUNT_LIMITED] != 0;
	switch (verdict) {
	case XDP_PASS: fate->kind = FATE_PASS; break;
	case XDP_DROP: fate->kind = FATE_DROP; break;
	case XDP_REDIRECT:
		if (!change->target || !core_of(t, change, &fate->number)) {
			unknown(fate,
				t->poor ? POLICYTEST_POOR
					: "the program steered, but its counters do not say where");
			break;
		}
		fate->kind = FATE_STEER;
		fate->pool = change->target->pool;
		break;
	default:
		fate->kind = FATE_UNKNOWN;
		(void)snprintf(fate->why, sizeof(fate->why),
			       "the program returned %u, which is no verdict of a policy", verdict);
	}
}

int policytest_rx(const struct policytest *t, struct fate *fate)
{
	const struct iop_desc_step *p = fate->packet;
	_cleanup_tally_ struct tally before = { 0 }, after = { 0 };
	struct tally_change change;
	LIBBPF_OPTS(bpf_test_run_opts, run, .repeat = 1, .data_size_in = p->n_blob,
		    .data_in = object_row(t->object, IOP_TABLE_BLOBS, p->blob));
	int fd, err;

	if (!program_stage(t->object, IOP_HOOK_RX)) {
		fate->rx.kind = FATE_PASS;
		return 0;
	}
	fd = program_fd(t->policy, t->object, IOP_HOOK_RX);
	err = tally_read(t->policy, t->object, IOP_HOOK_RX, &before);
	if (err)
		return err;
	err = bpf_prog_test_run_opts(fd, &run);
	if (err == -EINVAL) {
		(void)snprintf(fate->rx.why, sizeof(fate->rx.why),
			       "the kernel's test run takes frames of 14 to about 3500 bytes, this "
			       "one has %u",
			       p->n_blob);
		return 0;
	}
	if (err) {
		(void)snprintf(fate->rx.why, sizeof(fate->rx.why),
			       "the kernel's test run fails: %s", strerror(-err));
		return 0;
	}
	err = tally_read(t->policy, t->object, IOP_HOOK_RX, &after);
	if (err)
		return err;
	tally_compare(t->object, IOP_HOOK_RX, &before, &after, &change);
	conclude(t, run.retval, &change, &fate->rx);
	fate_tell_class(t->object, &change, fate);
	return 0;
}
