/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps are declared in BTF: section .maps is a list of variables, each a struct
 * whose members spell a number as the length of an array that a pointer points to
 * (libbpf's __uint), or a type likewise (__type). libbpf checks the BTF when it
 * reads it.
 */
#include "declared.h"

#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "elffile.h"
#include "libbpf_log.h"

#define SIZE_OF_INSTRUCTION 8
/* It is walked once a map; the largest of an example is a fiftieth of it. */
#define MAX_BTF (1u << 20)

struct declared {
	struct elf_file elf;
	struct btf *btf; /* NULL: none, or a broken one */
};

static bool find_section(const struct elf_file *f, const char *name, struct elf_section *out)
{
	char error[128];

	for (uint32_t i = 0; i < f->n_sections; i++)
		if (elf_file_section(f, i, out, error, sizeof(error)) == 0 &&
		    strcmp(out->name, name) == 0)
			return true;
	return false;
}

struct declared *declared_read(const struct iop_object *o)
{
	struct declared *d;
	struct elf_section s;
	char error[128];

	if (!o->elf) {
		errno = ENOENT;
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	if (elf_file_open(&d->elf, o->elf, o->elf_size, error, sizeof(error))) {
		free(d);
		errno = EBADMSG;
		return NULL;
	}
	if (find_section(&d->elf, ".BTF", &s) && s.size && s.size <= MAX_BTF) {
		/* What libbpf thinks of a broken one is nobody's concern here. */
		_cleanup_libbpf_log_ struct libbpf_log *log = libbpf_log_begin();

		(void)log;
		d->btf = btf__new(s.bytes, (__u32)s.size);
	}
	return d;
}

void declared_free(struct declared *d)
{
	if (!d)
		return;
	btf__free(d->btf);
	free(d);
}

/* The type behind modifiers and typedefs. BTF may hold a ring of them. */
static const struct btf_type *resolve(const struct btf *btf, __u32 id, __u32 *resolved)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (int depth = 0; t && depth < 32; depth++) {
		if (!btf_is_mod(t) && !btf_is_typedef(t)) {
			*resolved = id;
			return t;
		}
		id = t->type;
		t = btf__type_by_id(btf, id);
	}
	return NULL;
}

/* What a member of a map's declaration points to. */
static const struct btf_type *pointee(const struct btf *btf, const struct btf_member *m, __u32 *id)
{
	const struct btf_type *t = resolve(btf, m->type, id);

	return t && btf_is_ptr(t) ? resolve(btf, t->type, id) : NULL;
}

static __u32 number_of(const struct btf *btf, const struct btf_member *m)
{
	__u32 id;
	const struct btf_type *t = pointee(btf, m, &id);

	return t && btf_is_array(t) ? btf_array(t)->nelems : 0;
}

static __u32 size_of(const struct btf *btf, const struct btf_member *m)
{
	__u32 id;
	__s64 size;

	if (!pointee(btf, m, &id))
		return 0;
	size = btf__resolve_size(btf, id);
	return size > 0 ? (__u32)size : 0;
}

static void read_members(const struct btf *btf, const struct btf_type *t, struct declared_map *map)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++, m++) {
		const char *name = btf__name_by_offset(btf, m->name_off);

		if (!name)
			continue;
		if (strcmp(name, "type") == 0)
			map->type = number_of(btf, m);
		else if (strcmp(name, "key_size") == 0)
			map->key_size = number_of(btf, m);
		else if (strcmp(name, "value_size") == 0)
			map->value_size = number_of(btf, m);
		else if (strcmp(name, "max_entries") == 0)
			map->max_entries = number_of(btf, m);
		else if (strcmp(name, "key") == 0)
			map->key_size = size_of(btf, m);
		else if (strcmp(name, "value") == 0)
			map->value_size = size_of(btf, m);
	}
}

static bool from_btf(const struct btf *btf, const char *name, struct declared_map *map)
{
	__s32 id = btf__find_by_name_kind(btf, ".maps", BTF_KIND_DATASEC);
	const struct btf_type *sec = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	const struct btf_var_secinfo *v = sec ? btf_var_secinfos(sec) : NULL;

	for (int i = 0; sec && i < btf_vlen(sec); i++, v++) {
		const struct btf_type *var = btf__type_by_id(btf, v->type), *t;
		const char *var_name = var ? btf__name_by_offset(btf, var->name_off) : NULL;
		__u32 ignored;

		if (!var_name || !btf_is_var(var) || strcmp(var_name, name) != 0)
			continue;
		t = resolve(btf, var->type, &ignored);
		if (!t || !btf_is_struct(t))
			return false;
		read_members(btf, t, map);
		return true;
	}
	return false;
}

bool declared_map(const struct declared *d, const char *name, struct declared_map *map)
{
	struct elf_section s;

	*map = (struct declared_map){ 0 };
	/* libbpf makes a map of one element of each section with data. */
	if (name[0] == '.' && find_section(&d->elf, name, &s)) {
		*map = (struct declared_map){ BPF_MAP_TYPE_ARRAY, sizeof(__u32), (__u32)s.size, 1 };
		return true;
	}
	return d->btf && from_btf(d->btf, name, map);
}

__u64 declared_instructions(const struct iop_object *o, const char *function)
{
	struct elf_function f;
	struct elf_file elf;
	uint64_t cursor = 0;
	char error[128];

	if (!o->elf || elf_file_open(&elf, o->elf, o->elf_size, error, sizeof(error)))
		return 0;
	while (elf_file_next_function(&elf, &cursor, &f))
		if (strcmp(f.name, function) == 0)
			return f.size / SIZE_OF_INSTRUCTION;
	return 0;
}
