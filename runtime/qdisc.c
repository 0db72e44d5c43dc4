/* SPDX-License-Identifier: BSD-2-Clause */
#include "qdisc.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <string.h>
#include <time.h>

#include "netlink.h"
#include "netns.h"

#define OURS IOP_QDISC_HANDLE
#define QUEUE_PACKETS 16384 /* of fq: senders are held back by their own buffers before that */
#define PRIO_LEAST 2        /* bands */
#define HTB_RATE 125000000000ULL /* bytes a second, so that it never holds anything back */
#define HTB_BUFFER (1u << 24)    /* ticks of 64 ns */
#define HTB_QUANTUM 60000        /* bytes; no default that the kernel warns of */
#define DRAIN_STEP_MS 5
#define DRAIN_MS (IOP_PACE_MOST / 1000000 + 1000)

/* --- what is there --- */

struct queue {
	__u32 index;
	__u32 handle; /* of the root; 0: the kernel's default */
	char kind[16];
	__u32 waiting; /* packets */
	__u32 queues;  /* of a device that has several */
	bool has_bands, has_fq;
};

static void read_waiting(const struct nlattr *stats, struct queue *q)
{
	struct nlattr *a;
	struct gnet_stats_queue s;

	mnl_attr_for_each_nested(a, stats) {
		if (mnl_attr_get_type(a) != TCA_STATS_QUEUE ||
		    mnl_attr_get_payload_len(a) < sizeof(s))
			continue;
		memcpy(&s, mnl_attr_get_payload(a), sizeof(s));
		q->waiting = s.qlen;
	}
}

static int note_qdisc(const struct nlmsghdr *h, void *context)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *stats = NULL;
	struct queue *q = context;
	const char *kind = "";

	if (tc->tcm_ifindex != (int)q->index)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(*tc)) {
		if (mnl_attr_get_type(a) == TCA_KIND && !mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
			kind = mnl_attr_get_str(a);
		if (mnl_attr_get_type(a) == TCA_STATS2)
			stats = a;
	}
	if (tc->tcm_parent == TC_H_ROOT) {
		q->handle = tc->tcm_handle;
		snprintf(q->kind, sizeof(q->kind), "%s", kind);
		if (stats)
			read_waiting(stats, q);
	}
	q->queues += TC_H_MAJ(tc->tcm_parent) == 0 && TC_H_MIN(tc->tcm_parent) != 0;
	q->has_fq |= !strcmp(kind, "fq");
	q->has_bands |= tc->tcm_handle == OURS && (!strcmp(kind, "prio") || !strcmp(kind, "htb"));
	return MNL_CB_OK;
}

static int look(__u32 index, struct queue *q)
{
	char buffer[NETLINK_ROOM];
	struct nlmsghdr *h = netlink_tc(buffer, RTM_GETQDISC, NLM_F_DUMP, index, 0, 0);

	*q = (struct queue){ .index = index };
	return netlink_talk(h, note_qdisc, q, NULL);
}

/* --- making one --- */

typedef void put_options(struct nlmsghdr *h, __u32 n);

static void put_prio(struct nlmsghdr *h, __u32 bands)
{
	/* What is nobody's has a priority of its own or the system's: it goes first. */
	struct tc_prio_qopt opt = { .bands = (int)(bands < PRIO_LEAST ? PRIO_LEAST : bands) };

	mnl_attr_put(h, TCA_OPTIONS, sizeof(opt), &opt);
}

static void put_htb(struct nlmsghdr *h, __u32 bands)
{
	/* What is of no class goes past all classes. */
	struct tc_htb_glob opt = { .version = 3, .rate2quantum = 10 };
	struct nlattr *nest = mnl_attr_nest_start(h, TCA_OPTIONS);

	(void)bands;
	mnl_attr_put(h, TCA_HTB_INIT, sizeof(opt), &opt);
	mnl_attr_nest_end(h, nest);
}

static void put_htb_class(struct nlmsghdr *h, __u32 band)
{
	struct tc_ratespec rate = { .rate = ~0u, .linklayer = TC_LINKLAYER_ETHERNET };
	struct tc_htb_opt opt = { .rate = rate,
				  .ceil = rate,
				  .buffer = HTB_BUFFER,
				  .cbuffer = HTB_BUFFER,
				  .quantum = HTB_QUANTUM,
				  .prio = band };
	struct nlattr *nest = mnl_attr_nest_start(h, TCA_OPTIONS);

	mnl_attr_put(h, TCA_HTB_PARMS, sizeof(opt), &opt);
	mnl_attr_put_u64(h, TCA_HTB_RATE64, HTB_RATE);
	mnl_attr_put_u64(h, TCA_HTB_CEIL64, HTB_RATE);
	mnl_attr_nest_end(h, nest);
}

