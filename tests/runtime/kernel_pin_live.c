/* SPDX-License-Identifier: BSD-2-Clause */
/* The BPF file system: mounted when it is missing, hidden by `ip netns exec`, and locked while
 * another iopctl is at work. */
#include <sys/file.h>
#include <time.h>

#include "load_kit.h"

#define POLICY "fx_pins"

static void a_missing_file_system_is_mounted(void **state)
{
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_list *list;

	(void)state;
	while (!umount(PIN_MOUNT))
		;
	assert_int_equal(pin_look(NULL), PIN_NOT_MOUNTED);
	assert_int_equal(iop_list_read(&list, NULL), 0); /* nothing is loaded, and no error */
	assert_int_equal(list->n, 0);
	iop_list_free(list);
	assert_int_equal(iop_unload(POLICY, NULL, NULL, NULL), -ENOENT);
	kit_load(&options);
	assert_int_equal(pin_look(NULL), PIN_MOUNTED);
	kit_unload(POLICY);
	assert_int_equal(pin_look(NULL), PIN_MOUNTED); /* as on any machine */
	kit_stop(&server);
	free(o.bytes);
}

/* The output of a command and its exit code. */
static int said(const char *command, char *text, size_t size)
{
	FILE *f = popen(command, "re");
	size_t n;
	int status;

	assert_non_null(f);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void netns_exec_hides_it_and_is_noticed(void **state)
{
	const char *iopctl = getenv("IOPCTL");
	char command[PATH_MAX + 128], text[1024], wanted[128];
	int id = (int)getpid();

	(void)state;
	if (!iopctl) {
		print_message("skip: IOPCTL is not set\n");
		skip();
	}
	/* Ours alone, like all mounts of the test. */
	kit_run("mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip netns add iop-%d-x",
		id);
	snprintf(command, sizeof(command), "ip netns exec iop-%d-x %s list 2>&1", id, iopctl);
	assert_int_equal(said(command, text, sizeof(text)), 3);
	snprintf(wanted, sizeof(wanted), "`ip netns exec iop-%d-x` hides /sys/fs/bpf", id);
	assert_non_null(strstr(text, wanted));
	snprintf(wanted, sizeof(wanted), "run: nsenter --net=/run/netns/iop-%d-x iopctl", id);
	assert_non_null(strstr(text, wanted));
	/* What it says to run works. */
	snprintf(command, sizeof(command), "nsenter --net=/run/netns/iop-%d-x %s list 2>&1", id,
		 iopctl);
	assert_int_equal(said(command, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "no policy is loaded"));
	kit_run("ip netns del iop-%d-x && umount /run/netns", id);
}

/* Holds the lock for so many milliseconds. */
static pid_t hold_lock(int ms)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = kit_fork();
	if (!pid) {
		int lock = pin_lock(NULL);

		if (lock < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		usleep((useconds_t)ms * 1000);
		pin_unlock(&lock);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void one_iopctl_at_a_time(void **state)
{
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_report *report = iop_report_new();
	pid_t pid;

	if (pin_look(NULL) == PIN_NOT_MOUNTED)
		assert_int_equal(pin_mount(NULL), 0);
	pid = hold_lock(700);
	kit_load(&options); /* waits */
	kit_end(pid);
	kit_unload(POLICY);

	pid = hold_lock(60000);
	assert_int_equal(iop_load(&options, NULL, report), -EBUSY);
	kit_message(report, "another iopctl is loading or unloading");
	iop_report_free(report);
	kit_end(pid);
	kit_load(&options); /* a lock dies with its holder */
	kit_unload(POLICY);
	kit_assert_nothing_left(*state, POLICY);
	kit_stop(&server);
	free(o.bytes);
}

/* Many at once: each one loads, or says that the other has. */
static void a_race_has_one_winner(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	pid_t pids[6];
	int won = 0;

	for (size_t i = 0; i < 6; i++) {
		pids[i] = kit_fork();
		if (!pids[i]) {
			int err = iop_load(&options, NULL, NULL);

			_exit(!err ? 10 : err == -EEXIST ? 11 : 12);
		}
	}
	for (size_t i = 0; i < 6; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		won += WEXITSTATUS(status) == 10;
		if (WEXITSTATUS(status) != 10)
			assert_int_equal(WEXITSTATUS(status), 11);
	}
	assert_int_equal(won, 1);
	assert_int_equal(kit_ask(k, "first"), 1);
	kit_unload(POLICY);
	kit_assert_nothing_left(k, POLICY);
	kit_stop(&server);
	free(o.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_missing_file_system_is_mounted),
		KIT_TEST(netns_exec_hides_it_and_is_noticed),
		KIT_TEST(one_iopctl_at_a_time),
		KIT_TEST(a_race_has_one_winner),
	};

	kit_need_root();
	return cmocka_run_group_tests_name("pin_live", tests, kit_begin, kit_finish);
}
