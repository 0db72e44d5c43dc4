/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers of a workload: sockets of a running server that are taken in without
 * its knowledge. A worker is a socket, not a descriptor (processes hold copies of one)
 * and not a process. Sockets of one address and port are a group: the kernel
 * chooses among them, by our program if one is attached to the group.
 */
#ifndef IOP_RUNTIME_ADOPT_H
#define IOP_RUNTIME_ADOPT_H

#include <stdbool.h>

#include "cleanup.h"
#include "object.h"
#include "record.h"
#include "report.h"

struct adopt_worker {
	int fd;     /* borrowed from the server; owned */
	__u32 home; /* a core that its process is bound to, or MACHINE_ANYWHERE */
	__u32 order;
	struct record_worker is;
};

struct adopt_group {
	struct record_group is; /* n_workers and base are set, program is not */
	struct adopt_worker *workers; /* by number: in the order in which they were bound */
};

struct adoption {
	struct adopt_group *groups; /* by workload, family, port */
	__u32 n;
};

/*
 * Finds the workers of all workloads of the policy. An error for each workload with rules
 * for its workers that has none, and for each worker that a rule names and that is not
 * there; all of them are reported before it returns. -ENOENT, -EPERM …
 */
int adopt_workers(const struct iop_object *o, struct adoption *out, struct iop_report *report);
void adoption_free(struct adoption *a);

/* Do packets to the port, or to sockets of the group, belong to it? The first for any
 * workload of the policy, which is the context. */
bool policy_matches_port(const void *object, __u32 protocol, __u32 port);
bool workload_matches_port(const struct iop_object *o, __u32 workload, __u32 protocol, __u32 port);
bool workload_matches_group(const struct iop_object *o, __u32 workload,
			    const struct record_group *g);

/* Has the workload a rule that names workers? */
bool workload_needs_workers(const struct iop_object *o, __u32 workload);

/* Does each group serve one workload, and is each worker there that a rule names? */
int adoption_check(const struct iop_object *o, const struct adoption *found,
		   struct iop_report *report);

/* The workers that a set names in a group of n, at most n of them, in the order of
 * the set. Returns how many; `numbers` has room for n. */
struct worker_set {
	__u32 kind; /* enum iop_workers_kind */
	__u32 first_range, n_ranges;
	__u32 workers_n;
};
__u32 worker_set_resolve(const struct iop_object *o, const struct worker_set *set, __u32 n,
			 __u32 *numbers);

/* A worker that the set names and a group of n does not have; false: there is none.
 * `missing` is n itself when `last K` asks for more than there are. */
bool worker_set_missing(const struct iop_object *o, const struct worker_set *set, __u32 n,
			__u32 *missing);

#define SOCKET_ADDRESS 64
/* "0.0.0.0:53", "[::]:53", "tcp [::]:80". Returns `text`. */
const char *socket_address(const struct record_group *g, char text[SOCKET_ADDRESS]);

/*
 * What a descriptor is: fills all of `group` but workload, program and n_workers, and the
 * cookie and inode of `worker`. 1: a bound UDP socket, or a TCP socket that listens; 0: another
 * kind of descriptor, or a connected one, which serves its peer and nobody else.
 * `shared` tells whether it has SO_REUSEPORT.
 */
int socket_look(int fd, struct record_group *group, struct record_worker *worker, bool *shared);

/* Do both name the same group of the kernel? */
bool socket_group_equal(const struct record_group *a, const struct record_group *b);

#endif