/* Without pacing of its own, by which it would change what sockets do after it is gone. */
static void put_fq(struct nlmsghdr *h, __u32 n)
{
	struct nlattr *nest = mnl_attr_nest_start(h, TCA_OPTIONS);

	(void)n;
	mnl_attr_put_u32(h, TCA_FQ_PLIMIT, QUEUE_PACKETS);
	mnl_attr_put_u32(h, TCA_FQ_FLOW_PLIMIT, QUEUE_PACKETS);
	mnl_attr_put_u32(h, TCA_FQ_RATE_ENABLE, 0);
	mnl_attr_nest_end(h, nest);
}

static int make(__u16 type, __u32 index, __u32 parent, __u32 handle, const char *kind,
		put_options *options, __u32 n, char why[NETLINK_WHY])
{
	char buffer[NETLINK_ROOM];
	struct nlmsghdr *h = netlink_tc(buffer, type, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, index,
					parent, handle);

	mnl_attr_put_strz(h, TCA_KIND, kind);
	if (options)
		options(h, n);
	return netlink_talk(h, NULL, NULL, why);
}

static int unmake(__u32 index)
{
	char buffer[NETLINK_ROOM];
	struct nlmsghdr *h =
		netlink_tc(buffer, RTM_DELQDISC, NLM_F_ACK, index, TC_H_ROOT, OURS);

	return netlink_talk(h, NULL, NULL, NULL);
}

/* An fq below each of the n classes of ours. */
static int make_fqs(__u32 index, __u32 n, char why[NETLINK_WHY])
{
	int err = 0;

	for (__u32 i = 1; !err && i <= n; i++)
		err = make(RTM_NEWQDISC, index, OURS | i, 0, "fq", put_fq, 0, why);
	return err;
}

static int make_htb(__u32 index, __u32 bands, char why[NETLINK_WHY])
{
	int err = make(RTM_NEWQDISC, index, TC_H_ROOT, OURS, "htb", put_htb, 0, why);

	for (__u32 b = 0; !err && b < bands; b++)
		err = make(RTM_NEWTCLASS, index, OURS, OURS | (b + 1), "htb", put_htb_class, b, why);
	return err;
}

static int make_planned(const struct record_qdisc *row, char why[NETLINK_WHY])
{
	__u32 bands = row->bands < PRIO_LEAST ? PRIO_LEAST : row->bands;
	int err;

	switch ((enum record_qdisc_kind)row->is) {
	case QDISC_PRIO:
	case QDISC_PRIO_FQ:
		err = make(RTM_NEWQDISC, row->index, TC_H_ROOT, OURS, "prio", put_prio, bands, why);
		return err || row->is == QDISC_PRIO ? err : make_fqs(row->index, bands, why);
	case QDISC_HTB: return make_htb(row->index, row->bands, why);
	case QDISC_FQ:
		return make(RTM_NEWQDISC, row->index, TC_H_ROOT, OURS, "fq", put_fq, 0, why);
	case QDISC_MQ_FQ:
		err = make(RTM_NEWQDISC, row->index, TC_H_ROOT, OURS, "mq", NULL, 0, why);
		return err ? err : make_fqs(row->index, row->queues, why);
	default: return 0;
	}
}

/* --- load --- */

static int in_the_way(const struct device *d, const struct queue *q, __u32 bands, bool paces,
		      struct iop_report *report)
{
	int err;

	if (q->handle == OURS)
		return report_error(report, -EBUSY, IOP_CAUSE_ENVIRONMENT,
				    "the queue of %s belongs to another policy, which orders or "
				    "paces there",
				    d->name);
	if ((!bands || q->has_bands) && (!paces || q->has_fq))
		return 0;
	err = report_error(report, -EBUSY, IOP_CAUSE_ENVIRONMENT,
			   "somebody has given %s a %s qdisc (%x:), which does not %s", d->name,
			   q->kind, q->handle >> 16,
			   !bands || q->has_bands ? "send packets at their time"
						  : "order packets by our bands");
	if (bands && !q->has_bands)
		report_help(report,
			    "put a `handle %x: prio bands %u priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0` "
			    "below it, or take it away: tc qdisc del dev %s root",
			    OURS >> 16, bands < PRIO_LEAST ? PRIO_LEAST : bands, d->name);
	else
		report_help(report, "put an `fq` below it, or take it away: tc qdisc del dev %s root",
			    d->name);
	return err;
}

int qdisc_plan(const struct device *d, __u32 bands, bool paces, struct record_qdisc *row,
	       struct iop_report *report)
{
	struct queue q;
	int err;

