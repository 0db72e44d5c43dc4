/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kv_server WORKERS PORT…: a server as the examples have in mind. Each worker is a process
 * with a socket of its own at each port, bound with SO_REUSEPORT in the order of the
 * workers; it sends back what it gets, its number in front; thrice what begins with `Sm`, and not
 * what begins with `So`. Says `ready` when all are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PORTS 16
#define MAX_WORKERS 64

/* Both families: IPv4 comes as ::ffff:a.b.c.d. */
static int bind_port(unsigned port)
{
	const int on = 1, off = 0;
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at))) {
		perror("kv_server");
		exit(3);
	}
	return fd;
}

static void answer(int fd, unsigned char worker)
{
	unsigned char bytes[2048];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	unsigned replies = 1;
	ssize_t n = recvfrom(fd, bytes + 1, sizeof(bytes) - 1, 0, (struct sockaddr *)&from, &size);

	if (n < 0)
		return;
	bytes[0] = worker;
	if (n >= 2 && bytes[1] == 'S')
		replies = bytes[2] == 'm' ? 3 : bytes[2] != 'o';
	while (replies--)
		(void)sendto(fd, bytes, (size_t)n + 1, 0, (const struct sockaddr *)&from, size);
}

static void serve(struct pollfd *sockets, nfds_t n, unsigned char worker)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (poll(sockets, n, -1) < 0 && errno != EINTR)
			exit(3);
		for (nfds_t i = 0; i < n; i++)
			if (sockets[i].revents & POLLIN)
				answer(sockets[i].fd, worker);
	}
}

int main(int argc, char **argv)
{
	unsigned workers = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	static struct pollfd sockets[MAX_WORKERS][MAX_PORTS];
	nfds_t n = (nfds_t)argc - 2;

	if (workers < 1 || workers > MAX_WORKERS || n > MAX_PORTS) {
		fputs("usage: kv_server WORKERS PORT…\n", stderr);
		return 2;
	}
	for (unsigned w = 0; w < workers; w++)
		for (nfds_t i = 0; i < n; i++)
			sockets[w][i] = (struct pollfd){
				.fd = bind_port((unsigned)strtoul(argv[i + 2], NULL, 10)),
				.events = POLLIN,
			};
	for (unsigned w = 0; w < workers; w++)
		if (fork() == 0) {
			/* A socket ends with its worker: nobody else keeps it. */
			for (unsigned other = 0; other < workers; other++)
				for (nfds_t i = 0; other != w && i < n; i++)
					(void)close(sockets[other][i].fd);
			serve(sockets[w], n, (unsigned char)w);
		}
	for (unsigned w = 0; w < workers; w++)
		for (nfds_t i = 0; i < n; i++)
			(void)close(sockets[w][i].fd);
	puts("ready");
	(void)fflush(stdout);
	while (wait(NULL) > 0)
		;
	return 0;
}
