/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slot of a worker in a signal's map, for the application that serves it.
 */
#include <bpf/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "abi/worker.h"
#include "installed.h"
#include "iop.h"
#include "pin.h"

struct iop_signal {
	unsigned char *map; /* all slots */
	size_t size;
	void *slot;
};

static int open_map(const struct installed *is, const char *map)
{
	char name[NAME_MAX + 1], path[PIN_PATH];
	int fd, err;

	pin_name_of_map(map, name);
	err = pin_path(path, is->name, "/maps/%s", name);
	if (err)
		return err;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/* The description's row of the signal's map; NULL: the policy has no such signal in use. */
static const struct iop_desc_map *find_map(const struct iop_object *o, const char *signal)
{
	char name[IOP_NAME_MAX + sizeof("iop_signal_")];

	snprintf(name, sizeof(name), "iop_signal_%s", signal);
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MAPS); i++) {
		const struct iop_desc_map *m = object_map(o, i);

		if (m->role == IOP_MAP_SIGNAL && !strcmp(object_string(o, m->name), name))
			return m;
	}
	return NULL;
}

/* The row of the worker whose socket that is. */
static int find_row(const struct installed *is, int socket, __u32 *row, struct iop_report *report)
{
	_cleanup_fd_ int of = open_map(is, "iop_worker_of");
	__u64 cookie;
	socklen_t size = sizeof(cookie);

	if (getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &size))
		return report_error(report, -errno, IOP_CAUSE_USAGE, "descriptor %d is no socket: %s",
				    socket, strerror(errno));
	if (of < 0 || bpf_map_lookup_elem(of, &cookie, row))
		return report_error(report, -ENOENT, IOP_CAUSE_ENVIRONMENT,
				    "the socket is no worker of policy %s", is->name);
	return 0;
}

static int map_slot(struct iop_signal *s, int fd, __u32 row, const char *name,
		    struct iop_report *report)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	long page = sysconf(_SC_PAGESIZE);

	if (bpf_map_get_info_by_fd(fd, &info, &size) || info.value_size != IOP_SIGNAL_STRIDE ||
	    row >= info.max_entries)
		return report_error(report, -EBADMSG, IOP_CAUSE_ENVIRONMENT,
				    "the map of signal %s is not one of iopctl", name);
	s->size = ((size_t)info.max_entries * IOP_SIGNAL_STRIDE + (size_t)page - 1) &
		  ~((size_t)page - 1);
	s->map = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		return report_error(report, -errno, IOP_CAUSE_KERNEL,
				    "signal %s cannot be mapped: %s", name, strerror(errno));
	}
	s->slot = s->map + (size_t)row * IOP_SIGNAL_STRIDE;
	return 0;
}

static int open_signal(const struct installed *is, const char *name, int socket, size_t size,
		       struct iop_signal *s, struct iop_report *report)
{
	const struct iop_desc_map *m = is->description ? find_map(is->description, name) : NULL;
	_cleanup_fd_ int fd = m ? open_map(is, object_string(is->description, m->name)) : -1;
	__u32 row;
	int err;

	if (!m || fd < 0)
		return report_error(report, fd < -1 ? fd : -ENOENT, IOP_CAUSE_ENVIRONMENT,
				    "policy %s has no signal %s that a rule reads", is->name, name);
	if (size != m->workers_n)
		return report_error(report, -EINVAL, IOP_CAUSE_USAGE,
				    "signal %s of policy %s has %u bytes, not %zu", name, is->name,
				    m->workers_n, size);
	err = find_row(is, socket, &row, report);
	return err ? err : map_slot(s, fd, row, name, report);
}

bool signal_is_unsaid(const struct installed *i, const struct iop_desc_map *map, __u32 row)
{
	static const __u8 nothing[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	_cleanup_fd_ int fd = open_map(i, object_string(i->description, map->name));
	__u8 slot[IOP_SIGNAL_STRIDE];

	return fd >= 0 && map->workers_n <= sizeof(nothing) && !bpf_map_lookup_elem(fd, &row, slot) &&
	       !memcmp(slot, nothing, map->workers_n);
}

int iop_signal_open(const char *policy, const char *signal, int socket, size_t size,
		    struct iop_signal **out, struct iop_report *report)
{
	_cleanup_installed_ struct installed is = INSTALLED_EMPTY;
	struct iop_signal *s;
	int err = installed_open(&is, policy, report);

	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return report_no_memory(report);
	err = open_signal(&is, signal, socket, size, s, report);
	if (err) {
		iop_signal_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void *iop_signal_slot(const struct iop_signal *signal)
{
	return signal->slot;
}

void iop_signal_close(struct iop_signal *signal)
{
	if (signal && signal->map)
		(void)munmap(signal->map, signal->size);
	free(signal);
}
