/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy on its way in and out, with real packets: it does what it says, and wherever
 * loading fails, is interrupted or is killed, nothing stays or unload clears it away.
 */
#include "load_kit.h"

#define POLICY "fx_load"

static const struct iop_stats_class *class_of(const struct iop_stats *s, const char *stage,
					      const char *class)
{
	for (size_t i = 0; i < s->n_stages; i++)
		for (size_t c = 0; c < s->stages[i].n_classes; c++)
			if (!strcmp(s->stages[i].name, stage) &&
			    !strcmp(s->stages[i].classes[c].name, class))
				return &s->stages[i].classes[c];
	fail_msg("no class %s at %s", class, stage);
	return NULL;
}

static uint64_t counter(const struct iop_stats *s, const char *stage, const char *class,
			const char *name)
{
	const struct iop_stats_class *c = class_of(s, stage, class);

	for (size_t i = 0; i < c->n_counters; i++)
		if (!strcmp(c->counters[i].name, name))
			return c->counters[i].value;
	fail_msg("no counter %s", name);
	return 0;
}

static uint64_t target(const struct iop_stats *s, const char *stage, const char *class,
		       uint32_t number)
{
	const struct iop_stats_class *c = class_of(s, stage, class);

	for (size_t i = 0; i < c->n_targets; i++)
		if (c->targets[i].number == number)
			return c->targets[i].value;
	return 0;
}

static void check_stats(const struct iop_stats *s, const unsigned near[KIT_WORKERS + 1])
{
	uint64_t cores = 0;

	assert_string_equal(s->policy, POLICY);
	assert_int_equal(s->n_stages, 2);
	assert_string_equal(s->stages[0].name, "rx");
	assert_int_equal(counter(s, "rx", "first", "seen"), 20);
	assert_int_equal(counter(s, "rx", "first", "passed"), 20);
	assert_int_equal(counter(s, "rx", "rest", "seen"), 30);
	assert_int_equal(counter(s, "rx", "rest", "dropped"), 10);
	assert_int_equal(counter(s, "rx", "steered", "seen"), 20);
	assert_int_equal(counter(s, "rx", "steered", "steered"), 20);
	for (uint32_t core = 0; core < 64; core++)
		cores += target(s, "rx", "steered", core);
	assert_int_equal(cores, 20);
	assert_true(target(s, "rx", "steered", 0) >= 10);

	assert_int_equal(counter(s, "socket", "first", "seen"), 20);
	assert_int_equal(target(s, "socket", "first", 1), 20);
	assert_int_equal(counter(s, "socket", "steered", "steered"), 20);
	assert_int_equal(target(s, "socket", "steered", 0), near[0]);
	assert_int_equal(target(s, "socket", "steered", 1), near[1]);
	assert_int_equal(counter(s, "socket", "rest", "seen"), 20);
	assert_int_equal(counter(s, "socket", "rest", "dropped"), 10);
	assert_int_equal(target(s, "socket", "rest", 2), 5);
	assert_int_equal(target(s, "socket", "rest", 3), 5);
	assert_int_equal(target(s, "socket", "rest", 0), 0);
}

static void traffic_follows_the_policy(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	unsigned by[KIT_WORKERS + 1], near[KIT_WORKERS + 1];
	struct iop_stats *stats;

	kit_load(&options);
	assert_false(kit_peer_offloads(k));
	kit_ask_many(k, "first", 20, by);
	assert_int_equal(by[1], 20);
	kit_ask_many(k, "s", 10, near); /* steered to core 0: lost without the peer's checksums */
	kit_ask_many(k, "t", 10, by);
	near[0] += by[0];
	near[1] += by[1];
	assert_int_equal(near[0] + near[1], 20);
	kit_assert_lost(k, "drop", 10);
	kit_assert_lost(k, "x", 10);
	kit_ask_many(k, "rest", 10, by);
	assert_int_equal(by[2], 5);
	assert_int_equal(by[3], 5);

	assert_int_equal(iop_stats_read(POLICY, &stats, NULL), 0);
	check_stats(stats, near);
	iop_stats_free(stats);

	kit_unload(POLICY);
	kit_assert_nothing_left(k, POLICY);
	kit_ask_many(k, "first", 40, by); /* the kernel's hash again */
	assert_true(by[1] < 40);
	assert_int_equal(iop_unload(POLICY, NULL, NULL, NULL), -ENOENT);
	kit_stop(&server);
	free(o.bytes);
}

