/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the frame of a test to the datagram that a socket gets. Deliberately not the
 * stage library's walk over the headers: only what the kernel's own stack would
 * deliver counts here.
 */
#include <string.h>
#include <sys/socket.h>

#include <linux/if_ether.h>

#include "policytest_fate.h"

#define UDP_HEADER 8
#define TCP_HEADER 20
#define MAX_TAGS 2

struct rest {
	const __u8 *at;
	size_t size;
};

static unsigned get16(const __u8 *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static bool skip(struct rest *r, size_t n)
{
	if (r->size < n)
		return false;
	r->at += n;
	r->size -= n;
	return true;
}

/* 0: cut short. */
static unsigned read_ethernet(struct rest *r)
{
	unsigned type;

	if (!skip(r, ETH_HLEN))
		return 0;
	type = get16(r->at - 2);
	for (int tags = 0; tags < MAX_TAGS && (type == ETH_P_8021Q || type == ETH_P_8021AD);
	     tags++) {
		if (!skip(r, 4))
			return 0;
		type = get16(r->at - 2);
	}
	return type;
}

static void set_address(struct sockaddr_storage *a, int family, const __u8 *address)
{
	a->ss_family = (sa_family_t)family;
	if (family == AF_INET)
		memcpy(&((struct sockaddr_in *)a)->sin_addr, address, 4);
	else
		memcpy(&((struct sockaddr_in6 *)a)->sin6_addr, address, 16);
}

static void set_port(struct sockaddr_storage *a, unsigned port)
{
	if (a->ss_family == AF_INET)
		((struct sockaddr_in *)a)->sin_port = htons((in_port_t)port);
	else
		((struct sockaddr_in6 *)a)->sin6_port = htons((in_port_t)port);
}

in_port_t datagram_port(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET ? ((const struct sockaddr_in *)a)->sin_port
					     : ((const struct sockaddr_in6 *)a)->sin6_port);
}

const __u8 *datagram_address(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? (const __u8 *)&((const struct sockaddr_in *)a)->sin_addr
				       : ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr;
}

static bool is_known(unsigned protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_TCP;
}

static enum datagram_kind read_ipv4(struct rest *r, struct datagram *d)
{
	const __u8 *ip = r->at;
	size_t header, total;

	if (r->size < 20 || ip[0] >> 4 != 4)
		return DATAGRAM_NONE;
	header = (size_t)(ip[0] & 0xf) * 4;
	total = get16(ip + 2);
	if (header < 20 || total < header || total > r->size)
		return DATAGRAM_NONE;
	d->protocol = ip[9];
	if (!is_known(ip[9]))
		return DATAGRAM_NONE;
	if (get16(ip + 6) & 0x3fff)
		return DATAGRAM_OPAQUE;
	r->size = total; /* what is behind is padding */
	(void)skip(r, header);
	d->family = AF_INET;
	set_address(&d->from, AF_INET, ip + 12);
	set_address(&d->to, AF_INET, ip + 16);
	return DATAGRAM_WHOLE;
}

/* Extension headers that a stack walks over on the way to UDP or TCP. */
static enum datagram_kind skip_extensions(struct rest *r, unsigned next, struct datagram *d)
{
	while (!is_known(next)) {
		size_t size;

		if (r->size < 8)
			return DATAGRAM_NONE;
		size = ((size_t)r->at[1] + 1) * 8;
		if (next == IPPROTO_FRAGMENT) {
			if (get16(r->at + 2) & 0xfff9)
				return DATAGRAM_OPAQUE;
			size = 8;
		} else if (next == IPPROTO_AH) {
			return DATAGRAM_OPAQUE;
		} else if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
			   next != IPPROTO_DSTOPTS) {
			return DATAGRAM_NONE;
		}
		next = r->at[0];
		if (!skip(r, size))
			return DATAGRAM_NONE;
	}
	d->protocol = next;
	return DATAGRAM_WHOLE;
}

static enum datagram_kind read_ipv6(struct rest *r, struct datagram *d)
{
	const __u8 *ip = r->at;

	if (!skip(r, 40) || ip[0] >> 4 != 6 || get16(ip + 4) > r->size)
		return DATAGRAM_NONE;
	r->size = get16(ip + 4);
	d->family = AF_INET6;
	set_address(&d->from, AF_INET6, ip + 8);
	set_address(&d->to, AF_INET6, ip + 24);
	return skip_extensions(r, ip[6], d);
}

enum datagram_kind datagram_read(const __u8 *frame, size_t size, struct datagram *d)
{
	struct rest r = { frame, size };
	enum datagram_kind kind = DATAGRAM_NONE;
	const __u8 *l4;
	size_t header;

	*d = (struct datagram){ 0 };
	switch (read_ethernet(&r)) {
	case ETH_P_IP: kind = read_ipv4(&r, d); break;
	case ETH_P_IPV6: kind = read_ipv6(&r, d); break;
	}
	if (kind != DATAGRAM_WHOLE)
		return kind;
	l4 = r.at;
	if (d->protocol == IPPROTO_TCP) {
		header = r.size < TCP_HEADER ? 0 : (size_t)(l4[12] >> 4) * 4;
		if (header < TCP_HEADER || !skip(&r, header))
			return DATAGRAM_NONE;
		d->size = r.size;
		d->opens = (l4[13] & 0x17) == 0x02; /* SYN without ACK, RST or FIN */
	} else {
		if (!skip(&r, UDP_HEADER) || get16(l4 + 4) < UDP_HEADER ||
		    get16(l4 + 4) - UDP_HEADER > r.size)
			return DATAGRAM_NONE;
		d->size = get16(l4 + 4) - UDP_HEADER;
	}
	set_port(&d->from, get16(l4));
	set_port(&d->to, get16(l4 + 2));
	d->payload = r.at;
	return DATAGRAM_WHOLE;
}

/* --- which workload --- */

static bool in_prefix(const struct iop_object *o, __u32 prefix, const struct sockaddr_storage *a)
{
	const struct iop_desc_prefix *p = object_prefix(o, prefix);
	const __u8 *address = datagram_address(a);
	__u32 whole = p->length / 8, rest = p->length % 8;

	return (p->family == 4) == (a->ss_family == AF_INET) &&
	       memcmp(address, p->address, whole) == 0 &&
	       (!rest || (address[whole] ^ p->address[whole]) >> (8 - rest) == 0);
}

static bool in_prefixes(const struct iop_object *o, __u32 first, __u32 n,
			const struct sockaddr_storage *a)
{
	for (__u32 i = 0; i < n; i++)
		if (in_prefix(o, first + i, a))
			return true;
	return n == 0;
}

static bool meets(const struct iop_object *o, const struct iop_desc_match *m,
		  const struct datagram *d)
{
	bool port = m->n_ports == 0;

	for (__u32 i = 0; i < m->n_ports && !port; i++) {
		const struct iop_desc_range *range = object_range(o, m->first_port + i);

		port = datagram_port(&d->to) >= range->lo && datagram_port(&d->to) <= range->hi;
	}
	return m->protocol == d->protocol && port && in_prefixes(o, m->first_to, m->n_to, &d->to) &&
	       in_prefixes(o, m->first_from, m->n_from, &d->from);
}

__u32 policytest_match(const struct iop_object *o, const struct datagram *d)
{
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_WORKLOADS); i++) {
		const struct iop_desc_workload *w = object_workload(o, i);

		for (__u32 k = 0; k < w->n_matches; k++)
			if (meets(o, object_match(o, w->first_match + k), d))
				return i;
	}
	return IOP_NONE;
}
