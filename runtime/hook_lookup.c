/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `anywhere`: sk_lookup, on this network namespace, by a link that is pinned. The program is
 * told where sockets are bound, which keep what is for them, and which sockets stand for
 * the groups of a workload; the kernel then asks the group's own program.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

#include "abi/lookup.h"
#include "hook.h"
#include "pin.h"
#include "socket_list.h"

#define LINK "/links/lookup"

static __u32 lookup_count(const struct installed *i)
{
	return program_stage(i->description, IOP_HOOK_LOOKUP) != NULL;
}

static void lookup_describe(const struct installed *i, __u32 subject, bool attach, char *text,
			    size_t size)
{
	(void)i;
	(void)subject;
	snprintf(text, size, "%s the lookup program %s this network namespace",
		 attach ? "attach" : "detach", attach ? "to" : "from");
}

static bool is_anywhere(const struct iop_object *o, __u32 workload)
{
	return object_workload(o, workload)->hooks >> IOP_HOOK_LOOKUP & 1;
}

/* --- probe: what is served this way, in words --- */

static bool bound_at_any(const struct socket_list *list, __u32 protocol, __u32 port)
{
	static const __u8 any[16];

	for (size_t i = 0; i < list->n; i++)
		if (list->sockets[i].protocol == protocol && list->sockets[i].port == port &&
		    !memcmp(list->sockets[i].address, any, sizeof(any)))
			return true;
	return false;
}

/* "443, 8000-8080": the ports of a match at which no socket is bound to every address. */
static void free_ports(const struct iop_object *o, const struct socket_list *list,
		       const struct iop_desc_match *m, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (__u32 i = 0; i < m->n_ports; i++) {
		const struct iop_desc_range *r = object_range(o, m->first_port + i);

		for (__u32 port = r->lo; port <= r->hi && n < size; port++) {
			__u32 last = port;

			if (bound_at_any(list, m->protocol, port))
				continue;
			while (last < r->hi && !bound_at_any(list, m->protocol, last + 1))
				last++;
			n += (size_t)snprintf(text + n, size - n, last > port ? "%s%u-%u" : "%s%u",
					      n ? ", " : "", port, last);
			port = last;
		}
	}
}

static void tell_ports(const struct load *l, const struct socket_list *list, __u32 workload,
		       struct iop_report *report)
{
	const struct iop_object *o = l->is.description;
	const struct iop_desc_workload *w = object_workload(o, workload);

	for (__u32 i = 0; i < w->n_matches; i++) {
		const struct iop_desc_match *m = object_match(o, w->first_match + i);
		char ports[200];

		free_ports(o, list, m, ports, sizeof(ports));
		if (ports[0])
			report_note(report,
				    "sockets of workload %s take %s port %s, too, where no socket is "
				    "bound; one that is bound there later gets nothing%s",
				    object_string(o, w->name),
				    m->protocol == IPPROTO_TCP ? "tcp" : "udp", ports,
				    m->protocol == IPPROTO_TCP ? ""
							       : ". Answers leave from their own port");
	}
}

static int list_error(struct iop_report *report, int err)
{
	return report_error(report, err, IOP_CAUSE_ENVIRONMENT,
			    "cannot list the sockets of this network namespace: %s",
			    strerror(-err));
}

static int lookup_probe(struct load *l, struct iop_report *report)
{
	const struct iop_object *o = l->is.description;
	struct socket_list list;
	int err = socket_list_read(&list, policy_matches_port, o);

	if (err)
		return list_error(report, err);
	for (__u32 w = 0; w < object_count(o, IOP_TABLE_WORKLOADS); w++)
		if (is_anywhere(o, w))
			tell_ports(l, &list, w, report);
	socket_list_free(&list);
	return 0;
}

/* --- attach --- */

static int fill_error(struct iop_report *report, const char *what, int err)
{
	return report_error(report, err, IOP_CAUSE_KERNEL, "the lookup program's %s: %s", what,
			    err == -E2BIG ? "there are too many" : strerror(-err));
}

static int add_bound(int map, const struct listed_socket *s, __u32 family)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct iop_lookup_key key = { .family = family,
				      .port = (__u16)s->port,
				      .protocol = (__u16)s->protocol };
	__u32 one = 1;

	if (family == 4 && s->family == 4)
		memcpy(&key.lo, s->address, 4);
	else if (family == 4 && !memcmp(s->address, mapped, sizeof(mapped)))
		memcpy(&key.lo, s->address + 12, 4);
	else if (family == 6) {
		memcpy(&key.hi, s->address, 8);
		memcpy(&key.lo, s->address + 8, 8);
	}
	return bpf_map_update_elem(map, &key, &one, BPF_ANY) ? -errno : 0;
}

/* A socket at [::] may be there for IPv4, too, and is taken to be: nothing is taken from it. */
static bool takes_ipv4(const struct listed_socket *s)
{
	static const __u8 any[16], mapped[12] = { [10] = 0xff, [11] = 0xff };

	return s->family == 4 || !memcmp(s->address, any, sizeof(any)) ||
	       !memcmp(s->address, mapped, sizeof(mapped));
}

