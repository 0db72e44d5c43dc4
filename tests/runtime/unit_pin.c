/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that become files, removing folders, and what a record's rows are like; on any file
 * system, without BPF. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pin.h"
#include "record.h"

static void names_stay_in_their_folder(void **state)
{
	static const char *const good[] = { "dns_edge", "a", "_x9", "A_Z" };
	static const char *const bad[] = { "",    ".",   "..",  "a/b",      "/", "9a",
					   "a.b", "a b", "a\n", "\xc3\xa4", "-x" };
	char name[IOP_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(pin_name_is_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(pin_name_is_valid(bad[i]));
	memset(name, 'a', sizeof(name));
	name[IOP_NAME_MAX] = '\0';
	assert_true(pin_name_is_valid(name));
	name[IOP_NAME_MAX] = 'a';
	name[IOP_NAME_MAX + 1] = '\0';
	assert_false(pin_name_is_valid(name));
}

static void the_file_system_takes_no_dots(void **state)
{
	char name[NAME_MAX + 1];

	(void)state;
	pin_name_of_map(".rodata", name);
	assert_string_equal(name, "rodata");
	pin_name_of_map(".data.group", name);
	assert_string_equal(name, "data_group");
	pin_name_of_map("iop_count_rx", name);
	assert_string_equal(name, "iop_count_rx");
	pin_name_of_map("../x", name);
	assert_string_equal(name, "__x");
	pin_name_of_device("eth0.100", name);
	assert_string_equal(name, "eth0:100");
	pin_name_of_device("..", name);
	assert_string_equal(name, "::");
}

static void paths_that_do_not_fit_are_refused(void **state)
{
	char path[PIN_PATH], name[PIN_PATH];

	(void)state;
	assert_int_equal(pin_path(path, "dns", "/links/rx_%s", "eth0"), 0);
	assert_string_equal(path, "/sys/fs/bpf/iop/dns/links/rx_eth0");
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(pin_path(path, "dns", "/%s", name), -ENAMETOOLONG);
	assert_int_equal(pin_path(path, name, "/x"), -ENAMETOOLONG);
	name[PIN_PATH - 1 - strlen(PIN_ROOT "/dns/")] = '\0';
	assert_int_equal(pin_path(path, "dns", "/%s", name), 0);
	assert_int_equal(strlen(path), PIN_PATH - 1);
}

static void touch(const char *folder, const char *name)
{
	char path[PIN_PATH];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
}

static void make(const char *folder, const char *name)
{
	char path[PIN_PATH];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(pin_make_folder(path, NULL), 0);
}

static void removing_takes_all_and_nothing_else(void **state)
{
	char root[] = "/tmp/iop-pin.XXXXXX", path[PIN_PATH];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(root));
	make(root, "policy");
	make(root, "policy"); /* there already */
	snprintf(path, sizeof(path), "%s/policy", root);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	make(root, "policy/workers");
	make(root, "policy/workers/0");
	touch(root, "policy/workers/0/record");
	for (int i = 0; i < 300; i++) { /* more than one getdents() */
		char name[32];

		snprintf(name, sizeof(name), "policy/map%d", i);
		touch(root, name);
	}
	make(root, "other");
	touch(root, "other/map");
	snprintf(path, sizeof(path), "%s/policy/out", root);
	assert_int_equal(symlink("../other", path), 0);

	snprintf(path, sizeof(path), "%s/policy/", root);
	assert_int_equal(pin_remove(path, NULL), 0);
	assert_int_equal(pin_check(path, NULL), -ENOENT);
	assert_int_equal(pin_remove(path, NULL), 0); /* once more */
	/* What a link points to is not ours. */
	snprintf(path, sizeof(path), "%s/other/map", root);
	assert_int_equal(pin_check(path, NULL), 0);
	assert_int_equal(pin_remove(root, NULL), 0);
	assert_int_equal(pin_check(root, NULL), -ENOENT);
}

static void what_cannot_be_removed_is_said(void **state)
{
	struct iop_report *report = iop_report_new();

	(void)state;
	/* Nobody may remove from there, root included. */
	assert_true(pin_remove("/proc/version", report) < 0);
	assert_int_equal(iop_report_count(report), 1);
	assert_non_null(
		strstr(iop_report_message(report, 0)->text, "/proc/version cannot be removed: "));
	iop_report_free(report);
}

static void rows_are_found_by_kind(void **state)
{
	struct record r = RECORD_EMPTY;
	__u32 at = 0;

	(void)state;
	record_add(&r, RECORD_POLICY)->policy.loaded_at = 5;
	record_add(&r, RECORD_DEVICE)->device.index = 1;
	record_add(&r, RECORD_OFFLOAD)->offload.index = 9;
	record_add(&r, RECORD_DEVICE)->device.index = 2;
	assert_int_equal(r.n, 4);
	assert_int_equal(r.rows[0].policy.loaded_at, 5);
	assert_int_equal(record_next(&r, RECORD_DEVICE, &at)->device.index, 1);
	assert_int_equal(record_next(&r, RECORD_DEVICE, &at)->device.index, 2);
	assert_null(record_next(&r, RECORD_DEVICE, &at));
	at = 0;
	assert_null(record_next(&r, RECORD_POOL, &at));
	record_close(&r);
	assert_int_equal(r.map, -1);
	assert_int_equal(r.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stay_in_their_folder),
		cmocka_unit_test(the_file_system_takes_no_dots),
		cmocka_unit_test(paths_that_do_not_fit_are_refused),
		cmocka_unit_test(removing_takes_all_and_nothing_else),
		cmocka_unit_test(what_cannot_be_removed_is_said),
		cmocka_unit_test(rows_are_found_by_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
