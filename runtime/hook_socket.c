/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket stage: sk_reuseport, on each group of sockets that serves a workload. The
 * kernel asks the group's program which of them gets a datagram. Nothing of ours holds
 * the program there: it is the group's until its last socket is closed or it is
 * detached through any of them.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "hook.h"
#include "proc.h"

static __u32 socket_count(const struct installed *i)
{
	return i->n_groups;
}

static void socket_describe(const struct installed *i, __u32 subject, bool attach, char *text,
			    size_t size)
{
	const struct record_group *g = installed_group(i, subject);
	char address[SOCKET_ADDRESS];

	snprintf(text, size, "%s the %u socket%s at %s",
		 attach ? "attach the socket program to" : "detach the socket program from",
		 g->n_workers, g->n_workers == 1 ? "" : "s", socket_address(g, address));
}

/* --- probe --- */

static int check_owner(const struct load *l, const struct adopt_group *g, struct iop_report *report)
{
	char owner[IOP_NAME_MAX + 1], address[SOCKET_ADDRESS];

	for (__u32 w = 0; w < g->is.n_workers; w++) {
		if (!installed_with_socket(g->workers[w].is.cookie, l->is.name, owner))
			continue;
		(void)report_error_at(
			report, -EBUSY, IOP_CAUSE_ENVIRONMENT,
			report_place(l->is.description,
				     &program_stage(l->is.description, IOP_HOOK_SOCKET)->place),
			"the sockets at %s belong to policy %s; policy %s cannot have them, too",
			socket_address(&g->is, address), owner, l->is.name);
		hook_tell_owner(owner, IOP_HOOK_SOCKET, report);
		return -EBUSY;
	}
	return 0;
}

/* The group's record, as it will be written. */
static int add_record(struct load *l, const struct adopt_group *g, struct iop_report *report)
{
	struct record *grown = realloc(l->is.groups, (l->is.n_groups + 1) * sizeof(*grown));
	struct record *r;
	struct record_row *row;

	if (!grown)
		return report_no_memory(report);
	l->is.groups = grown;
	r = &grown[l->is.n_groups++];
	*r = RECORD_EMPTY;
	row = record_add(r, RECORD_GROUP);
	if (row)
		row->group = g->is;
	for (__u32 w = 0; row && w < g->is.n_workers; w++) {
		row = record_add(r, RECORD_WORKER);
		if (row)
			row->worker = g->workers[w].is;
	}
	return row ? 0 : report_no_memory(report);
}

static int socket_probe(struct load *l, struct iop_report *report)
{
	int result = adopt_workers(l->is.description, &l->adoption, report);

	for (__u32 g = 0; g < l->adoption.n; g++) {
		int err = check_owner(l, &l->adoption.groups[g], report);

		if (!err)
			err = add_record(l, &l->adoption.groups[g], report);
		result = err ? err : result;
	}
	return result;
}

/* --- attach --- */

/* The kernel frees the map of a policy that was just unloaded a moment later, and its sockets
 * with it. */
#define BUSY_WAIT_MS 1000
#define BUSY_RETRY_MS 10

static int add_worker(const struct bpf_map *workers, __u32 number, int fd)
{
	struct timespec wait = { 0, BUSY_RETRY_MS * 1000000L };
	__u64 value = (__u64)fd;

	for (int ms = 0;; ms += BUSY_RETRY_MS) {
		if (!bpf_map__update_elem(workers, &number, sizeof(number), &value, sizeof(value),
					  BPF_ANY))
			return 0;
		if (errno != EBUSY || ms >= BUSY_WAIT_MS)
			return -errno;
		(void)nanosleep(&wait, NULL);
	}
}

static int add_workers(const struct load *l, const struct adopt_group *g,
		       const struct bpf_map *workers, struct iop_report *report)
{
	char address[SOCKET_ADDRESS];

	for (__u32 w = 0; w < g->is.n_workers; w++) {
		int err = add_worker(workers, w, g->workers[w].fd);

		if (!err)
			continue;
		return report_error(
			report, err, IOP_CAUSE_ENVIRONMENT,
			"worker %u at %s cannot be taken into policy %s: %s", w,
			socket_address(&g->is, address), l->is.name,
			err == -EBUSY    ? "its socket is in a map of another program already"
			: err == -EINVAL ? "its socket was bound before it had SO_REUSEPORT, or is "
					   "closed"
					 : strerror(-err));
	}
	return 0;
}

static int socket_attach(struct load *l, __u32 subject, struct iop_report *report)
{
	const struct adopt_group *g = &l->adoption.groups[subject];
	const struct iop_object *o = l->is.description;
	const struct bpf_map *workers = program_map(l->groups[subject], o, IOP_MAP_WORKERS);
	struct record_row *row = &l->is.groups[subject].rows[0];
	int program = program_fd(l->groups[subject], o, IOP_HOOK_SOCKET), err;
	char address[SOCKET_ADDRESS];

	err = workers ? add_workers(l, g, workers, report) : 0;
	if (err)
		return err;
	row->group.program = program_id(program);
	row->group.attached = 1;
	err = record_write(&l->is.groups[subject], row, report);
	if (err || !setsockopt(g->workers[0].fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &program,
			       sizeof(program)))
		return err;
	row->group.attached = 0;
	return report_error(report, -errno, IOP_CAUSE_KERNEL,
			    "the socket program cannot be attached to the sockets at %s: %s",
			    socket_address(&g->is, address), strerror(errno));
}

/* --- detach --- */

struct detaching {
	const struct record *group;
	int err;
};

static const struct record_worker *worker_of(const struct record *group, ino_t inode)
{
	const struct record_row *row;

	for (__u32 at = 0; (row = record_next(group, RECORD_WORKER, &at));)
		if (row->worker.inode == inode)
			return &row->worker;
	return NULL;
}

/* Through the first worker that still lives; -ENOENT is that nothing is attached. */
static int detach_through(void *context, pid_t pid, int number, ino_t inode)
{
	struct detaching *d = context;
	const struct record_worker *worker = worker_of(d->group, inode);
	_cleanup_fd_ int fd = -1;
	__u64 cookie;
	socklen_t size = sizeof(cookie);
	int unused = 0;

	if (!worker)
		return 0;
	fd = proc_borrow(pid, number);
	if (fd == -EPERM)
		d->err = -EPERM;
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) ||
	    cookie != worker->cookie)
		return 0;
	d->err = 0;
	if (setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof(unused)) &&
	    errno != ENOENT)
		d->err = -errno;
	return 1;
}

static int visit_process(void *context, pid_t pid)
{
	/* Those that we may not look into are not ours to worry about: most have no worker. */
	int found = proc_each_socket(pid, detach_through, context);

	return found == -EACCES ? 0 : found;
}

static int socket_detach(const struct installed *i, __u32 subject, struct iop_report *report)
{
	const struct record_group *g = installed_group(i, subject);
	struct detaching d = { .group = &i->groups[subject] };
	char address[SOCKET_ADDRESS];
	int err = g->attached ? proc_each(visit_process, &d) : 0;

	if (err < 0 || d.err)
		return report_error(report, err < 0 ? err : d.err, IOP_CAUSE_ENVIRONMENT,
				    "the socket program cannot be detached from the sockets at %s: "
				    "%s",
				    socket_address(g, address), strerror(err < 0 ? -err : -d.err));
	return 0;
}

const struct hook hook_socket = {
	.probe = socket_probe,
	.count = socket_count,
	.describe = socket_describe,
	.attach = socket_attach,
	.detach = socket_detach,
};
