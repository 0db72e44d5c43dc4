/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins are read with suspicion, too: half of them may be missing after a kill. */
#include "installed.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <string.h>

#include "machine.h"
#include "pin.h"

DEFINE_CLEANUP(cleanup_folder, DIR *, closedir)
#define _cleanup_folder_ _cleanup_(cleanup_folder)

/* A description may be larger than an element of an array: it is cut into rows. */
#define DESCRIPTION_ROW 4096

int installed_pin_description(const struct installed *i, struct iop_report *report)
{
	const struct iop_desc_header *desc = i->description->desc;
	__u32 rows = (desc->size + DESCRIPTION_ROW - 1) / DESCRIPTION_ROW;
	_cleanup_fd_ int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "iop_description", sizeof(__u32),
					      DESCRIPTION_ROW, rows, NULL);
	_cleanup_free_ char *row = malloc(DESCRIPTION_ROW);
	char path[PIN_PATH];

	for (__u32 key = 0; map >= 0 && row && key < rows; key++) {
		size_t at = (size_t)key * DESCRIPTION_ROW, left = desc->size - at;

		memset(row, 0, DESCRIPTION_ROW);
		memcpy(row, (const char *)desc + at,
		       left < DESCRIPTION_ROW ? left : DESCRIPTION_ROW);
		if (bpf_map_update_elem(map, &key, row, BPF_ANY))
			return report_error(report, -errno, IOP_CAUSE_KERNEL,
					    "the description cannot be kept: %s", strerror(errno));
	}
	if (map < 0 || !row || bpf_map_freeze(map))
		return report_error(report, -errno, IOP_CAUSE_KERNEL,
				    "the description cannot be kept: %s", strerror(errno));
	(void)pin_path(path, i->name, "/description");
	return pin_object(map, path, report);
}

static int read_description(struct installed *i)
{
	char path[PIN_PATH], error[256];
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	_cleanup_fd_ int map = -1;
	_cleanup_free_ char *bytes = NULL;

	(void)pin_path(path, i->name, "/description");
	map = bpf_obj_get(path);
	if (map < 0 || bpf_map_get_info_by_fd(map, &info, &size) ||
	    info.value_size != DESCRIPTION_ROW)
		return -ENOENT;
	bytes = malloc((size_t)info.max_entries * DESCRIPTION_ROW);
	if (!bytes)
		return -ENOMEM;
	for (__u32 key = 0; key < info.max_entries; key++)
		if (bpf_map_lookup_elem(map, &key, bytes + (size_t)key * DESCRIPTION_ROW))
			return -errno;
	size = ((const struct iop_desc_header *)bytes)->size;
	if (size > info.max_entries * DESCRIPTION_ROW)
		return -EBADMSG;
	i->description = object_from_description(bytes, size, i->name, error, sizeof(error));
	return i->description ? 0 : -EBADMSG;
}

static int read_groups(struct installed *i, struct iop_report *report)
{
	char path[PIN_PATH];

	for (;;) {
		struct record r = RECORD_EMPTY, *grown;
		int err;

		(void)pin_path(path, i->name, "/workers/%u/record", i->n_groups);
		err = record_open(&r, path, report);
		if (err == -ENOENT)
			return 0;
		if (err)
			return err;
		if (!r.n || r.rows[0].kind != RECORD_GROUP) {
			record_close(&r);
			return 0;
		}
		grown = realloc(i->groups, (i->n_groups + 1) * sizeof(*grown));
		if (!grown) {
			record_close(&r);
			return report_no_memory(report);
		}
		i->groups = grown;
		i->groups[i->n_groups++] = r;
	}
}

int installed_open(struct installed *i, const char *policy, struct iop_report *report)
{
	char path[PIN_PATH];
	int err;

	*i = INSTALLED_EMPTY;
	if (!pin_name_is_valid(policy))
		return report_error(report, -ENOENT, IOP_CAUSE_USAGE,
				    "\"%s\" is not a policy's name", policy);
	snprintf(i->name, sizeof(i->name), "%s", policy);
	if (pin_look(report) == PIN_HIDDEN)
		return -ENOTSUP;
	err = pin_path(path, policy, "/");
	if (!err)
		err = pin_check(path, report);
	if (err == -ENOENT)
		return report_error(report, err, IOP_CAUSE_ENVIRONMENT, "no policy %s is loaded",
				    policy);
	if (err)
		return err;
	if (read_description(i) == -ENOMEM)
		return report_no_memory(report);
	(void)pin_path(path, policy, "/record");
	err = record_open(&i->record, path, report);
	if (err && err != -ENOENT)
		return err;
	if (installed_policy(i) && installed_policy(i)->version != RECORD_VERSION) {
		installed_close(i);
		return report_error(
			report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT,
			"policy %s was loaded by another release of iopctl: use that one", policy);
	}
	err = read_groups(i, report);
	if (err)
		installed_close(i);
	return err;
}

