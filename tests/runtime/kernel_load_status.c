/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A loaded policy while things around it break: what status says of it, and that unload
 * still clears everything away.
 */
#include <sys/stat.h>

#include "cli/cli.h"
#include "load_kit.h"

#define POLICY "fx_stat"

static struct iop_status *read_status(void)
{
	struct iop_status *status = NULL;
	struct iop_report *report = iop_report_new();

	if (iop_status_read(POLICY, &status, report)) {
		kit_print(report);
		fail_msg("no status");
	}
	iop_report_free(report);
	return status;
}

static bool has_problem(const struct iop_status *s, const char *text)
{
	for (size_t i = 0; i < s->n_problems; i++)
		if (strstr(s->problems[i], text))
			return true;
	return false;
}

static void a_policy_that_is_well(void **state)
{
	static const char *const settings[] = { "pace=5k/s" };
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_list *list;
	struct iop_status *s;
	struct stat st;

	(void)state;
	options.settings = settings;
	options.n_settings = 1;
	kit_load(&options);
	assert_int_equal(iop_list_read(&list, NULL), 0);
	assert_int_equal(list->n, 1);
	assert_string_equal(list->names[0], POLICY);
	iop_list_free(list);

	s = read_status();
	assert_int_equal(s->state, IOP_POLICY_LOADED);
	assert_int_equal(s->n_problems, 0);
	assert_string_equal(s->object, "fixture.bpf.o");
	assert_true(s->loaded_at > 1600000000);
	assert_int_equal(strlen(s->digest), 64);
	assert_int_equal(s->n_params, 2);
	assert_string_equal(s->params[1].name, "pace");
	assert_string_equal(s->params[1].text, "5k/s");
	assert_true(s->params[1].set);
	assert_false(s->params[0].set);
	assert_int_equal(s->n_stages, 2);
	assert_string_equal(s->stages[0].mechanism, "sk_reuseport 4 at 0.0.0.0:5300");
	assert_string_equal(s->stages[1].mechanism, "XDP native on srv");
	assert_int_equal(s->n_groups, 1);
	assert_string_equal(s->groups[0].workload, "echo");
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(s->groups[0].workers[i].number, i);
		assert_true(s->groups[0].workers[i].alive);
		assert_int_equal(s->groups[0].workers[i].pid, server.pid);
		assert_string_equal(s->groups[0].workers[i].comm, "iop-echo");
	}
	assert_int_equal(s->n_settings, 1);
	assert_string_equal(s->settings[0].device, "cli");
	assert_string_equal(s->settings[0].before, "on");
	assert_int_equal(s->n_features, 3);
	iop_status_free(s);

	assert_int_equal(stat(PIN_ROOT "/" POLICY, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	kit_unload(POLICY);
	kit_stop(&server);
	free(o.bytes);
}

static void a_server_that_goes_away(void **state)
{
	const struct kit *k = *state;
	struct kit_server server =
		kit_serve((struct kit_serving){ .workers = 4, .processes = true });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	unsigned by[KIT_WORKERS + 1];
	struct iop_status *s;

	kit_load(&options);
	kit_stop(&server);
	for (int i = 0; i < 100; i++) { /* its children follow */
		s = read_status();
		if (has_problem(s, "all 4 workers at 0.0.0.0:5300 are gone"))
			break;
		iop_status_free(s);
		usleep(20000);
		s = NULL;
	}
	assert_non_null(s);
	assert_int_equal(s->n_problems, 1);
	assert_false(s->groups[0].workers[0].alive);
	assert_string_equal(s->groups[0].workers[0].comm, "iop-echo");
	iop_status_free(s);
	/* Its successor is served in the kernel's way, and by no program of ours. */
	server = kit_serve((struct kit_serving){ .workers = 4 });
	kit_ask_many(k, "first", 20, by);
	assert_true(by[1] < 20);
	kit_unload(POLICY);
	kit_assert_nothing_left(k, POLICY);
	kit_stop(&server);
	free(o.bytes);
}

/* A socket that joined later keeps the group, and with it our program, when all that we knew
 * are closed. */
static void a_group_that_has_changed_its_sockets(void **state)
{
	const struct kit *k = *state;
	struct kit_server old = kit_serve((struct kit_serving){ .workers = 4 }), later;
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);

	kit_load(&options);
	later = kit_serve((struct kit_serving){ .workers = 2 });
	kit_stop(&old);
	assert_true(kit_ask(k, "first") >= 0);
	kit_unload(POLICY);
	kit_assert_nothing_left(k, POLICY);
	assert_true(kit_ask(k, "x") >= 0); /* which the program would drop */
	kit_stop(&later);
	free(o.bytes);
}

