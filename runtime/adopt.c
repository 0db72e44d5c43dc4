/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The search: from a workload's owners to processes, from those to descriptors that
 * are sockets in the list of this namespace, and only of these a copy is taken. So no
 * descriptor is touched that has nothing to do with the policy.
 */
#include "adopt.h"

#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>

#include "machine.h"
#include "netns.h"
#include "proc.h"
#include "socket_list.h"

/* Who has a copy of which socket: one of them serves it. */
struct holder {
	ino_t inode;
	pid_t pid;
};

struct search {
	const struct iop_object *o;
	struct iop_report *report;
	struct socket_list list;
	__u64 netns;
	struct adoption *found;
	__u32 workload;
	const struct iop_desc_owner *owner;
	struct holder *holders; /* of all workloads */
	size_t n_holders;
	size_t n_processes;     /* that belong to the workload */
	pid_t denied;           /* one whose descriptors we may not take, or 0 */
	char alone[SOCKET_ADDRESS]; /* a socket without SO_REUSEPORT, or "" */
	pid_t alone_pid;
	char why[256];          /* why an owner gave no process, or "" */
};

/* --- collecting --- */

static int add_holder(struct search *s, ino_t inode, pid_t pid)
{
	struct holder *grown;

	for (size_t i = 0; i < s->n_holders; i++)
		if (s->holders[i].inode == inode && s->holders[i].pid == pid)
			return 0;
	grown = realloc(s->holders, (s->n_holders + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->holders = grown;
	s->holders[s->n_holders++] = (struct holder){ inode, pid };
	return 0;
}

static bool is_known(const struct search *s, ino_t inode)
{
	for (__u32 g = 0; g < s->found->n; g++)
		for (__u32 w = 0; w < s->found->groups[g].is.n_workers; w++)
			if (s->found->groups[g].is.workload == s->workload &&
			    s->found->groups[g].workers[w].is.inode == inode)
				return true;
	return false;
}

/* The group, a new one if need be; NULL without memory. */
static struct adopt_group *group_of(struct search *s, const struct record_group *key)
{
	struct adopt_group *grown;

	for (__u32 i = 0; i < s->found->n; i++) {
		struct adopt_group *g = &s->found->groups[i];

		if (g->is.workload == s->workload && socket_group_equal(&g->is, key))
			return g;
	}
	grown = realloc(s->found->groups, (s->found->n + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	s->found->groups = grown;
	grown += s->found->n++;
	*grown = (struct adopt_group){ .is = *key };
	grown->is.workload = s->workload;
	grown->is.n_workers = 0;
	return grown;
}

static int add_worker(struct search *s, const struct record_group *key,
		      const struct record_worker *worker, __u32 order, int fd)
{
	struct adopt_group *g = group_of(s, key);
	struct adopt_worker *grown =
		g ? realloc(g->workers, (g->is.n_workers + 1) * sizeof(*grown)) : NULL;

	if (!grown)
		return -ENOMEM;
	g->workers = grown;
	g->workers[g->is.n_workers++] = (struct adopt_worker){
		.fd = fd,
		.home = MACHINE_ANYWHERE,
		.order = order,
		.is = *worker,
	};
	return 0;
}

static int visit_socket(void *context, pid_t pid, int number, ino_t inode)
{
	struct search *s = context;
	const struct listed_socket *listed = socket_list_find(&s->list, inode);
	struct record_group key = { 0 };
	struct record_worker worker = { 0 };
	_cleanup_fd_ int fd = -1;
	bool shared;
	int err;

	if (!listed || !workload_matches_port(s->o, s->workload, listed->protocol, listed->port))
		return 0;
	if (is_known(s, inode))
		return add_holder(s, inode, pid);
	fd = proc_borrow(pid, number);
	if (fd == -EPERM)
		s->denied = pid;
	/* The number may be another file by now; what counts is the copy. */
	if (fd < 0 || !socket_look(fd, &key, &worker, &shared) || worker.inode != inode ||
	    key.netns != s->netns || !workload_matches_group(s->o, s->workload, &key))
		return 0;
	if (!shared) {
		socket_address(&key, s->alone);
		s->alone_pid = pid;
		return 0;
	}
	err = add_worker(s, &key, &worker, listed->order, fd);
	if (err)
		return err;
	(void)TAKE_FD(fd);
	return add_holder(s, inode, pid);
}

static int visit_process(void *context, pid_t pid)
{
	struct search *s = context;
	int err;

	s->n_processes++;
	err = proc_each_socket(pid, visit_socket, s);
	if (err == -EACCES) {
		s->denied = pid;
		return 0;
	}
	return err;
}

static int visit_if_owner(void *context, pid_t pid)
{
	struct search *s = context;
	const char *text = object_string(s->o, s->owner->text);
	bool is = s->owner->kind == IOP_OWNER_COMM ? proc_has_comm(pid, text)
						   : proc_has_exe(pid, text);

	return is ? visit_process(context, pid) : 0;
}

static int search_owner(struct search *s, const struct iop_desc_owner *owner)
{
	const char *text = object_string(s->o, owner->text);
	int err;

	s->owner = owner;
	if (owner->kind != IOP_OWNER_CGROUP)
		return proc_each(visit_if_owner, s);
	err = proc_each_in_cgroup(text, visit_process, s);
	if (err == -ENOENT)
		snprintf(s->why, sizeof(s->why), "there is no cgroup %s", text);
	else if (err == -ENODEV)
		snprintf(s->why, sizeof(s->why), "no cgroup v2 hierarchy is mounted");
	return err == -ENOENT || err == -ENODEV ? 0 : err;
}

static int search_workload(struct search *s, __u32 workload)
{
	const struct iop_desc_workload *w = object_workload(s->o, workload);
	int err = 0;

	s->workload = workload;
	s->n_processes = 0;
	s->denied = s->alone_pid = 0;
	s->alone[0] = s->why[0] = '\0';
	if (!w->n_owners)
		return proc_each(visit_process, s);
	for (__u32 i = 0; !err && i < w->n_owners; i++)
		err = search_owner(s, object_owner(s->o, w->first_owner + i));
	return err;
}

/* --- which process serves a worker --- */

static __u32 copies_of(const struct search *s, const struct adopt_group *g, pid_t pid)
{
	__u32 n = 0;

	for (size_t i = 0; i < s->n_holders; i++)
		for (__u32 w = 0; s->holders[i].pid == pid && w < g->is.n_workers; w++)
			n += s->holders[i].inode == g->workers[w].is.inode;
	return n;
}

/* The first core that the process may run on, if it may not run on all. */
static __u32 home_of(pid_t pid)
{
	cpu_set_t own, all;

	if (sched_getaffinity(pid, sizeof(own), &own) || sched_getaffinity(1, sizeof(all), &all) ||
	    CPU_COUNT(&own) >= CPU_COUNT(&all))
		return MACHINE_ANYWHERE;
	for (__u32 core = 0; core < CPU_SETSIZE; core++)
		if (CPU_ISSET(core, &own))
			return core;
	return MACHINE_ANYWHERE;
}

/*
 * Parents keep copies of all that their children serve (nsd's main and xfrd processes
 * do): the one with the fewest of the group is taken, the youngest of several.
 */
static void tell_process(const struct search *s, const struct adopt_group *g,
			 struct adopt_worker *w)
{
	__u32 fewest = ~0u;
	__u64 youngest = 0;

	for (size_t i = 0; i < s->n_holders; i++) {
		pid_t pid = s->holders[i].pid;
		__u32 copies;
		__u64 started;

		if (s->holders[i].inode != w->is.inode)
			continue;
		copies = copies_of(s, g, pid);
		started = proc_started(pid);
		if (copies < fewest || (copies == fewest && started > youngest)) {
			fewest = copies;
			youngest = started;
			w->is.pid = pid;
		}
	}
	(void)proc_comm(w->is.pid, w->is.comm);
	if (fewest == 1)
		w->home = home_of(w->is.pid);
}

struct candidate {
	pid_t pid;
	__u64 started;
};

static int by_age(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->started != y->started)
		return x->started < y->started ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

/*
 * Where each process holds all of the group's sockets (nginx), nothing tells who serves which.
 * Such servers make a socket and then a process for each worker, in the same order: so the
 * n-th process is taken for the n-th worker's, if there are as many, or one more, the parent.
 * What depends on it is a name in `status` and which worker is near.
 */
static int tell_in_order(const struct search *s, struct adopt_group *g)
{
	_cleanup_free_ struct candidate *all = calloc(s->n_holders + 1, sizeof(*all));
	struct candidate *first = all;
	__u32 n = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_holders; i++) {
		pid_t pid = s->holders[i].pid;

		if (s->holders[i].inode != g->workers[0].is.inode)
			continue;
		if (copies_of(s, g, pid) != g->is.n_workers)
			return 0;
		all[n++] = (struct candidate){ pid, proc_started(pid) };
	}
	qsort(all, n, sizeof(*all), by_age);
	if (n == g->is.n_workers + 1)
		first++;
	else if (n != g->is.n_workers)
		return 0;
	for (__u32 w = 0; w < g->is.n_workers; w++) {
		g->workers[w].is.pid = first[w].pid;
		(void)proc_comm(first[w].pid, g->workers[w].is.comm);
		g->workers[w].home = home_of(first[w].pid);
	}
	return 0;
}

static int by_order(const void *a, const void *b)
{
	const struct adopt_worker *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

static int by_group(const void *a, const void *b)
{
	const struct record_group *x = &((const struct adopt_group *)a)->is;
	const struct record_group *y = &((const struct adopt_group *)b)->is;

	if (x->workload != y->workload)
		return x->workload < y->workload ? -1 : 1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->protocol != y->protocol)
		return x->protocol > y->protocol ? -1 : 1; /* UDP first */
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return memcmp(x->address, y->address, sizeof(x->address));
}

static int number_workers(struct search *s)
{
	__u32 rows = 0;

	if (s->found->n)
		qsort(s->found->groups, s->found->n, sizeof(*s->found->groups), by_group);
	for (__u32 i = 0; i < s->found->n; i++) {
		struct adopt_group *g = &s->found->groups[i];

		qsort(g->workers, g->is.n_workers, sizeof(*g->workers), by_order);
		for (__u32 w = 0; w < g->is.n_workers; w++)
			tell_process(s, g, &g->workers[w]);
		if (g->is.n_workers > 1 && tell_in_order(s, g))
			return -ENOMEM;
		g->is.base = rows;
		rows += g->is.n_workers;
	}
	return 0;
}

/* --- what is missing --- */

__attribute__((format(printf, 3, 4))) static int tell_missing(const struct search *s, int code,
							      const char *fmt, ...)
{
	const struct iop_desc_workload *w = object_workload(s->o, s->workload);
	const char *name = object_string(s->o, w->name);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (workload_needs_workers(s->o, s->workload))
		return report_error_at(s->report, code, IOP_CAUSE_ENVIRONMENT,
				       report_place(s->o, &w->place), "workload %s: %s", name,
				       text);
	report_warning_at(s->report, report_place(s->o, &w->place),
			  "workload %s has no workers, its socket stage does nothing: %s", name,
			  text);
	return 0;
}

static const char *what_is_missing(const struct search *s)
{
	const struct iop_desc_workload *w = object_workload(s->o, s->workload);
	bool udp = false, tcp = false;

	for (__u32 i = 0; i < w->n_matches; i++) {
		udp |= object_match(s->o, w->first_match + i)->protocol == IPPROTO_UDP;
		tcp |= object_match(s->o, w->first_match + i)->protocol == IPPROTO_TCP;
	}
	return udp && tcp ? "a UDP socket or a TCP socket that listens"
	       : tcp      ? "a TCP socket that listens"
			  : "a UDP socket";
}

static int find_any(void *context, pid_t pid, int number, ino_t inode)
{
	const struct search *s = context;
	const struct listed_socket *listed = socket_list_find(&s->list, inode);

	(void)number;
	return listed && workload_matches_port(s->o, s->workload, listed->protocol, listed->port) ? pid : 0;
}

static int find_any_in(void *context, pid_t pid)
{
	int found = proc_each_socket(pid, find_any, context);

	return found > 0 ? found : 0;
}

/* Somebody has a socket at the port, under a name that the policy does not have. */
static void suggest_owner(struct search *s)
{
	char comm[PROC_COMM], exe[PATH_MAX];
	int pid = proc_each(find_any_in, s);

	if (pid > 0)
		report_help(s->report,
			    "process %d has a socket at the matched port: `threads comm \"%s\"` or "
			    "`threads exe \"%s\"` names it",
			    pid, proc_comm(pid, comm), proc_exe(pid, exe));
}

static int check_found(struct search *s)
{
	char comm[PROC_COMM];
	int err;

	for (__u32 i = 0; i < s->found->n; i++)
		if (s->found->groups[i].is.workload == s->workload)
			return 0;
	if (s->alone[0]) {
		err = tell_missing(s, -ENOENT,
				   "the socket at %s of process %d (%s) was bound without "
				   "SO_REUSEPORT, so there is nothing to choose from",
				   s->alone, (int)s->alone_pid, proc_comm(s->alone_pid, comm));
		report_help(s->report, "let the server bind a socket of its own, with "
				       "SO_REUSEPORT, for each of its workers");
		return err;
	}
	if (s->denied && object_workload(s->o, s->workload)->n_owners)
		return tell_missing(
			s, -EPERM,
			"the sockets of process %d (%s) cannot be taken in: it has more "
			"privilege than iopctl",
			(int)s->denied, proc_comm(s->denied, comm));
	if (s->why[0])
		err = tell_missing(s, -ENOENT, "%s", s->why);
	else if (!s->n_processes)
		err = tell_missing(s, -ENOENT, "none of the processes that `threads` names runs");
	else
		err = tell_missing(
			s, -ENOENT,
			"no process that belongs to it has %s at the matched port "
			"in this network namespace; is the server running?",
			what_is_missing(s));
	suggest_owner(s);
	return err;
}

int adopt_workers(const struct iop_object *o, struct adoption *out, struct iop_report *report)
{
	struct search s = { .o = o, .report = report, .found = out };
	int result = netns_cookie(&s.netns), err;

	*out = (struct adoption){ 0 };
	if (!result)
		result = socket_list_read(&s.list, policy_matches_port, o);
	if (result)
		return report_error(report, result, IOP_CAUSE_ENVIRONMENT,
				    "cannot list the sockets of this network namespace: %s",
				    strerror(-result));
	for (__u32 w = 0; w < object_count(o, IOP_TABLE_WORKLOADS); w++) {
		if (!(object_workload(o, w)->hooks >> IOP_HOOK_SOCKET & 1))
			continue;
		err = search_workload(&s, w);
		if (err) {
			result = report_error(report, err, IOP_CAUSE_ENVIRONMENT,
					      "cannot look for workers in /proc: %s",
					      strerror(-err));
			break;
		}
		err = check_found(&s);
		result = err ? err : result;
	}
	if (number_workers(&s) && !result)
		result = report_no_memory(report);
	err = adoption_check(o, out, report);
	result = err ? err : result;
	socket_list_free(&s.list);
	free(s.holders);
	if (result)
		adoption_free(out);
	return result;
}

void adoption_free(struct adoption *a)
{
	for (__u32 i = 0; i < a->n; i++) {
		for (__u32 w = 0; w < a->groups[i].is.n_workers; w++)
			cleanup_fd(&a->groups[i].workers[w].fd);
		free(a->groups[i].workers);
	}
	free(a->groups);
	*a = (struct adoption){ 0 };
}
