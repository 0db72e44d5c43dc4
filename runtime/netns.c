/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread and not a child: a library must not fork the program that it is in. */
#include "netns.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "proc.h"

DEFINE_CLEANUP(cleanup_folder, DIR *, closedir)
#define _cleanup_folder_ _cleanup_(cleanup_folder)

struct errand {
	int ns;
	int (*fn)(void *context);
	void *context;
	int result;
};

static void *run_errand(void *p)
{
	struct errand *e = p;
	int err = e->ns == NETNS_NEW ? unshare(CLONE_NEWNET) : setns(e->ns, CLONE_NEWNET);

	e->result = err ? -errno : e->fn(e->context);
	return NULL;
}

int netns_run(int ns, int (*fn)(void *context), void *context)
{
	struct errand e = { ns, fn, context, 0 };
	pthread_t thread;
	int err = pthread_create(&thread, NULL, run_errand, &e);

	if (err)
		return -err;
	err = pthread_join(thread, NULL);
	return err ? -err : e.result;
}

int netns_cookie_of_socket(int fd, __u64 *cookie)
{
	socklen_t size = sizeof(*cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size) ? -errno : 0;
}

int netns_cookie(__u64 *cookie)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : netns_cookie_of_socket(fd, cookie);
}

struct search {
	int (*visit)(void *context, int ns, const char *name);
	void *context;
};

static int visit_path(const struct search *s, const char *path, const char *name)
{
	/* What has gone away or is not ours to see is not there. */
	_cleanup_fd_ int ns = open(path, O_RDONLY | O_CLOEXEC);

	return ns < 0 ? 0 : s->visit(s->context, ns, name);
}

static int visit_process(void *context, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return visit_path(context, path, "");
}

int netns_each(int (*visit)(void *context, int ns, const char *name), void *context)
{
	struct search s = { visit, context };
	_cleanup_folder_ DIR *named = opendir("/run/netns");
	const struct dirent *entry;
	int found = visit_path(&s, "/proc/thread-self/ns/net", "");

	while (!found && named && (entry = readdir(named))) {
		char path[sizeof("/run/netns/") + NAME_MAX];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/run/netns/%s", entry->d_name);
		found = visit_path(&s, path, entry->d_name);
	}
	return found ? found : proc_each(visit_process, &s);
}
