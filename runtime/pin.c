/* SPDX-License-Identifier: BSD-2-Clause */
#include "pin.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "cleanup.h"

DEFINE_CLEANUP(cleanup_folder, DIR *, closedir)
DEFINE_CLEANUP(cleanup_mounts, FILE *, endmntent)
#define _cleanup_folder_ _cleanup_(cleanup_folder)
#define _cleanup_mounts_ _cleanup_(cleanup_mounts)

#define LOCK_WAIT_MS 5000
#define LOCK_RETRY_MS 50

bool pin_name_is_valid(const char *policy)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
	size_t n = strlen(policy);

	return n > 0 && n <= IOP_NAME_MAX && strspn(policy, letters) > 0 &&
	       strspn(policy, all) == n;
}

int pin_path(char path[PIN_PATH], const char *policy, const char *fmt, ...)
{
	int n = snprintf(path, PIN_PATH, "%s/%s", PIN_ROOT, policy), more;
	va_list ap;

	if (n >= PIN_PATH)
		return -ENAMETOOLONG;
	va_start(ap, fmt);
	more = vsnprintf(path + n, (size_t)(PIN_PATH - n), fmt, ap);
	va_end(ap);
	return more < PIN_PATH - n ? 0 : -ENAMETOOLONG;
}

static void name_without_dots(const char *from, char instead, char name[NAME_MAX + 1])
{
	snprintf(name, NAME_MAX + 1, "%s", from);
	for (char *at = name; *at; at++)
		if (*at == '.' || *at == '/')
			*at = instead;
}

void pin_name_of_map(const char *map, char name[NAME_MAX + 1])
{
	name_without_dots(map + (*map == '.'), '_', name);
}

void pin_name_of_device(const char *device, char name[NAME_MAX + 1])
{
	name_without_dots(device, ':', name);
}

/* --- the file system --- */

static bool is_mounted(void)
{
	struct statfs fs;

	return !statfs(PIN_MOUNT, &fs) && (__u32)fs.f_type == BPF_FS_MAGIC;
}

/*
 * `ip netns exec NAME` mounts a new sysfs, with NAME for its source, over /sys. It is
 * gone with the process, and so would be all that is pinned below it.
 */
static bool is_in_netns_exec(char *name, size_t size)
{
	_cleanup_mounts_ FILE *mounts = setmntent("/proc/thread-self/mounts", "re");
	const struct mntent *mount;
	char path[sizeof("/run/netns/") + NAME_MAX];
	bool found = false;

	while (mounts && (mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_dir, "/sys") != 0 || strcmp(mount->mnt_type, "sysfs") != 0)
			continue;
		snprintf(path, sizeof(path), "/run/netns/%s", mount->mnt_fsname);
		found = !strchr(mount->mnt_fsname, '/') && !access(path, F_OK);
		snprintf(name, size, "%s", mount->mnt_fsname);
	}
	return found;
}

enum pin_mount pin_look(struct iop_report *report)
{
	char netns[NAME_MAX + 1];

	if (is_mounted())
		return PIN_MOUNTED;
	if (!is_in_netns_exec(netns, sizeof(netns)))
		return PIN_NOT_MOUNTED;
	report_error(report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT,
		     "`ip netns exec %s` hides %s, where policies are pinned", netns, PIN_MOUNT);
	report_help(report, "run: nsenter --net=/run/netns/%s iopctl …", netns);
	return PIN_HIDDEN;
}

