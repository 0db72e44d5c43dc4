/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether what became of a packet is what was expected, and how to say what it was.
 * The words are those of `iopc --test`.
 */
#include "policytest_fate.h"

static bool is_rx(const struct iop_desc_step *e)
{
	return e->kind >= IOP_EXPECT_RX_PASS && e->kind <= IOP_EXPECT_RX_STEER;
}

static bool is_socket(const struct iop_desc_step *e)
{
	return e->kind >= IOP_EXPECT_SOCKET_PASS && e->kind <= IOP_EXPECT_SOCKET_WORKERS;
}

static bool is_tx(const struct iop_desc_step *e)
{
	return e->kind >= IOP_EXPECT_TX_PASS && e->kind <= IOP_EXPECT_TX_BAND;
}

/* Is the number among the expected ones? */
static bool expects(const struct iop_object *o, const struct iop_desc_step *e, __u32 number)
{
	for (__u32 i = 0; i < e->n_ranges; i++) {
		const struct iop_desc_range *range = object_range(o, e->first_range + i);

		if (number >= range->lo && number <= range->hi)
			return true;
	}
	return e->n_ranges == 0 && number == e->a;
}

static enum verdict verdict_of(bool holds)
{
	return holds ? VERDICT_HOLDS : VERDICT_FAILS;
}

/* Might a machine with all cores of the pools have decided otherwise? */
static bool for_want_of_cores(const struct policytest *t, const struct fate *f)
{
	return t->poor && f->rx.fallback;
}

static enum verdict judge_rx(const struct policytest *t, const struct iop_desc_step *e,
			     const struct fate *f)
{
	bool holds = false;

	if (f->rx.kind == FATE_UNKNOWN || for_want_of_cores(t, f))
		return VERDICT_UNKNOWN;
	switch (e->kind) {
	case IOP_EXPECT_RX_PASS: holds = f->rx.kind == FATE_PASS; break;
	case IOP_EXPECT_RX_DROP: holds = f->rx.kind == FATE_DROP; break;
	case IOP_EXPECT_RX_CORE:
		holds = f->rx.kind == FATE_STEER && expects(t->object, e, f->rx.number);
		break;
	case IOP_EXPECT_RX_STEER: holds = f->rx.kind == FATE_STEER && f->rx.pool == e->a; break;
	default: break;
	}
	return verdict_of(holds);
}

static enum verdict judge_socket(const struct policytest *t, const struct iop_desc_step *e,
				 const struct fate *f)
{
	if (f->rx.kind == FATE_DROP)
		return VERDICT_FAILS;
	if (f->socket.kind == FATE_UNKNOWN)
		return VERDICT_UNKNOWN;
	switch (e->kind) {
	case IOP_EXPECT_SOCKET_PASS: return verdict_of(f->socket.kind == FATE_PASS);
	case IOP_EXPECT_SOCKET_DROP: return verdict_of(f->socket.kind == FATE_DROP);
	default:
		return verdict_of(f->socket.kind == FATE_WORKER &&
				  expects(t->object, e, f->socket.number));
	}
}

static enum verdict judge_tx(const struct iop_desc_step *e, const struct fate *f)
{
	bool leaves = f->tx.kind == FATE_PASS;

	if (f->rx.kind == FATE_DROP || f->socket.kind == FATE_DROP || f->untold)
		return VERDICT_FAILS;
	if (f->tx.kind == FATE_UNKNOWN)
		return VERDICT_UNKNOWN;
	switch (e->kind) {
	case IOP_EXPECT_TX_PASS: return verdict_of(leaves);
	case IOP_EXPECT_TX_DROP: return verdict_of(!leaves);
	case IOP_EXPECT_TX_MARK: return verdict_of(leaves && f->tx.marked && f->tx.mark == e->a);
	default: return verdict_of(leaves && f->tx.ordered && f->tx.band == e->a);
	}
}

enum verdict expectation_judge(const struct policytest *t, const struct iop_desc_step *e,
			       const struct fate *f)
{
	if (is_rx(e))
		return judge_rx(t, e, f);
	if (is_socket(e))
		return judge_socket(t, e, f);
	if (is_tx(e))
		return judge_tx(e, f);
	if (e->kind == IOP_EXPECT_WORKLOAD)
		return verdict_of(e->a == f->workload);
	return f->classed ? verdict_of(e->a == f->class) : VERDICT_UNKNOWN;
}

const char *expectation_unknown(const struct policytest *t, const struct iop_desc_step *e,
				const struct fate *f)
{
	if (is_rx(e) && for_want_of_cores(t, f))
		return POLICYTEST_POOR;
	if (is_tx(e))
		return f->tx.why;
	if (is_rx(e) || f->rx.kind == FATE_UNKNOWN)
		return f->rx.why;
	if (is_socket(e) || f->socket.kind == FATE_UNKNOWN)
		return f->socket.why;
	return "no stage of the policy tells the packet's class";
}

/* --- words --- */

static void say_stage(FILE *out, const struct iop_object *o, const char *stage,
		      const struct stage_fate *fate)
{
	(void)fprintf(out, "%s ", stage);
	switch (fate->kind) {
	case FATE_UNKNOWN: (void)fputs("not known here", out); break;
	case FATE_PASS:
		(void)fputs(fate->fallback ? "pass (what the rule chose is not there)" : "pass",
			    out);
		break;
	case FATE_DROP: (void)fputs(fate->limited ? "drop (over the limit)" : "drop", out); break;
	case FATE_STEER:
		(void)fprintf(out, "steer to %s, core %u",
			      object_string(o, object_pool(o, fate->pool)->name), fate->number);
		break;
	case FATE_WORKER: (void)fprintf(out, "worker %u", fate->number); break;
	}
	if (fate->kind == FATE_PASS && fate->marked)
		(void)fprintf(out, ", mark %u", fate->mark);
	if (fate->kind == FATE_PASS && fate->ordered)
		(void)fprintf(out, ", band %u", fate->band);
}

static void say_reply(FILE *out, const struct iop_object *o, const struct fate *fate)
{
	struct stage_fate untold = { .kind = FATE_UNKNOWN };

	say_stage(out, o, "tx", fate->untold ? &untold : &fate->tx);
}

void expectation_got(FILE *f, const struct policytest *t, const struct iop_desc_step *e,
		     const struct fate *fate)
{
	const struct iop_object *o = t->object;

	if (e->kind == IOP_EXPECT_WORKLOAD)
		(void)fprintf(f, "workload %s",
			      fate->workload == IOP_NONE
				      ? "none"
				      : object_string(o, object_workload(o, fate->workload)->name));
	else if (e->kind == IOP_EXPECT_CLASS)
		(void)fprintf(f, "class %s",
			      fate->class == IOP_NONE
				      ? "none"
				      : object_string(o, object_class(o, fate->class)->name));
	else if (is_rx(e) || fate->rx.kind == FATE_DROP)
		say_stage(f, o, "rx", &fate->rx);
	else if (is_tx(e) && fate->socket.kind != FATE_DROP)
		say_reply(f, o, fate);
	else
		say_stage(f, o, "socket", &fate->socket);
}
