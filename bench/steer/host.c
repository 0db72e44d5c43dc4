/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steer_host [-x OBJECT] DEVICE: the side of bench/run steer that receives. Binds a
 * socket that nobody reads, so that what is counted is the way through the stack to its queue; with
 * -x, attaches steer.bpf.c to the device. Says `ready`, and ends when it is killed.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 9000
#define CORE 1
#define CORE_QUEUE 2048 /* as the runtime has it */

static int bind_sink(void)
{
	const int off = 0;
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	       bind(fd, (const struct sockaddr *)&at, sizeof(at));
}

static int attach(const char *object, const char *device)
{
	const struct bpf_cpumap_val value = { .qsize = CORE_QUEUE };
	struct bpf_object *o = bpf_object__open_file(object, NULL);
	__u32 core = CORE;

	return !o || bpf_object__load(o) ||
	       bpf_map_update_elem(bpf_object__find_map_fd_by_name(o, "cores"), &core, &value,
				   BPF_ANY) ||
	       !bpf_program__attach_xdp(bpf_object__find_program_by_name(o, "steer_rx"),
					(int)if_nametoindex(device));
}

int main(int argc, char **argv)
{
	const char *object = NULL;
	int option;

	while ((option = getopt(argc, argv, "x:")) != -1) {
		if (option != 'x')
			return 2;
		object = optarg;
	}
	if (optind + 1 != argc) {
		fputs("usage: steer_host [-x OBJECT] DEVICE\n", stderr);
		return 2;
	}
	if (bind_sink() || (object && attach(object, argv[optind]))) {
		perror("steer_host");
		return 3;
	}
	puts("ready");
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}
