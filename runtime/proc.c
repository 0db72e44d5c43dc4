/* SPDX-License-Identifier: BSD-2-Clause */
/* The only file that knows what /proc and cgroup v2 look like. */
#include "proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>

#include "cleanup.h"

DEFINE_CLEANUP(cleanup_folder, DIR *, closedir)
DEFINE_CLEANUP(cleanup_fts, FTS *, fts_close)
DEFINE_CLEANUP(cleanup_mounts, FILE *, endmntent)
#define _cleanup_folder_ _cleanup_(cleanup_folder)
#define _cleanup_fts_ _cleanup_(cleanup_fts)
#define _cleanup_mounts_ _cleanup_(cleanup_mounts)

/* Reads a number that is followed by `end`; moves *text to that. */
static bool take_number(const char **text, char end, unsigned long long *n)
{
	char *stopped;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*n = strtoull(*text, &stopped, 10);
	*text = stopped;
	return !errno && *stopped == end;
}

/* The process or descriptor that a file of /proc is named after; -1: none. */
static int number_of(const char *text)
{
	unsigned long long n;

	return take_number(&text, '\0', &n) && n <= INT_MAX ? (int)n : -1;
}

int proc_each(int (*visit)(void *context, pid_t pid), void *context)
{
	_cleanup_folder_ DIR *proc = opendir("/proc");
	const struct dirent *entry;
	int found = 0;

	if (!proc)
		return -errno;
	while (!found && (entry = readdir(proc))) {
		pid_t pid = number_of(entry->d_name);

		if (pid > 0)
			found = visit(context, pid);
	}
	return found;
}

/* The inode of the socket that a descriptor is: 0: it is none; -EACCES: not ours to know. */
static long long socket_of(int folder, const char *name)
{
	static const char socket[] = "socket:[";
	char target[64];
	const char *at = target;
	ssize_t n = readlinkat(folder, name, target, sizeof(target) - 1);
	unsigned long long inode;

	if (n < 0)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	target[n] = '\0';
	if (strncmp(target, socket, sizeof(socket) - 1) != 0)
		return 0;
	at += sizeof(socket) - 1;
	return take_number(&at, ']', &inode) && inode <= LLONG_MAX ? (long long)inode : 0;
}

int proc_each_socket(pid_t pid, int (*visit)(void *context, pid_t pid, int fd, ino_t inode),
		     void *context)
{
	char path[64];
	_cleanup_folder_ DIR *fds = NULL;
	const struct dirent *entry;
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	if (!fds)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	while (!found && (entry = readdir(fds))) {
		int fd = number_of(entry->d_name);
		long long inode = fd < 0 ? 0 : socket_of(dirfd(fds), entry->d_name);

		/* Processes of more privilege than ours can be listed, not read. */
		if (inode < 0)
			return (int)inode;
		if (inode)
			found = visit(context, pid, fd, (ino_t)inode);
	}
	return found;
}

int proc_borrow(pid_t pid, int fd)
{
	_cleanup_fd_ int process = pidfd_open(pid, 0);
	int copy;

	if (process < 0)
		return -errno;
	copy = pidfd_getfd(process, fd, 0);
	return copy < 0 ? -errno : copy;
}

/* The first line of a small file, without its newline; false if there is none. */
static bool first_line(const char *path, char *line, size_t size)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	if (n <= 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

const char *proc_comm(pid_t pid, char comm[PROC_COMM])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (!first_line(path, comm, PROC_COMM))
		comm[0] = '\0';
	return comm;
}

__u64 proc_started(pid_t pid)
{
	char path[64], stat[1024];
	unsigned long long started = 0;
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!first_line(path, stat, sizeof(stat)))
		return 0;
	/* The second field is in parentheses and may hold anything; it is the 22nd. */
	at = strrchr(stat, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return 0;
	at++;
	return take_number(&at, ' ', &started) ? started : 0;
}

bool proc_has_comm(pid_t pid, const char *comm)
{
	char path[64], name[PROC_COMM];
	_cleanup_folder_ DIR *tasks = NULL;
	const struct dirent *entry;

	if (!strcmp(proc_comm(pid, name), comm))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		pid_t tid = number_of(entry->d_name);

		if (tid > 0 && !strcmp(proc_comm(tid, name), comm))
			return true;
	}
	return false;
}

const char *proc_exe(pid_t pid, char to[PATH_MAX])
{
	char exe[64];
	ssize_t n;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	n = readlink(exe, to, PATH_MAX - 1);
	to[n < 0 ? 0 : n] = '\0';
	return to;
}

bool proc_has_exe(pid_t pid, const char *path)
{
	char exe[PATH_MAX];
	size_t n = strlen(path);

	(void)proc_exe(pid, exe);
	return exe[0] && !strncmp(exe, path, n) && (!exe[n] || !strcmp(exe + n, " (deleted)"));
}

/* --- cgroup v2 --- */

/* Where the hierarchy is mounted differs: alone, beside v1, or anywhere. */
static int cgroup_mount(char *folder, size_t size)
{
	_cleanup_mounts_ FILE *mounts = setmntent("/proc/thread-self/mounts", "re");
	const struct mntent *mount;

	if (!mounts)
		return -errno;
	while ((mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_type, "cgroup2") != 0)
			continue;
		return (size_t)snprintf(folder, size, "%s", mount->mnt_dir) < size ? 0
										   : -ENAMETOOLONG;
	}
	return -ENODEV;
}

static int each_in_file(int folder, const char *name, int (*visit)(void *context, pid_t pid),
			void *context)
{
	_cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	_cleanup_file_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[32];
	int found = 0;

	if (!file)
		return 0;
	(void)TAKE_FD(fd); /* the stream's */
	/* cgroup.procs of a threaded group says EOPNOTSUPP when it is read; its processes are
	 * those of the group above. */
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (number_of(line) > 0)
			found = visit(context, number_of(line));
	}
	return found;
}

int proc_each_in_cgroup(const char *group, int (*visit)(void *context, pid_t pid), void *context)
{
	char folder[PATH_MAX];
	char *roots[] = { folder, NULL };
	_cleanup_fts_ FTS *walk = NULL;
	FTSENT *entry;
	size_t n;
	int err = cgroup_mount(folder, sizeof(folder)), found = 0;

	if (err)
		return err;
	n = strlen(folder);
	if ((size_t)snprintf(folder + n, sizeof(folder) - n, "/%s", group) >= sizeof(folder) - n)
		return -ENAMETOOLONG;
	if (access(folder, F_OK))
		return -ENOENT;
	walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (!walk)
		return -errno;
	while (!found && (entry = fts_read(walk))) {
		_cleanup_fd_ int dir = -1;

		if (entry->fts_info != FTS_D)
			continue;
		dir = open(entry->fts_accpath, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0)
			found = each_in_file(dir, "cgroup.procs", visit, context);
	}
	return found;
}