static void a_device_that_goes_away(void **state)
{
	static const char *const devices[] = { "gone0" };
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_status *s;

	kit_run("ip link add gone0 type veth peer name gone1");
	options.devices = devices;
	kit_load(&options);
	kit_run("ip link del gone0");
	s = read_status();
	assert_true(has_problem(s, "the rx program is not attached to gone0 any more"));
	assert_false(s->devices[0].attached);
	assert_string_equal(s->stages[1].mechanism, "XDP not attached on gone0");
	iop_status_free(s);
	kit_unload(POLICY);
	kit_assert_nothing_left(k, POLICY);
	kit_stop(&server);
	free(o.bytes);
}

static void a_setting_that_somebody_puts_back(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_status *s;

	kit_load(&options);
	assert_int_equal(netns_run(k->client_ns, kit_turn_on, NULL), 0);
	s = read_status();
	assert_true(has_problem(s, "tx checksumming of cli was turned on again"));
	iop_status_free(s);
	kit_unload(POLICY);
	kit_assert_nothing_left(k, POLICY);
	kit_stop(&server);
	free(o.bytes);
}

/* Loading in one namespace, unloading in another. */
static int unload_here(void *context)
{
	(void)context;
	return iop_unload(POLICY, NULL, NULL, NULL);
}

static void unloading_from_another_namespace(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	unsigned by[KIT_WORKERS + 1];

	kit_load(&options);
	assert_int_equal(netns_run(NETNS_NEW, unload_here, NULL), 0);
	kit_assert_nothing_left(k, POLICY);
	kit_ask_many(k, "x", 5, by);
	kit_stop(&server);
	free(o.bytes);
}

/* Pins that somebody has removed by hand. */
static void half_of_it_is_gone(void **state)
{
	static const char *const parts[] = { "record",           "description", "links",   "maps",
					     "workers/0/record", "workers",     "programs" };
	const struct kit *k = *state;
	struct kit_object o = kit_fixture(POLICY);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
		struct iop_load_options options = kit_options(&o);
		_cleanup_fd_ int link = -1;
		struct iop_status *s;
		struct iop_stats *stats;

		kit_load(&options);
		link = bpf_obj_get(PIN_ROOT "/" POLICY "/links/rx_srv");
		assert_true(link >= 0); /* somebody looks at it: that must not keep it attached */
		kit_run("rm -r " PIN_ROOT "/" POLICY "/%s", parts[i]);
		s = read_status(); /* says what it can */
		iop_status_free(s);
		if (!iop_stats_read(POLICY, &stats, NULL))
			iop_stats_free(stats);
		(void)iop_unload(POLICY, NULL, NULL, NULL);
		assert_int_equal(pin_check(PIN_ROOT, NULL), -ENOENT);
		/* Links are detached without a record, too, while their pins are there. */
		if (strcmp(parts[i], "links") != 0)
			assert_int_equal(kit_xdp_on("srv"), 0);
		cleanup_fd(&link);
		link = -1;
		/* What nobody wrote down ends with its sockets. */
		kit_stop(&server);
		assert_true(kit_programs_end(POLICY));
		assert_int_equal(netns_run(k->client_ns, kit_turn_on, NULL), 0);
	}
	free(o.bytes);
}

/* --- iopctl --- */

struct said {
	char *out, *err;
	int code;
};

static struct said iopctl(char *const *words)
{
	struct said s = { 0 };
	size_t out_size, err_size;
	FILE *out = open_memstream(&s.out, &out_size), *err = open_memstream(&s.err, &err_size);
	int n = 0;

	while (words[n])
		n++;
	s.code = cli_main(n, (char **)words, out, err);
	fclose(out);
	fclose(err);
	return s;
}

static void said_free(struct said *s)
{
	free(s->out);
	free(s->err);
}

static void expect_said(char *const *words, int code, const char *out, const char *err)
{
	struct said s = iopctl(words);

	if (s.code != code || !strstr(s.out, out) || !strstr(s.err, err))
		fail_msg("iopctl %s: %d\n%s\n%s", words[1], s.code, s.out, s.err);
	said_free(&s);
}

