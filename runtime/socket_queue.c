/* SPDX-License-Identifier: BSD-2-Clause */
#include "socket_queue.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"

DEFINE_CLEANUP(cleanup_btf, struct btf *, btf__free)

/* Adds the offset of a member, also one of an unnamed part, in bytes; returns its type, 0: there
 * is none. */
static __u32 member(const struct btf *btf, __u32 type, const char *name, __u32 *offset)
{
	int id = btf__resolve_type(btf, type);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (__u32 i = 0; t && btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *is = btf__name_by_offset(btf, m->name_off);
		__u32 at = *offset + btf_member_bit_offset(t, i) / 8, found = 0;

		if (!strcmp(is, name))
			found = m->type;
		else if (!is[0])
			found = member(btf, m->type, name, &at);
		if (found) {
			*offset = at;
			return found;
		}
	}
	return 0;
}

/* The offset of a path of members, which are separated by dots; 0: there is none. */
static __u32 offset_of(const struct btf *btf, const char *type, const char *path)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	__u32 at = id > 0 ? (__u32)id : 0, offset = 0;
	char name[64];

	while (at && *path) {
		size_t n = strcspn(path, ".");

		if (n >= sizeof(name))
			return 0;
		memcpy(name, path, n);
		name[n] = '\0';
		at = member(btf, at, name, &offset);
		path += n + (path[n] == '.');
	}
	return at ? offset : 0;
}

int socket_queue_find(struct iop_queue_at *at)
{
	_cleanup_(cleanup_btf) struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return -ENOENT;
	at->received = offset_of(btf, "udp_sock", "inet.sk.sk_receive_queue.qlen");
	at->read = offset_of(btf, "udp_sock", "reader_queue.qlen");
	return at->received && at->read ? 0 : -ENOENT;
}