int pin_mount(struct iop_report *report)
{
	if (mount("bpf", PIN_MOUNT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return report_error(report, -errno, IOP_CAUSE_ENVIRONMENT,
				    "the BPF file system cannot be mounted at %s: %s", PIN_MOUNT,
				    errno == ENOENT ? "there is no such folder; is /sys mounted, "
						      "and does the kernel have BPF?"
						    : strerror(errno));
	return 0;
}

int pin_unmount(struct iop_report *report)
{
	struct statfs fs;
	_cleanup_folder_ DIR *folder = opendir(PIN_MOUNT);
	const struct dirent *entry;

	/* Users' names have no dot; the kernel's own files, maps.debug and progs.debug, do. */
	while (folder && (entry = readdir(folder)))
		if (!strchr(entry->d_name, '.'))
			return 0; /* in use by now */
	if (statfs(PIN_MOUNT, &fs) || (__u32)fs.f_type != BPF_FS_MAGIC)
		return 0;
	if (folder)
		closedir(TAKE_PTR(folder));
	if (umount(PIN_MOUNT))
		return report_error(report, -errno, IOP_CAUSE_ENVIRONMENT,
				    "%s cannot be unmounted again: %s", PIN_MOUNT, strerror(errno));
	return 0;
}

/* --- the lock --- */

static void wait_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* Another iopctl may have removed the folder between our open() and our lock. */
static bool is_still_there(int fd)
{
	struct stat mine, named;

	return !fstat(fd, &mine) && !stat(PIN_ROOT, &named) && mine.st_dev == named.st_dev &&
	       mine.st_ino == named.st_ino;
}

int pin_lock(struct iop_report *report)
{
	for (long waited = 0; waited < LOCK_WAIT_MS; waited += LOCK_RETRY_MS) {
		_cleanup_fd_ int fd = -1;
		int err = pin_make_folder(PIN_ROOT, report);

		if (err)
			return err;
		fd = open(PIN_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return report_error(report, -errno, IOP_CAUSE_ENVIRONMENT,
					    "%s cannot be opened: %s", PIN_ROOT, strerror(errno));
		if (!flock(fd, LOCK_EX | LOCK_NB) && is_still_there(fd))
			return TAKE_FD(fd);
		wait_ms(LOCK_RETRY_MS);
	}
	return report_error(report, -EBUSY, IOP_CAUSE_ENVIRONMENT,
			    "another iopctl is loading or unloading");
}

void pin_unlock(int *lock)
{
	if (*lock < 0)
		return;
	(void)rmdir(PIN_ROOT); /* which refuses if a policy is in it */
	cleanup_fd(lock);
	*lock = -1;
}

/* --- files --- */

int pin_check(const char *path, struct iop_report *report)
{
	int err = access(path, F_OK) ? -errno : 0;

	if (!err || err == -ENOENT)
		return err;
	(void)report_error(report, err, IOP_CAUSE_ENVIRONMENT, "%s cannot be looked at: %s", path,
			   strerror(-err));
	if (err == -EACCES)
		report_help(report, "run it as root");
	return err;
}

int pin_make_folder(const char *path, struct iop_report *report)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return report_error(report, -errno, IOP_CAUSE_ENVIRONMENT, "%s cannot be made: %s",
				    path, strerror(errno));
	return 0;
}

int pin_object(int fd, const char *path, struct iop_report *report)
{
	if (bpf_obj_pin(fd, path))
		return report_error(report, -errno, IOP_CAUSE_ENVIRONMENT,
				    "%s cannot be pinned: %s", path, strerror(errno));
	return 0;
}

/* The first errno, negative; it goes on after an error, to leave as little as it can. */
static int remove_below(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	_cleanup_folder_ DIR *entries = NULL;
	const struct dirent *entry;

	if (fd < 0) {
		/* Pins cannot be opened; whatever is no folder is removed as a file. */
		if (unlinkat(folder, name, 0) && errno != ENOENT)
			return -errno;
		return 0;
	}
	entries = fdopendir(fd);
	if (!entries) {
		err = -errno;
		close(fd);
		return err;
	}
	while ((entry = readdir(entries))) {
		int failed;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		failed = remove_below(fd, entry->d_name);
		err = err ? err : failed;
	}
	if (unlinkat(folder, name, AT_REMOVEDIR) && errno != ENOENT && !err)
		err = -errno;
	return err;
}

int pin_remove(const char *path, struct iop_report *report)
{
	int err = remove_below(AT_FDCWD, path);

	if (err)
		return report_error(report, err, IOP_CAUSE_ENVIRONMENT, "%s cannot be removed: %s",
				    path, strerror(-err));
	return 0;
}
