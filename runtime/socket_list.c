/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing says when a socket was bound, but the order of /proc/net/udp and udp6
 * tells it. Sockets of one port share a chain of the kernel's hash table, and both
 * files list chain by chain. Binding adds an IPv4 socket at the head of the
 * chain, so the newest is listed first; an IPv6 socket with SO_REUSEPORT is
 * added at the tail (sk_add_node_rcu() in include/net/sock.h, since Linux 4.6), so the
 * oldest is. connect() moves a socket in other tables only. tests/runtime/kernel_adopt_live.c
 * binds sockets in random orders and holds the kernel to it.
 *
 * With TCP it is the same for sockets that listen, from the moment of listen() on
 * (__inet_hash() in net/ipv4/inet_hashtables.c); /proc/net/tcp has them before all others.
 */
#include "socket_list.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static int by_inode(const void *a, const void *b)
{
	const struct listed_socket *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Words of 4 bytes, each printed as this machine's number. */
static bool parse_address(const char *text, size_t digits, struct listed_socket *s)
{
	if (digits != 8 && digits != 32)
		return false;
	s->family = digits == 8 ? 4 : 6;
	for (size_t i = 0; i < digits / 8; i++) {
		char word[9] = "", *end;
		__u32 n;

		memcpy(word, text + 8 * i, 8);
		n = (__u32)strtoul(word, &end, 16);
		if (*end)
			return false;
		memcpy(s->address + 4 * i, &n, 4);
	}
	return true;
}

#define LISTENS 0x0a /* TCP_LISTEN */

/* sl local rem st queues timer retransmits uid timeout inode: local is ADDRESS:PORT in
 * hexadecimal digits, inode the tenth. False: the heading, or nothing that we know. */
static bool parse_line(char *line, struct listed_socket *s, unsigned long *state)
{
	enum { LOCAL = 1, STATE = 3, INODE = 9 };
	char *fields[INODE + 1], *rest = line, *colon, *end;
	size_t n = 0;

	while (n <= INODE && (fields[n] = strsep(&rest, " \n")))
		n += fields[n][0] != '\0';
	if (n <= INODE)
		return false;
	colon = strchr(fields[LOCAL], ':');
	if (!colon || !parse_address(fields[LOCAL], (size_t)(colon - fields[LOCAL]), s))
		return false;
	s->port = (__u32)strtoul(colon + 1, &end, 16);
	if (*end || end == colon + 1)
		return false;
	*state = strtoul(fields[STATE], NULL, 16);
	s->inode = (ino_t)strtoull(fields[INODE], &end, 10);
	return !*end && end > fields[INODE];
}

int socket_list_parse(struct socket_list *list, FILE *file, __u32 protocol, bool newest_first,
		      socket_wanted *want, const void *context)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	for (__u32 row = 0; getline(&line, &size, file) > 0; row++) {
		struct listed_socket *grown, found = { .protocol = protocol };
		unsigned long state;

		if (!parse_line(line, &found, &state))
			continue;
		if (protocol == IPPROTO_TCP && state != LISTENS)
			break; /* connections, of which there may be very many */
		if (!want(context, protocol, found.port))
			continue;
		found.order = newest_first ? ~row : row;
		grown = realloc(list->sockets, (list->n + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		list->sockets = grown;
		list->sockets[list->n++] = found;
	}
	return ferror(file) ? -EIO : 0;
}

int socket_list_read(struct socket_list *list, socket_wanted *want, const void *context)
{
	static const struct {
		const char *path;
		__u32 protocol;
		bool newest_first;
	} files[] = {
		{ "/proc/thread-self/net/udp", IPPROTO_UDP, true },
		{ "/proc/thread-self/net/udp6", IPPROTO_UDP, false },
		{ "/proc/thread-self/net/tcp", IPPROTO_TCP, true },
		{ "/proc/thread-self/net/tcp6", IPPROTO_TCP, false },
	};

	*list = (struct socket_list){ 0 };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_file_ FILE *file = fopen(files[i].path, "re");
		int err;

		if (!file && errno == ENOENT)
			continue; /* a kernel without IPv6 */
		err = file ? socket_list_parse(list, file, files[i].protocol,
					       files[i].newest_first, want, context)
			   : -errno;
		if (err) {
			socket_list_free(list);
			return err;
		}
	}
	if (list->n)
		qsort(list->sockets, list->n, sizeof(*list->sockets), by_inode);
	return 0;
}

void socket_list_free(struct socket_list *list)
{
	free(list->sockets);
	*list = (struct socket_list){ 0 };
}

const struct listed_socket *socket_list_find(const struct socket_list *list, ino_t inode)
{
	struct listed_socket key = { .inode = inode };

	return list->n ? bsearch(&key, list->sockets, list->n, sizeof(key), by_inode) : NULL;
}
