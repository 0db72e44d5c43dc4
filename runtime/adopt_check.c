/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What belongs to a workload, by its `match` lines; and whether what was found is what
 * the policy reckons with.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "adopt.h"

static bool ports_have(const struct iop_object *o, const struct iop_desc_match *m, __u32 port)
{
	for (__u32 i = 0; i < m->n_ports; i++) {
		const struct iop_desc_range *range = object_range(o, m->first_port + i);

		if (port >= range->lo && port <= range->hi)
			return true;
	}
	return m->n_ports == 0;
}

bool policy_matches_port(const void *context, __u32 protocol, __u32 port)
{
	const struct iop_object *o = context;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MATCHES); i++)
		if (object_match(o, i)->protocol == protocol &&
		    ports_have(o, object_match(o, i), port))
			return true;
	return false;
}

static bool has_bits(const __u8 *address, const struct iop_desc_prefix *p)
{
	__u32 whole = p->length / 8, rest = p->length % 8;

	return !memcmp(address, p->address, whole) &&
	       (!rest || (address[whole] ^ p->address[whole]) >> (8 - rest) == 0);
}

/* Can a packet to an address of the prefix reach the socket? */
static bool can_receive(const struct record_group *g, const struct iop_desc_prefix *p)
{
	static const __u8 any[16] = { 0 }, mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (g->family == AF_INET)
		return p->family == 4 && (!memcmp(g->address, any, 4) || has_bits(g->address, p));
	if (!memcmp(g->address, any, 16))
		return p->family == 6 || !g->v6only;
	if (!memcmp(g->address, mapped, 12))
		return p->family == 4 && has_bits(g->address + 12, p);
	return p->family == 6 && has_bits(g->address, p);
}

static bool match_has(const struct iop_object *o, const struct iop_desc_match *m,
		      const struct record_group *g)
{
	if (m->protocol != g->protocol || !ports_have(o, m, g->port))
		return false;
	for (__u32 i = 0; i < m->n_to; i++)
		if (can_receive(g, object_prefix(o, m->first_to + i)))
			return true;
	return m->n_to == 0;
}

bool workload_matches_group(const struct iop_object *o, __u32 workload,
			    const struct record_group *g)
{
	const struct iop_desc_workload *w = object_workload(o, workload);

	for (__u32 i = 0; i < w->n_matches; i++)
		if (match_has(o, object_match(o, w->first_match + i), g))
			return true;
	return false;
}

bool workload_matches_port(const struct iop_object *o, __u32 workload, __u32 protocol, __u32 port)
{
	const struct iop_desc_workload *w = object_workload(o, workload);

	for (__u32 i = 0; i < w->n_matches; i++) {
		const struct iop_desc_match *m = object_match(o, w->first_match + i);

		if (m->protocol == protocol && ports_have(o, m, port))
			return true;
	}
	return false;
}

bool workload_needs_workers(const struct iop_object *o, __u32 workload)
{
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_TARGETS); i++) {
		const struct iop_desc_target *t = object_target(o, i);

		if (t->hook == IOP_HOOK_SOCKET && object_class(o, t->class)->workload == workload)
			return true;
	}
	return false;
}

/* Each group serves one workload: its program knows one. */
static int check_shared(const struct iop_object *o, const struct adoption *found,
			struct iop_report *report)
{
	int result = 0;

	for (__u32 i = 0; i < found->n; i++) {
		for (__u32 j = 0; j < i; j++) {
			const struct record_group *a = &found->groups[j].is,
						  *b = &found->groups[i].is;
			char address[SOCKET_ADDRESS];

			if (!socket_group_equal(a, b))
				continue;
			result = report_error_at(
				report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT,
				report_place(o, &object_workload(o, b->workload)->place),
				"workloads %s and %s share the sockets at %s",
				object_string(o, object_workload(o, a->workload)->name),
				object_string(o, object_workload(o, b->workload)->name),
				socket_address(b, address));
			report_help(report, "bind the server's sockets to the addresses that the "
					    "workloads match");
		}
	}
	return result;
}

static int check_target(const struct iop_object *o, const struct iop_desc_target *t,
			const struct record_group *g, struct iop_report *report)
{
	struct worker_set set = { t->workers_kind, t->first_range, t->n_ranges, t->workers_n };
	char address[SOCKET_ADDRESS];
	__u32 missing;

	if (!worker_set_missing(o, &set, g->n_workers, &missing))
		return 0;
	socket_address(g, address);
	if (t->workers_kind == IOP_WORKERS_LIST)
		return report_error_at(
			report, -ENOENT, IOP_CAUSE_ENVIRONMENT, report_place(o, &t->place),
			"worker %u is not there: the server has %u %s at %s, worker%s%u", missing,
			g->n_workers, g->n_workers == 1 ? "socket" : "sockets", address,
			g->n_workers == 1 ? " " : "s 0-", g->n_workers - 1);
	return report_error_at(report, -ENOENT, IOP_CAUSE_ENVIRONMENT, report_place(o, &t->place),
			       "%s %u leaves no worker or asks for more than there are: the server "
			       "has %u %s at %s",
			       t->workers_kind == IOP_WORKERS_LAST ? "last" : "all but last",
			       t->workers_n, g->n_workers, g->n_workers == 1 ? "socket" : "sockets",
			       address);
}

static int check_targets(const struct iop_object *o, const struct adoption *found,
			 struct iop_report *report)
{
	int result = 0;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_TARGETS); i++) {
		const struct iop_desc_target *t = object_target(o, i);

		if (t->hook != IOP_HOOK_SOCKET)
			continue;
		for (__u32 g = 0; g < found->n; g++) {
			int err = 0;

			if (found->groups[g].is.workload == object_class(o, t->class)->workload)
				err = check_target(o, t, &found->groups[g].is, report);
			result = err ? err : result;
		}
	}
	return result;
}

int adoption_check(const struct iop_object *o, const struct adoption *found,
		   struct iop_report *report)
{
	int shared = check_shared(o, found, report), missing = check_targets(o, found, report);

	return shared ? shared : missing;
}