/* --- failing, at every step --- */

struct stopping {
	size_t at, seen; /* `seen`: steps, once it was asked behind the last */
	bool kill;
};

static int stop_before(void *asked, size_t i)
{
	struct stopping *s = asked;

	s->seen = i;
	if (i != s->at)
		return 0;
	if (s->kill)
		raise(SIGKILL);
	return -EIO;
}

/* How many steps loading has. */
static size_t count_steps(const struct iop_load_options *options)
{
	struct stopping s = { .at = ~(size_t)0 };

	assert_int_equal(load_run(options, NULL, stop_before, &s, NULL), 0);
	kit_unload(POLICY);
	return s.seen;
}

static void a_failure_at_any_step_leaves_nothing(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	size_t steps;

	/* So that mounting it is a step, too: each failure unmounts it again. */
	kit_run("umount %s", PIN_MOUNT);
	steps = count_steps(&options);
	kit_run("umount %s", PIN_MOUNT);
	assert_true(steps >= 10);
	for (size_t i = 0; i <= steps; i++) {
		struct stopping s = { .at = i };
		struct iop_report *report = iop_report_new();
		unsigned by[KIT_WORKERS + 1];

		if (load_run(&options, NULL, stop_before, &s, report) != -EIO)
			fail_msg("step %zu", i);
		kit_message(report, "what was done is taken back");
		assert_int_equal(iop_report_count(report), 1);
		iop_report_free(report);
		kit_assert_nothing_left(k, POLICY);
		kit_ask_many(k, "first", 20, by);
		assert_true(by[1] < 20);
	}
	kit_stop(&server);
	free(o.bytes);
}

static bool interrupt_third(void *context)
{
	unsigned *n = context;

	return ++*n == 4;
}

static void an_interruption_is_answered_between_steps(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_report *report = iop_report_new();
	unsigned asked = 0;

	options.interrupted = interrupt_third;
	options.context = &asked;
	assert_int_equal(iop_load(&options, NULL, report), -EINTR);
	kit_message(report, "interrupted after step 3 of ");
	iop_report_free(report);
	kit_assert_nothing_left(k, POLICY);
	kit_stop(&server);
	free(o.bytes);
}

