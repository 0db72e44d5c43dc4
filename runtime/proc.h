/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What /proc tells of other processes, and borrowing a descriptor of theirs.
 * Processes come and go while we look: what has gone away in between is not
 * there, and no error.
 */
#ifndef IOP_RUNTIME_PROC_H
#define IOP_RUNTIME_PROC_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/types.h>

/* Both call visit() until it returns other than 0, and return that, or 0, or a negative
 * errno if /proc itself cannot be read. */
int proc_each(int (*visit)(void *context, pid_t pid), void *context);

/* The sockets among the descriptors of a process. -EACCES: not ours to look into. */
int proc_each_socket(pid_t pid, int (*visit)(void *context, pid_t pid, int fd, ino_t inode),
		     void *context);

/* A copy of descriptor `fd` of the process, or a negative errno: -EPERM without
 * CAP_SYS_PTRACE over it, -ESRCH or -EBADF when it has gone away. */
int proc_borrow(pid_t pid, int fd);

#define PROC_COMM 16

/* The name of a process; "" if it is gone. Returns `comm`. */
const char *proc_comm(pid_t pid, char comm[PROC_COMM]);

/* The path of its program, as the kernel tells it; "" if it is gone or not ours to know. */
const char *proc_exe(pid_t pid, char path[PATH_MAX]);

/* When the process was started, in clock ticks since boot; 0 if it is gone. */
__u64 proc_started(pid_t pid);

/* Is the process, or one of its threads, called so? Does it run this program (also when
 * its file was replaced since)? */
bool proc_has_comm(pid_t pid, const char *comm);
bool proc_has_exe(pid_t pid, const char *path);

/* Calls visit() for each process of the cgroup v2 group and of those below it. -ENOENT: no
 * such group; -ENODEV: no cgroup v2 hierarchy is mounted. */
int proc_each_in_cgroup(const char *group, int (*visit)(void *context, pid_t pid), void *context);

#endif