#define IOPCTL(...) ((char *const[]){ "iopctl", __VA_ARGS__, NULL })

static void iopctl_loads_and_tells(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });

	expect_said(IOPCTL("load", IOP_FIXTURE), CLI_USAGE, "", "on which devices");
	expect_said(IOPCTL("load", "/nonexistent.o", "--dev", "srv"), CLI_ENVIRONMENT, "",
		    "/nonexistent.o");
	expect_said(IOPCTL("load", IOP_FIXTURE, "--dev", "srv", "--dry-run"), CLI_FINE,
		    "attach the rx program to srv", "");
	expect_said(IOPCTL("list"), CLI_FINE, "no policy is loaded", "");
	expect_said(IOPCTL("load", IOP_FIXTURE, "--dev=srv", "--set", "pace=5k/s", "--json"),
		    CLI_FINE, "\"loaded\": true", "");
	expect_said(IOPCTL("load", IOP_FIXTURE, "--dev=srv"), CLI_ENVIRONMENT, "",
		    "policy fixture is loaded already");
	assert_int_equal(kit_ask(k, "first"), 1);
	expect_said(IOPCTL("list"), CLI_FINE, "fixture  loaded  srv", "");
	expect_said(IOPCTL("status"), CLI_FINE, "XDP native on srv", "");
	expect_said(IOPCTL("status", "fixture", "--json"), CLI_FINE, "\"health\": \"well\"", "");
	expect_said(IOPCTL("stats", "fixture"), CLI_FINE, "echo.first       1", "");
	expect_said(IOPCTL("stats", "fixture", "--json"), CLI_FINE, "\"chosen\": 1", "");
	expect_said(IOPCTL("stats", "nosuch"), CLI_ENVIRONMENT, "", "no policy nosuch is loaded");
	expect_said(IOPCTL("status", "../x"), CLI_USAGE, "", "is not a policy's name");
	expect_said(IOPCTL("unload", "fixture"), CLI_FINE, "policy fixture is unloaded", "");
	expect_said(IOPCTL("unload", "fixture"), CLI_ENVIRONMENT, "",
		    "no policy fixture is loaded");
	kit_assert_nothing_left(k, "fixture");
	kit_stop(&server);
}

/* Who may not look is told so, and not that there is nothing. */
static void iopctl_without_privilege(void **state)
{
	char *const *const commands[] = { IOPCTL("list"), IOPCTL("status"),
					  IOPCTL("status", "fixture"), IOPCTL("stats", "fixture"),
					  IOPCTL("unload", "fixture") };
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });

	(void)state;
	expect_said(IOPCTL("load", IOP_FIXTURE, "--dev=srv"), CLI_FINE, "", "");
	assert_int_equal(chmod(PIN_MOUNT, 0755), 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		pid_t pid = kit_fork();
		int status;

		if (!pid) {
			struct said s;

			if (setresuid(65534, 65534, 65534))
				_exit(1);
			s = iopctl(commands[i]);
			_exit(s.code == CLI_ENVIRONMENT && strstr(s.err, "run it as root") ? 0 : 2);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status)
			fail_msg("iopctl %s: %d", commands[i][1], WEXITSTATUS(status));
	}
	kit_unload("fixture");
	kit_stop(&server);
}

/* A signal that comes while it loads; here it waits already. */
static void iopctl_answers_a_signal(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	sigset_t term, before;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &term, &before), 0);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	expect_said(IOPCTL("load", IOP_FIXTURE, "--dev=srv"), CLI_ENVIRONMENT, "",
		    "interrupted after step 0");
	/* It was answered, and does not end us now. */
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	kit_assert_nothing_left(k, "fixture");
	kit_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_policy_that_is_well),
		KIT_TEST(a_server_that_goes_away),
		KIT_TEST(a_group_that_has_changed_its_sockets),
		KIT_TEST(a_device_that_goes_away),
		KIT_TEST(a_setting_that_somebody_puts_back),
		KIT_TEST(unloading_from_another_namespace),
		KIT_TEST(half_of_it_is_gone),
		KIT_TEST(iopctl_loads_and_tells),
		KIT_TEST(iopctl_answers_a_signal),
		KIT_TEST(iopctl_without_privilege),
	};

	kit_need_root();
	return cmocka_run_group_tests_name("load_status", tests, kit_begin, kit_finish);
}
