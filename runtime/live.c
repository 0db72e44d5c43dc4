/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a param stands in the map is told by the map's own BTF, as the kernel keeps it. */
#include "live.h"

#include <bpf/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pin.h"

unsigned char *variables_find(const struct variables *v, const char *name, size_t size)
{
	const struct btf_var_secinfo *at = btf_var_secinfos(v->section);

	for (__u32 i = 0; i < btf_vlen(v->section); i++) {
		const struct btf_type *var = btf__type_by_id(v->btf, at[i].type);

		if (!strcmp(btf__name_by_offset(v->btf, var->name_off), name))
			return at[i].size == size && at[i].offset <= v->size &&
					       size <= v->size - at[i].offset
				       ? v->bytes + at[i].offset
				       : NULL;
	}
	return NULL;
}

static int map_values(struct live *l, int map, const struct bpf_map_info *info, bool write)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (info->value_size + page - 1) / page * page;
	void *bytes = mmap(NULL, size, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, map, 0);

	if (bytes == MAP_FAILED)
		return -errno;
	l->mapped = size;
	l->variables.bytes = bytes;
	l->variables.size = info->value_size;
	return 0;
}

int live_open(struct live *l, const struct installed *is, bool write)
{
	char name[NAME_MAX + 1], path[PIN_PATH];
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	_cleanup_fd_ int map = -1;
	int err;

	*l = LIVE_EMPTY;
	pin_name_of_map(LIVE_SECTION, name);
	(void)pin_path(path, is->name, "/maps/%s", name);
	map = bpf_obj_get(path);
	if (map < 0 || bpf_map_get_info_by_fd(map, &info, &size))
		return -errno;
	l->btf = btf__load_from_kernel_by_id(info.btf_id);
	if (!l->btf)
		return -errno;
	l->variables.btf = l->btf;
	l->variables.section = btf__type_by_id(l->btf, info.btf_value_type_id);
	if (info.type != BPF_MAP_TYPE_ARRAY || !l->variables.section ||
	    !btf_is_datasec(l->variables.section))
		err = -EBADMSG;
	else
		err = map_values(l, map, &info, write);
	if (err)
		live_close(l);
	return err;
}

void live_close(struct live *l)
{
	if (l->mapped)
		(void)munmap(l->variables.bytes, l->mapped);
	btf__free(l->btf);
	*l = LIVE_EMPTY;
}

__u64 *live_value(const struct live *l, const struct iop_object *o, const struct iop_desc_param *p)
{
	const char *name = object_string(o, p->variable);

	if (!p->live || !name[0] || !l->variables.bytes)
		return NULL;
	/* Aligned: the section holds nothing but words of this size. */
	return (__u64 *)(void *)variables_find(&l->variables, name, sizeof(__u64));
}
