/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes a group is what udp_reuseport_add_sock() and inet_reuseport_add_sock() of the
 * kernel compare: namespace, family, IPV6_V6ONLY, port, device, owner and address.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "adopt.h"
#include "netns.h"

static int option(int fd, int level, int name, void *value, socklen_t size)
{
	return getsockopt(fd, level, name, value, &size) ? -errno : 0;
}

int socket_look(int fd, struct record_group *g, struct record_worker *w, bool *shared)
{
	struct sockaddr_storage name = { 0 }, peer;
	socklen_t size = sizeof(name), peer_size = sizeof(peer);
	int protocol, reuseport, listens = 0, v6only = 0, device = 0;
	struct stat st;

	if (option(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, sizeof(protocol)) ||
	    (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) ||
	    option(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, sizeof(listens)) ||
	    (protocol == IPPROTO_TCP && !listens) || getsockname(fd, (struct sockaddr *)&name, &size) ||
	    !getpeername(fd, (struct sockaddr *)&peer, &peer_size) ||
	    option(fd, SOL_SOCKET, SO_REUSEPORT, &reuseport, sizeof(reuseport)) ||
	    option(fd, SOL_SOCKET, SO_COOKIE, &w->cookie, sizeof(w->cookie)) ||
	    option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof(device)) ||
	    netns_cookie_of_socket(fd, &g->netns) || fstat(fd, &st))
		return 0;
	if (name.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&name;

		g->port = ntohs(in->sin_port);
		memcpy(g->address, &in->sin_addr, 4);
	} else if (name.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&name;

		if (option(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)))
			return 0;
		g->port = ntohs(in6->sin6_port);
		memcpy(g->address, &in6->sin6_addr, 16);
	}
	g->family = name.ss_family;
	g->protocol = (__u32)protocol;
	g->v6only = v6only != 0;
	g->uid = st.st_uid;
	g->device = (__u32)device;
	w->inode = st.st_ino;
	*shared = reuseport != 0;
	return g->port != 0;
}

bool socket_group_equal(const struct record_group *a, const struct record_group *b)
{
	return a->netns == b->netns && a->family == b->family && a->protocol == b->protocol && a->v6only == b->v6only &&
	       a->port == b->port && a->device == b->device && a->uid == b->uid &&
	       !memcmp(a->address, b->address, sizeof(a->address));
}

const char *socket_address(const struct record_group *g, char text[SOCKET_ADDRESS])
{
	char address[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop((int)g->family, g->address, address, sizeof(address));
	snprintf(text, SOCKET_ADDRESS, g->family == AF_INET6 ? "%s[%s]:%u" : "%s%s:%u",
		 g->protocol == IPPROTO_TCP ? "tcp " : "", address, g->port);
	return text;
}

/* --- sets of workers --- */

__u32 worker_set_resolve(const struct iop_object *o, const struct worker_set *set, __u32 n,
			 __u32 *numbers)
{
	__u32 first = 0, end = n, found = 0;

	switch ((enum iop_workers_kind)set->kind) {
	case IOP_WORKERS_LIST:
		for (__u32 i = 0; i < set->n_ranges; i++) {
			const struct iop_desc_range *range = object_range(o, set->first_range + i);

			for (__u64 w = range->lo; w <= range->hi && w < n && found < n; w++)
				numbers[found++] = (__u32)w;
		}
		return found;
	case IOP_WORKERS_LAST: first = set->workers_n < n ? n - set->workers_n : 0; break;
	case IOP_WORKERS_ALL_BUT_LAST: end = set->workers_n < n ? n - set->workers_n : 0; break;
	case IOP_WORKERS_ALL:
	case IOP_WORKERS_KINDS: break;
	}
	for (__u32 w = first; w < end; w++)
		numbers[found++] = w;
	return found;
}

bool worker_set_missing(const struct iop_object *o, const struct worker_set *set, __u32 n,
			__u32 *missing)
{
	*missing = n;
	switch ((enum iop_workers_kind)set->kind) {
	case IOP_WORKERS_LIST:
		for (__u32 i = 0; i < set->n_ranges; i++) {
			const struct iop_desc_range *range = object_range(o, set->first_range + i);

			if (range->hi < n)
				continue;
			*missing = range->lo > n ? range->lo : n;
			return true;
		}
		return false;
	case IOP_WORKERS_LAST: return set->workers_n > n;
	case IOP_WORKERS_ALL_BUT_LAST: return set->workers_n >= n;
	case IOP_WORKERS_ALL:
	case IOP_WORKERS_KINDS: break;
	}
	return n == 0;
}
