// SPDX-License-Identifier: BSD-2-Clause
// Interrupts of a device, over a tree that stands for /proc and /sys; and, only looking, over the
// machine's own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>
#include <errno.h>

#include "irq.h"

#define BUS "0000:00:03.0"

static char root[] = "/tmp/iop-irq.XXXXXX";

/* A file of the tree, its folders made before. */
static void put(const char *path, const char *text)
{
	char whole[512];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(whole, 0700);
		*slash = '/';
	}
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void affinity(unsigned irq, const char *cores)
{
	char path[64], line[128];

	snprintf(path, sizeof(path), "/proc/irq/%u/smp_affinity_list", irq);
	snprintf(line, sizeof(line), "%s\n", cores);
	put(path, line);
}

static int make_tree(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	put("/sys/bus/pci/devices/" BUS "/irq", "11\n");
	put("/sys/bus/pci/devices/" BUS "/msi_irqs/39", "msix\n");
	put("/sys/bus/pci/devices/" BUS "/msi_irqs/37", "msix\n");
	put("/sys/bus/pci/devices/" BUS "/msi_irqs/138", "msix\n");
	put("/sys/bus/pci/devices/" BUS "/msi_irqs/power", "\n");
	put("/sys/bus/pci/devices/0000:00:09.0/irq", "9\n");
	put("/sys/bus/pci/devices/0000:00:0a.0/irq", "0\n");
	put("/sys/bus/pci/devices/0000:00:0b.0/irq", "-1\n");
	affinity(37, "0-3");
	affinity(39, "1");
	return 0;
}

static int take_away(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static int remove_tree(void **state)
{
	(void)state;
	return nftw(root, take_away, 8, FTW_DEPTH | FTW_PHYS);
}

static void they_are_found(void **state)
{
	unsigned irqs[8];

	(void)state;
	assert_int_equal(irq_find(root, BUS, irqs, 8), 3);
	assert_int_equal(irqs[0], 37);
	assert_int_equal(irqs[1], 39);
	assert_int_equal(irqs[2], 138);
	assert_int_equal(irq_find(root, BUS, irqs, 2), 2);
	/* no message-signalled ones: its line, if it has one */
	assert_int_equal(irq_find(root, "0000:00:09.0", irqs, 8), 1);
	assert_int_equal(irqs[0], 9);
	assert_int_equal(irq_find(root, "0000:00:0a.0", irqs, 8), 0);
	assert_int_equal(irq_find(root, "0000:00:0b.0", irqs, 8), 0);
	/* no such device, none at all, none of ours to look at */
	assert_int_equal(irq_find(root, "0000:00:1f.0", irqs, 8), 0);
	assert_int_equal(irq_find(root, "", irqs, 8), 0);
	assert_int_equal(irq_find(root, "../" BUS, irqs, 8), 0);
}

static void there_and_back(void **state)
{
	struct record_irq row = { .irq = 37, .device = "eth0", .after = "2" };
	char now[RECORD_IRQ_CORES];

	(void)state;
	assert_int_equal(irq_read(root, 37, row.before), 0);
	assert_string_equal(row.before, "0-3");
	affinity(37, ""); /* a file keeps what was behind the new text */
	assert_int_equal(irq_apply(root, &row), 0);
	assert_int_equal(irq_read(root, 37, now), 0);
	assert_string_equal(now, "2");
	assert_int_equal(irq_revert(root, &row, NULL), 0);
	assert_int_equal(irq_read(root, 37, now), 0);
	assert_string_equal(now, "0-3");
}

/* What somebody has done since is his. */
static void what_others_moved_stays(void **state)
{
	struct record_irq row = { .irq = 39, .device = "eth0", .before = "1", .after = "2" };
	char now[RECORD_IRQ_CORES];

	(void)state;
	affinity(39, "7");
	assert_int_equal(irq_revert(root, &row, NULL), 0);
	assert_int_equal(irq_read(root, 39, now), 0);
	assert_string_equal(now, "7");
	affinity(39, "2");
	row.fixed = 1;
	assert_int_equal(irq_revert(root, &row, NULL), 0);
	assert_int_equal(irq_read(root, 39, now), 0);
	assert_string_equal(now, "2");
}

static void one_that_is_gone_is_no_error(void **state)
{
	struct record_irq row = { .irq = 4711, .device = "eth0", .before = "1", .after = "2" };
	char now[RECORD_IRQ_CORES];

	(void)state;
	assert_int_equal(irq_read(root, 4711, now), -ENOENT);
	assert_int_equal(irq_revert(root, &row, NULL), 0);
	assert_int_equal(irq_apply(root, &row), -ENOENT);
}

static void lists_are_the_kernels(void **state)
{
	static const struct {
		__u32 cores[6], n;
		const char *text;
	} cases[] = {
		{ { 3 }, 1, "3" },
		{ { 3, 2 }, 2, "2-3" },
		{ { 8, 0, 1, 2, 9, 12 }, 6, "0-2,8-9,12" },
		{ { 0 }, 0, "" },
	};
	__u32 many[200];
	char text[RECORD_IRQ_CORES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		__u32 cores[6];

		memcpy(cores, cases[i].cores, sizeof(cores));
		irq_list(cores, cases[i].n, text);
		assert_string_equal(text, cases[i].text);
	}
	for (__u32 i = 0; i < 200; i++)
		many[i] = 1000 + 2 * i;
	irq_list(many, 200, text);
	assert_true(strlen(text) < RECORD_IRQ_CORES);
	assert_int_equal(strncmp(text, "1000,1002,", 10), 0);
}

/* A device of this machine that has interrupts, if there is one: looked at, and left as it is. */
static void the_machines_own(void **state)
{
	DIR *devices = opendir("/sys/bus/pci/devices");
	const struct dirent *entry;
	unsigned irqs[256], seen = 0;

	(void)state;
	while (devices && (entry = readdir(devices))) {
		int n = entry->d_name[0] == '.' ? 0 : irq_find("", entry->d_name, irqs, 256);

		assert_true(n >= 0);
		for (int i = 0; i < n; i++) {
			char cores[RECORD_IRQ_CORES];

			if (!irq_read("", irqs[i], cores)) {
				assert_true(cores[0] >= '0' && cores[0] <= '9');
				seen++;
			}
		}
	}
	if (devices)
		(void)closedir(devices);
	print_message("%u interrupts of this machine's devices\n", seen);
}

static void loopback_has_none(void **state)
{
	unsigned irqs[8];
	char bus[64] = "x";

	(void)state;
	irq_bus_of("lo", bus, sizeof(bus));
	assert_int_equal(irq_find("", bus, irqs, 8), 0);
	irq_bus_of("no such device", bus, sizeof(bus));
	assert_string_equal(bus, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_found),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_others_moved_stays),
		cmocka_unit_test(one_that_is_gone_is_no_error),
		cmocka_unit_test(lists_are_the_kernels),
		cmocka_unit_test(the_machines_own),
		cmocka_unit_test(loopback_has_none),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