static int fill_bound(const struct load *l, struct iop_report *report)
{
	const struct iop_object *o = l->is.description;
	int map = bpf_map__fd(program_map(l->policy, o, IOP_MAP_LOOKUP_BOUND)), err;
	struct socket_list list;

	err = socket_list_read(&list, policy_matches_port, o);
	if (err)
		return list_error(report, err);
	for (size_t i = 0; !err && i < list.n; i++) {
		if (takes_ipv4(&list.sockets[i]))
			err = add_bound(map, &list.sockets[i], 4);
		if (!err && list.sockets[i].family == 6)
			err = add_bound(map, &list.sockets[i], 6);
	}
	socket_list_free(&list);
	return err ? fill_error(report, "list of bound sockets", err) : 0;
}

/* The first group of the workload that can take packets of a family; NULL: none can. */
static const struct adopt_group *group_for(const struct load *l, __u32 workload, __u32 protocol,
					   bool six, __u32 *number)
{
	const struct adopt_group *dual = NULL;

	for (__u32 i = 0; i < l->adoption.n; i++) {
		const struct adopt_group *g = &l->adoption.groups[i];

		if (g->is.workload != workload || g->is.protocol != protocol)
			continue;
		if (g->is.family == (six ? AF_INET6 : AF_INET)) {
			*number = i;
			return g;
		}
		if (!six && !g->is.v6only && !dual) {
			*number = i;
			dual = g;
		}
	}
	return dual;
}

static int fill_sockets(const struct load *l, __u32 *first, struct iop_report *report)
{
	int map = bpf_map__fd(program_map(l->policy, l->is.description, IOP_MAP_LOOKUP_SOCKETS));
	__u32 slot = 0;

	for (__u32 i = 0; i < l->adoption.n; i++) {
		const struct adopt_group *g = &l->adoption.groups[i];

		first[i] = slot;
		for (__u32 w = 0; is_anywhere(l->is.description, g->is.workload) &&
				  w < g->is.n_workers && w < IOP_LOOKUP_TRIES; w++, slot++) {
			__u64 fd = (__u64)g->workers[w].fd;

			if (bpf_map_update_elem(map, &slot, &fd, BPF_ANY))
				return fill_error(report, "sockets", -errno);
		}
	}
	return 0;
}

static int fill_groups(const struct load *l, struct iop_report *report)
{
	const struct iop_object *o = l->is.description;
	int map = bpf_map__fd(program_map(l->policy, o, IOP_MAP_LOOKUP_GROUPS));
	_cleanup_free_ __u32 *first = calloc(l->adoption.n + 1ul, sizeof(*first));
	int err = first ? fill_sockets(l, first, report) : report_no_memory(report);

	for (__u32 i = 0; !err && i < 4 * object_count(o, IOP_TABLE_WORKLOADS); i++) {
		__u32 number = 0, index = iop_lookup_index(i / 4, i & 2, i & 1);
		const struct adopt_group *g =
			is_anywhere(o, i / 4) ? group_for(l, i / 4, i & 2 ? IPPROTO_TCP : IPPROTO_UDP,
							  i & 1, &number)
					      : NULL;
		struct iop_lookup_group value = { g ? first[number] : 0, g ? g->is.n_workers : 0 };

		if (value.n > IOP_LOOKUP_TRIES)
			value.n = IOP_LOOKUP_TRIES;
		if (bpf_map_update_elem(map, &index, &value, BPF_ANY))
			err = fill_error(report, "groups", -errno);
	}
	return err;
}

static int lookup_attach(struct load *l, __u32 subject, struct iop_report *report)
{
	int program = program_fd(l->policy, l->is.description, IOP_HOOK_LOOKUP), err;
	_cleanup_fd_ int ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int link = -1;
	char path[PIN_PATH];

	(void)subject;
	err = fill_bound(l, report);
	if (!err)
		err = fill_groups(l, report);
	if (err)
		return err;
	link = ns < 0 ? -1 : bpf_link_create(program, ns, BPF_SK_LOOKUP, NULL);
	if (link < 0)
		return report_error(report, -errno, IOP_CAUSE_KERNEL,
				    "the lookup program cannot be attached to this network "
				    "namespace: %s",
				    strerror(errno));
	(void)pin_path(path, l->is.name, LINK);
	return pin_object(link, path, report);
}

static int lookup_detach(const struct installed *i, __u32 subject, struct iop_report *report)
{
	_cleanup_fd_ int link = -1;
	char path[PIN_PATH];

	(void)subject;
	(void)pin_path(path, i->name, LINK);
	link = bpf_obj_get(path);
	if (link < 0)
		return 0;
	/* Others may hold it open; a namespace that is gone has detached it already. */
	(void)bpf_link_detach(link);
	return pin_remove(path, report);
}

bool lookup_is_attached(const struct installed *i)
{
	_cleanup_fd_ int link = -1;
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	char path[PIN_PATH];

	(void)pin_path(path, i->name, LINK);
	link = bpf_obj_get(path);
	return link >= 0 && !bpf_link_get_info_by_fd(link, &info, &size) && info.netns.netns_ino;
}

const struct hook hook_lookup = {
	.probe = lookup_probe,
	.count = lookup_count,
	.describe = lookup_describe,
	.attach = lookup_attach,
	.detach = lookup_detach,
};
