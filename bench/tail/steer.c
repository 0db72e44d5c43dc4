/* SPDX-License-Identifier: BSD-2-Clause */
#include "steer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol.h"

#define FDS 256 /* descriptors of the server that are looked at */

static bool is_worker(int fd)
{
	struct sockaddr_in6 at = { 0 };
	socklen_t size = sizeof(at);

	return !getsockname(fd, (struct sockaddr *)&at, &size) && at.sin6_family == AF_INET6 &&
	       at.sin6_port == htons(TAIL_PORT);
}

/* The server opens its sockets in the order of its workers. */
static unsigned take_sockets(pid_t server, int *sockets, unsigned n)
{
	int pid = (int)syscall(SYS_pidfd_open, server, 0);
	unsigned found = 0;

	for (int i = 0; pid >= 0 && i < FDS && found < n; i++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pid, i, 0);

		if (fd >= 0 && is_worker(fd))
			sockets[found++] = fd;
		else if (fd >= 0)
			(void)close(fd);
	}
	if (pid >= 0)
		(void)close(pid);
	return found;
}

static bool load(struct bpf_object *o, const char *program, unsigned workers)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(o, ".rodata");
	struct bpf_program *p;
	size_t size = 0;
	void *bytes = rodata ? bpf_map__initial_value(rodata, &size) : NULL;

	if (!bytes || size != sizeof(workers))
		return false;
	memcpy(bytes, &workers, sizeof(workers));
	bpf_object__for_each_program(p, o)
		(void)bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), program));
	return !bpf_object__load(o);
}

static bool attach(struct bpf_object *o, const char *program, const int *sockets, unsigned n)
{
	int map = bpf_object__find_map_fd_by_name(o, "workers");
	int fd = bpf_program__fd(bpf_object__find_program_by_name(o, program));

	for (unsigned i = 0; i < n; i++) {
		__u64 socket = (__u64)sockets[i];

		if (bpf_map_update_elem(map, &i, &socket, BPF_ANY))
			return false;
	}
	return !setsockopt(sockets[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &fd, sizeof(fd));
}

bool steer_attach(const char *object, const char *program, pid_t server, unsigned workers)
{
	struct bpf_object *o = bpf_object__open_file(object, NULL);
	int sockets[64];
	unsigned n = take_sockets(server, sockets, workers);
	bool ok = o && n == workers && load(o, program, workers) &&
		  attach(o, program, sockets, n);

	if (!ok)
		fprintf(stderr, "bench: %s cannot be put before the server's %u sockets: %s\n",
			program, n, strerror(errno));
	for (unsigned i = 0; i < n; i++)
		(void)close(sockets[i]);
	bpf_object__close(o);
	return ok;
}