/* The last words of a process that nobody can catch. */
static void load_and_die(const struct iop_load_options *options, size_t at)
{
	struct stopping s = { .at = at, .kill = true };
	pid_t pid = kit_fork();
	int status;

	if (!pid)
		_exit(load_run(options, NULL, stop_before, &s, NULL) ? 1 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void killed_at_any_step_it_can_be_cleared_away(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	size_t steps;

	(void)count_steps(&options); /* mounts the file system, which stays */
	steps = count_steps(&options);
	for (size_t i = 1; i <= steps; i++) {
		struct iop_status *status;
		unsigned by[KIT_WORKERS + 1];

		/* By unload … */
		load_and_die(&options, i);
		assert_int_equal(iop_status_read(POLICY, &status, NULL), 0);
		assert_int_equal(status->state,
				 i == steps ? IOP_POLICY_LOADED : IOP_POLICY_INCOMPLETE);
		iop_status_free(status);
		kit_unload(POLICY);
		kit_assert_nothing_left(k, POLICY);
		/* … and by the next load, unless it was all done. */
		if (i == steps)
			continue;
		load_and_die(&options, i);
		kit_load(&options);
		kit_ask_many(k, "first", 5, by);
		assert_int_equal(by[1], 5);
		kit_unload(POLICY);
		kit_assert_nothing_left(k, POLICY);
	}
	kit_stop(&server);
	free(o.bytes);
}

/* --- saying and doing --- */

struct told {
	size_t planned, done;
	char text[2048];
};

static void tell(void *context, const struct iop_step_event *event)
{
	struct told *t = context;

	t->planned += event->state == IOP_STEP_PLANNED;
	t->done += event->state == IOP_STEP_DONE;
	if (event->state == IOP_STEP_PLANNED || event->state == IOP_STEP_DONE) {
		strcat(t->text, event->text);
		strcat(t->text, "\n");
	}
}

static void a_dry_run_says_what_is_done_and_does_nothing(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct told dry = { 0 }, wet = { 0 };
	char policy[IOP_NAME_MAX + 1];

	options.on_step = tell;
	options.context = &dry;
	options.dry_run = true;
	assert_int_equal(iop_load(&options, policy, NULL), 0);
	assert_string_equal(policy, POLICY);
	kit_assert_nothing_left(k, POLICY);
	assert_true(dry.planned > 5);
	assert_int_equal(dry.done, 0);
	assert_non_null(strstr(dry.text,
			       "attach the socket program to the 4 sockets at "
			       "0.0.0.0:5300\nturn tx checksumming of cli, the peer of srv, "
			       "off\nattach the rx program to srv\n"));
	options.context = &wet;
	options.dry_run = false;
	kit_load(&options);
	assert_int_equal(wet.done, dry.planned);
	assert_string_equal(wet.text, dry.text);
	kit_unload(POLICY);
	kit_stop(&server);
	free(o.bytes);
}

/* Does the pinned .rodata have this number? */
static bool rodata_has(__u64 wanted)
{
	_cleanup_fd_ int map = bpf_obj_get(PIN_ROOT "/" POLICY "/maps/rodata");
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info), key = 0;
	_cleanup_free_ __u64 *words = NULL;

	assert_int_equal(bpf_map_get_info_by_fd(map, &info, &size), 0);
	words = calloc(info.value_size / sizeof(*words) + 1, sizeof(*words));
	assert_int_equal(bpf_map_lookup_elem(map, &key, words), 0);
	for (__u32 i = 0; i < info.value_size / sizeof(*words); i++)
		if (words[i] == wanted)
			return true;
	return false;
}

static void params_reach_the_program(void **state)
{
	static const char *const settings[] = { "every=3", "pace=777/s" };
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	cpu_set_t before;
	unsigned by[KIT_WORKERS + 1];

	/* The fixture counts per CPU: all packets from one. */
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(kit_go_to(0), 0);
	options.settings = settings;
	options.n_settings = 2;
	kit_load(&options);
	assert_true(rodata_has(1287001)); /* ns for each of 777 a second */
	assert_false(rodata_has(777));
	kit_ask_some(k, "limited", 9, KIT_LOST_MS, by);
	assert_int_equal(by[KIT_WORKERS], 6);
	kit_unload(POLICY);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	kit_stop(&server);
	free(o.bytes);
}

/* The kernel frees the map that the sockets are in when its last user has gone: here somebody
 * looks at it a little longer. */
static void loading_waits_for_what_was_unloaded(void **state)
{
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	int ready[2];
	char byte;
	pid_t pid;

	(void)state;
	kit_load(&options);
	assert_int_equal(pipe(ready), 0);
	pid = kit_fork();
	if (!pid) {
		int map = bpf_obj_get(PIN_ROOT "/" POLICY "/workers/0/maps/iop_workers");

		if (map < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		usleep(300000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	kit_unload(POLICY);
	kit_load(&options);
	kit_unload(POLICY);
	kit_end(pid);
	close(ready[0]);
	close(ready[1]);
	kit_stop(&server);
	free(o.bytes);
}

/* --- workers --- */

/* Each worker of each group has a row of its own, and its socket leads there. */
static void workers_have_rows(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_server other = kit_serve((struct kit_serving){ .workers = 3, .address = "::" });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_status *status;
	unsigned by[KIT_WORKERS + 1], taken = 0;
	__u32 used = 0;

	kit_load(&options);
	kit_ask_many(k, "first", 20, by);
	assert_int_equal(iop_status_read(POLICY, &status, NULL), 0);
	assert_int_equal(status->n_groups, 2);
	{
		_cleanup_fd_ int rows = bpf_obj_get(PIN_ROOT "/" POLICY "/maps/iop_worker_rows");
		_cleanup_fd_ int of = bpf_obj_get(PIN_ROOT "/" POLICY "/maps/iop_worker_of");

		for (size_t g = 0; g < status->n_groups; g++)
			for (size_t w = 0; w < status->groups[g].n_workers; w++) {
				const struct iop_status_worker *worker = &status->groups[g].workers[w];
				struct iop_worker_row row;
				__u32 at;

				assert_int_equal(bpf_map_lookup_elem(of, &worker->cookie, &at), 0);
				assert_false(used >> at & 1);
				used |= 1u << at;
				assert_int_equal(bpf_map_lookup_elem(rows, &at, &row), 0);
				assert_true(row.cookie == worker->cookie);
				assert_int_equal(row.class, IOP_NONE);
				taken += row.head;
				assert_int_equal(row.head, g == 0 && w == 1 ? 20 : 0);
			}
	}
	assert_int_equal(used, 0x7f);
	assert_int_equal(taken, 20);
	iop_status_free(status);
	kit_unload(POLICY);
	kit_stop(&other);
	kit_stop(&server);
	free(o.bytes);
}

/* --- nearness --- */

static __u32 pinned(const char *map, __u32 core)
{
	char path[PIN_PATH];
	__u32 value;

	assert_int_equal(pin_path(path, POLICY, "/%s", map), 0);
	{
		_cleanup_fd_ int fd = bpf_obj_get(path);

		assert_int_equal(bpf_map_lookup_elem(fd, &core, &value), 0);
	}
	return value;
}

/* On core 0 worker 1 is near, on core 1 worker 0: they are bound so. */
static void the_near_ones_are_known(void **state)
{
	static const unsigned cores[] = { 1, 0, 0, 0 };
	const struct kit *k = *state;
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct kit_server server;
	unsigned by[KIT_WORKERS + 1];
	cpu_set_t all;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) < 2) {
		print_message("skip: needs two cores\n");
		skip();
	}
	server = kit_serve((struct kit_serving){ .workers = 4, .processes = true, .cores = cores });
	kit_load(&options);
	assert_int_equal(pinned("workers/0/maps/iop_near_worker_0", 0), 1);
	assert_int_equal(pinned("workers/0/maps/iop_near_worker_0", 1), 0);
	/* Pool two is all cores of node 0, in their order. */
	assert_int_equal(pinned("maps/iop_near_core_two", 0), 0);
	assert_int_equal(pinned("maps/iop_near_core_two", 1), 1);
	kit_ask_many(k, "s", 10, by); /* steered to core 0, and there to the near one */
	assert_int_equal(by[1], 10);
	kit_unload(POLICY);
	kit_stop(&server);
	free(o.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(traffic_follows_the_policy),
		KIT_TEST(a_failure_at_any_step_leaves_nothing),
		KIT_TEST(an_interruption_is_answered_between_steps),
		KIT_TEST(killed_at_any_step_it_can_be_cleared_away),
		KIT_TEST(a_dry_run_says_what_is_done_and_does_nothing),
		KIT_TEST(params_reach_the_program),
		KIT_TEST(loading_waits_for_what_was_unloaded),
		KIT_TEST(workers_have_rows),
		KIT_TEST(the_near_ones_are_known),
	};

	kit_need_root();
	return cmocka_run_group_tests_name("load", tests, kit_begin, kit_finish);
}
