/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_ask [-s SOURCE] [-n COUNT] [-r REPLIES] [-w MS] ADDRESS PORT HEX: sends the same datagram
 * COUNT times at once, waits for REPLIES (1) to each, up to MS (1000) after the last one, and tells
 * who answered: a line for each first byte that came back (kv_server puts
 * its worker there), with how often it came. No line: nobody answered.
 */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hex.h"

static int resolve(const char *address, const char *port, int family, struct addrinfo **out)
{
	const struct addrinfo hints = { .ai_family = family,
					.ai_socktype = SOCK_DGRAM,
					.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	int err = getaddrinfo(address, port, &hints, out);

	if (err)
		fprintf(stderr, "udp_ask: %s: %s\n", address, gai_strerror(err));
	return err;
}

static int open_socket(const struct addrinfo *to, const char *source)
{
	const int room = 4 << 20;
	struct addrinfo *from = NULL;
	int fd = socket(to->ai_family, SOCK_DGRAM, 0), err = fd < 0;

	if (!err && source) {
		if (resolve(source, "0", to->ai_family, &from))
			exit(2);
		err = bind(fd, from->ai_addr, from->ai_addrlen);
		freeaddrinfo(from);
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (err || connect(fd, to->ai_addr, to->ai_addrlen)) {
		perror("udp_ask");
		exit(3);
	}
	return fd;
}

static void collect(int fd, unsigned long count, int patience_ms, unsigned long *answers)
{
	unsigned char bytes[2048];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (count && poll(&p, 1, patience_ms) > 0) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n <= 0)
			continue; /* an ICMP error of one that was sent */
		answers[bytes[0]]++;
		count--;
	}
}

int main(int argc, char **argv)
{
	unsigned long answers[256] = { 0 }, count = 1, replies = 1;
	unsigned char bytes[HEX_MAX];
	const char *source = NULL;
	struct addrinfo *to;
	int option, size, fd, patience_ms = 1000;

	while ((option = getopt(argc, argv, "s:n:r:w:")) != -1) {
		if (option == 's')
			source = optarg;
		else if (option == 'n')
			count = strtoul(optarg, NULL, 10);
		else if (option == 'r')
			replies = strtoul(optarg, NULL, 10);
		else if (option == 'w')
			patience_ms = atoi(optarg);
		else
			return 2;
	}
	size = argc - optind == 3 ? hex_read(argv[optind + 2], bytes) : -1;
	if (size < 0) {
		fputs("usage: udp_ask [-s SOURCE] [-n COUNT] [-r REPLIES] [-w MS] ADDRESS PORT HEX\n", stderr);
		return 2;
	}
	if (resolve(argv[optind], argv[optind + 1], AF_UNSPEC, &to))
		return 2;
	fd = open_socket(to, source);
	freeaddrinfo(to);
	for (unsigned long i = 0; i < count; i++)
		(void)send(fd, bytes, (size_t)size, 0);
	collect(fd, count * replies, patience_ms, answers);
	for (unsigned i = 0; i < 256; i++)
		if (answers[i])
			printf("%u %lu\n", i, answers[i]);
	return 0;
}
