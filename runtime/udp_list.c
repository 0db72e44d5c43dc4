/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing says when a socket was bound, but the order of /proc/net/udp and udp6
 * tells it. Sockets of one port share a chain of the kernel's hash table, and both
 * files list chain by chain. Binding adds an IPv4 socket at the head of the
 * chain, so the newest is listed first; an IPv6 socket with SO_REUSEPORT is
 * added at the tail (sk_add_node_rcu() in include/net/sock.h, since Linux 4.6), so the
 * oldest is. connect() moves a socket in other tables only. tests/runtime/kernel_adopt_live.c
 * binds sockets in random orders and holds the kernel to it.
 */
#include "udp_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static int by_inode(const void *a, const void *b)
{
	const struct udp_socket *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

/* sl local rem st queues timer retransmits uid timeout inode: local is ADDRESS:PORT in
 * hexadecimal digits, inode the tenth. False: the heading, or nothing that we know. */
static bool parse_line(char *line, struct udp_socket *s)
{
	enum { LOCAL = 1, INODE = 9 };
	char *fields[INODE + 1], *rest = line, *colon, *end;
	size_t n = 0;

	while (n <= INODE && (fields[n] = strsep(&rest, " \n")))
		n += fields[n][0] != '\0';
	if (n <= INODE)
		return false;
	colon = strchr(fields[LOCAL], ':');
	if (!colon)
		return false;
	s->port = (__u32)strtoul(colon + 1, &end, 16);
	if (*end || end == colon + 1)
		return false;
	s->inode = (ino_t)strtoull(fields[INODE], &end, 10);
	return !*end && end > fields[INODE];
}

int udp_list_parse(struct udp_list *list, FILE *file, bool newest_first,
		   bool (*want)(const void *context, __u32 port), const void *context)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	for (__u32 row = 0; getline(&line, &size, file) > 0; row++) {
		struct udp_socket *grown, found = { 0 };

		if (!parse_line(line, &found) || !want(context, found.port))
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

int udp_list_read(struct udp_list *list, bool (*want)(const void *context, __u32 port),
		  const void *context)
{
	static const struct {
		const char *path;
		bool newest_first;
	} files[] = {
		{ "/proc/thread-self/net/udp", true },
		{ "/proc/thread-self/net/udp6", false },
	};

	*list = (struct udp_list){ 0 };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_file_ FILE *file = fopen(files[i].path, "re");
		int err;

		if (!file && errno == ENOENT)
			continue; /* a kernel without IPv6 */
		err = file ? udp_list_parse(list, file, files[i].newest_first, want, context)
			   : -errno;
		if (err) {
			udp_list_free(list);
			return err;
		}
	}
	if (list->n)
		qsort(list->sockets, list->n, sizeof(*list->sockets), by_inode);
	return 0;
}

void udp_list_free(struct udp_list *list)
{
	free(list->sockets);
	*list = (struct udp_list){ 0 };
}

const struct udp_socket *udp_list_find(const struct udp_list *list, ino_t inode)
{
	struct udp_socket key = { .inode = inode };

	return list->n ? bsearch(&key, list->sockets, list->n, sizeof(key), by_inode) : NULL;
}