void installed_close(struct installed *i)
{
	object_close(i->description);
	record_close(&i->record);
	for (__u32 g = 0; g < i->n_groups; g++)
		record_close(&i->groups[g]);
	free(i->groups);
	*i = INSTALLED_EMPTY;
}

int installed_pool(const struct installed *is, __u32 pool, struct core_list *list)
{
	const struct record_row *row;

	*list = (struct core_list){ 0 };
	if (pool == IOP_NONE)
		return 0;
	if (machine_pool_is_fixed(is->description, pool))
		return machine_fixed_pool(is->description, pool, list);
	for (__u32 at = 0; (row = record_next(&is->record, RECORD_POOL, &at));) {
		if (row->pool.pool != pool)
			continue;
		list->n = row->pool.cores.n <= IOP_POOL_CORES ? row->pool.cores.n : 0;
		list->cores = calloc((size_t)list->n + 1, sizeof(*list->cores));
		if (!list->cores)
			return -ENOMEM;
		memcpy(list->cores, row->pool.cores.core, list->n * sizeof(*list->cores));
		return 0;
	}
	return 0;
}

/* --- all of them --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int installed_names_read(struct installed_names *l, struct iop_report *report)
{
	_cleanup_folder_ DIR *root = NULL;
	const struct dirent *entry;
	int err;

	*l = (struct installed_names){ 0 };
	if (pin_look(report) == PIN_HIDDEN)
		return -ENOTSUP;
	err = pin_check(PIN_ROOT, report);
	if (err)
		return err == -ENOENT ? 0 : err;
	root = opendir(PIN_ROOT);
	if (!root) {
		err = report_error(report, -errno, IOP_CAUSE_ENVIRONMENT, "%s cannot be read: %s",
				   PIN_ROOT, strerror(errno));
		report_help(report, "run it as root");
		return err;
	}
	while ((entry = readdir(root))) {
		char **grown;

		if (!pin_name_is_valid(entry->d_name))
			continue;
		grown = realloc(l->names, (l->n + 1) * sizeof(*grown));
		if (grown) {
			l->names = grown;
			grown[l->n] = strdup(entry->d_name);
		}
		if (!grown || !grown[l->n++]) {
			installed_names_free(l);
			return report_no_memory(report);
		}
	}
	if (l->n)
		qsort(l->names, l->n, sizeof(*l->names), by_name);
	return 0;
}

void installed_names_free(struct installed_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
	*l = (struct installed_names){ 0 };
}

static bool has_program(const char *policy, __u64 program)
{
	char path[PIN_PATH];
	_cleanup_folder_ DIR *folder = NULL;
	const struct dirent *entry;

	(void)pin_path(path, policy, "/links");
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		struct bpf_link_info info = { 0 };
		__u32 size = sizeof(info);
		_cleanup_fd_ int link = -1;

		if (entry->d_name[0] == '.' || pin_path(path, policy, "/links/%s", entry->d_name))
			continue;
		link = bpf_obj_get(path);
		if (link >= 0 && !bpf_link_get_info_by_fd(link, &info, &size) &&
		    info.prog_id == program)
			return true;
	}
	return false;
}

static bool has_socket(const char *policy, __u64 cookie)
{
	for (__u32 group = 0;; group++) {
		struct record r = RECORD_EMPTY;
		const struct record_row *row;
		char path[PIN_PATH];
		bool found = false;

		(void)pin_path(path, policy, "/workers/%u/record", group);
		if (record_open(&r, path, NULL))
			return false;
		for (__u32 at = 0; !found && (row = record_next(&r, RECORD_WORKER, &at));)
			found = row->worker.cookie == cookie;
		record_close(&r);
		if (found)
			return true;
	}
}

static bool installed_with(bool (*has)(const char *policy, __u64 what), __u64 what,
			   const char *except, char owner[IOP_NAME_MAX + 1])
{
	_cleanup_names_ struct installed_names l = { 0 };

	if (installed_names_read(&l, NULL))
		return false;
	for (size_t i = 0; i < l.n; i++) {
		if (!strcmp(l.names[i], except) || !has(l.names[i], what))
			continue;
		snprintf(owner, IOP_NAME_MAX + 1, "%s", l.names[i]);
		return true;
	}
	return false;
}

bool installed_with_program(__u32 program, const char *except, char owner[IOP_NAME_MAX + 1])
{
	return installed_with(has_program, program, except, owner);
}

bool installed_with_socket(__u64 cookie, const char *except, char owner[IOP_NAME_MAX + 1])
{
	return installed_with(has_socket, cookie, except, owner);
}
