/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `least_loaded` over TCP: a tracing program counts the open connections of each worker. The
 * sockets of the workers are marked, which the connections that they accept inherit. The mark
 * ends with the map.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <string.h>

#include "abi/connection.h"
#include "hook.h"
#include "pin.h"

#define LINK "/links/connections"

static int connections_probe(struct load *l, struct iop_report *report)
{
	(void)l;
	(void)report;
	return 0;
}

static __u32 connections_count(const struct installed *i)
{
	return program_stage(i->description, IOP_HOOK_CONNECTIONS) != NULL;
}

static void connections_describe(const struct installed *i, __u32 subject, bool attach, char *text,
				 size_t size)
{
	(void)i;
	(void)subject;
	snprintf(text, size, "%s counting connections of workers", attach ? "begin" : "stop");
}

static int mark_workers(const struct load *l, struct iop_report *report)
{
	const struct iop_object *o = l->is.description;
	int map = bpf_map__fd(program_map(l->policy, o, IOP_MAP_CONNECTION_OF));

	for (__u32 i = 0; i < l->adoption.n; i++) {
		const struct adopt_group *g = &l->adoption.groups[i];

		if (g->is.protocol != IPPROTO_TCP)
			continue;
		for (__u32 w = 0; w < g->is.n_workers; w++) {
			struct iop_connection c = { .row = g->is.base + w };

			if (bpf_map_update_elem(map, &g->workers[w].fd, &c, BPF_ANY))
				return report_error(report, -errno, IOP_CAUSE_KERNEL,
						    "the connections of a worker cannot be counted: %s",
						    strerror(errno));
		}
	}
	return 0;
}

static int connections_attach(struct load *l, __u32 subject, struct iop_report *report)
{
	int program = program_fd(l->policy, l->is.description, IOP_HOOK_CONNECTIONS);
	_cleanup_fd_ int link = -1;
	char path[PIN_PATH];
	int err = mark_workers(l, report);

	(void)subject;
	if (err)
		return err;
	link = bpf_link_create(program, 0, BPF_TRACE_RAW_TP, NULL);
	if (link < 0)
		return report_error(report, -errno, IOP_CAUSE_KERNEL,
				    "connections cannot be counted: %s", strerror(errno));
	(void)pin_path(path, l->is.name, LINK);
	return pin_object(link, path, report);
}

static int connections_detach(const struct installed *i, __u32 subject, struct iop_report *report)
{
	char path[PIN_PATH];
	_cleanup_fd_ int link = -1;

	(void)subject;
	(void)pin_path(path, i->name, LINK);
	link = bpf_obj_get(path);
	return link < 0 ? 0 : pin_remove(path, report); /* which ends it */
}

bool connections_are_counted(const struct installed *i)
{
	_cleanup_fd_ int link = -1;
	char path[PIN_PATH];

	(void)pin_path(path, i->name, LINK);
	link = bpf_obj_get(path);
	return link >= 0;
}

const struct hook hook_connections = {
	.probe = connections_probe,
	.count = connections_count,
	.describe = connections_describe,
	.attach = connections_attach,
	.detach = connections_detach,
};