	*row = (struct record_qdisc){ .index = d->index, .bands = bands };
	if (!bands && !paces)
		return 0;
	err = look(d->index, &q);
	if (err)
		return report_error(report, err, IOP_CAUSE_KERNEL,
				    "the queue of %s cannot be looked at: %s", d->name,
				    strerror(-err));
	if (q.handle)
		return in_the_way(d, &q, bands, paces, report);
	snprintf(row->name, sizeof(row->name), "%s", d->name);
	snprintf(row->before, sizeof(row->before), "%s", q.kind);
	row->queues = q.queues;
	row->is = bands && paces            ? QDISC_PRIO_FQ
		  : bands                   ? QDISC_PRIO
		  : !strcmp(q.kind, "mq")   ? QDISC_MQ_FQ
					    : QDISC_FQ;
	if (bands && !strcmp(q.kind, "noqueue"))
		report_note(report,
			    "%s has no queue of its own: packets wait there only for what it hands "
			    "them to, so there may be nothing to order",
			    d->name);
	if (bands && !strcmp(q.kind, "mq"))
		report_note(report, "the %u queues of %s become one, for there is one order",
			    q.queues, d->name);
	return 0;
}

int qdisc_install(struct record_qdisc *row, int (*write)(void *context), void *context,
		  struct iop_report *report)
{
	char why[NETLINK_WHY];
	int err = write(context);

	if (err || row->is == QDISC_NONE)
		return err;
	err = make_planned(row, why);
	if (err == -ENOENT && row->is == QDISC_PRIO) {
		row->is = QDISC_HTB;
		err = write(context);
		if (err)
			return err;
		err = make_planned(row, why);
	}
	return err ? report_error(report, err, IOP_CAUSE_KERNEL,
				  "the queue of %s cannot be changed: %s%s%s", row->name,
				  strerror(-err), why[0] ? ": " : "", why)
		   : 0;
}

/* --- unload --- */

static const char *root_kind(const struct record_qdisc *row)
{
	static const char *const kinds[] = {
		[QDISC_NONE] = "",          [QDISC_PRIO] = "prio", [QDISC_HTB] = "htb",
		[QDISC_FQ] = "fq",          [QDISC_PRIO_FQ] = "prio", [QDISC_MQ_FQ] = "mq",
	};

	return row->is < sizeof(kinds) / sizeof(kinds[0]) ? kinds[row->is] : "";
}

static bool is_ours(const struct record_qdisc *row, struct queue *q)
{
	return !look(row->index, q) && q->handle == OURS && !strcmp(q->kind, root_kind(row));
}

int qdisc_remove(const struct record_qdisc *row, struct iop_report *report)
{
	struct timespec wait = { 0, DRAIN_STEP_MS * 1000000L };
	struct queue q;
	int err;

	if (row->is == QDISC_NONE || !is_ours(row, &q))
		return 0;
	for (unsigned ms = 0; q.waiting && ms < DRAIN_MS; ms += DRAIN_STEP_MS) {
		(void)nanosleep(&wait, NULL);
		if (!is_ours(row, &q))
			return 0;
	}
	err = unmake(row->index);
	if (!err || err == -ENODEV)
		return 0;
	err = report_error(report, err, IOP_CAUSE_KERNEL, "the queue of %s cannot be put back: %s",
			   row->name, strerror(-err));
	report_help(report, "tc qdisc del dev %s root", row->name);
	return err;
}

bool qdisc_is_there(const struct record_qdisc *row)
{
	struct queue q;

	return is_ours(row, &q);
}

const char *qdisc_name(const struct record_qdisc *row, char text[64])
{
	static const char *const formats[] = {
		[QDISC_NONE] = "",
		[QDISC_PRIO] = "prio of %u bands",
		[QDISC_HTB] = "htb of %u bands",
		[QDISC_FQ] = "fq",
		[QDISC_PRIO_FQ] = "prio of %u bands, each fq",
		[QDISC_MQ_FQ] = "mq, each fq",
	};

	text[0] = '\0';
	if (row->is < sizeof(formats) / sizeof(formats[0])) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, 64, formats[row->is], row->bands);
#pragma GCC diagnostic pop
	}
	return text;
}

/* --- probing: on the loopback device of an empty network namespace --- */

static int try_bands(void *context)
{
	char why[NETLINK_WHY];
	int err = make(RTM_NEWQDISC, 1, TC_H_ROOT, OURS, "prio", put_prio, PRIO_LEAST, why);

	(void)context;
	if (err == -ENOENT)
		err = make_htb(1, PRIO_LEAST, why);
	return err == -ENOENT ? 0 : err ? err : 1;
}

static int try_fq(void *context)
{
	char why[NETLINK_WHY];
	int err = make(RTM_NEWQDISC, 1, TC_H_ROOT, OURS, "fq", put_fq, 0, why);

	(void)context;
	return err == -ENOENT ? 0 : err ? err : 1;
}

static int probe(int (*attempt)(void *context))
{
	int there = netns_run(NETNS_NEW, attempt, NULL);

	/* Without CAP_SYS_ADMIN there is no place to try it in: installing will tell. */
	return there == -EPERM ? 1 : there;
}

int qdisc_probe_bands(void)
{
	return probe(try_bands);
}

int qdisc_probe_fq(void)
{
	return probe(try_fq);
}
