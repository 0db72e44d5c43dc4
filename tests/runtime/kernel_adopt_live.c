/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers of servers that run: how they are numbered, whose they are, in which groups. */
#include <sys/stat.h>

#include "describe.h"
#include "load_kit.h"
#include "socket_list.h"

#include "adopt.h"

/* A policy for UDP port 5300 of `owner`s, in memory. */
static struct iop_object *policy(const struct iop_desc_owner *owners, const char *const *texts,
				 __u32 n, const char *to)
{
	struct describe d;
	struct iop_object *o;
	char error[256];
	size_t size;
	void *section;

	describe_begin(&d, "adopt");
	DESCRIBE(&d, IOP_TABLE_RANGES, range, FIXTURE_PORT, FIXTURE_PORT);
	if (to) {
		struct iop_desc_prefix p = { .family = 4, .length = 32 };

		assert_int_equal(inet_pton(AF_INET, to, p.address), 1);
		describe_row(&d, IOP_TABLE_PREFIXES, &p, sizeof(p));
	}
	DESCRIBE(&d, IOP_TABLE_MATCHES, match, .place = describe_place(&d, 4, 5),
		 .protocol = IPPROTO_UDP, .n_ports = 1, .n_to = to != NULL);
	for (__u32 i = 0; i < n; i++)
		DESCRIBE(&d, IOP_TABLE_OWNERS, owner, .kind = owners[i].kind,
			 .text = describe_string(&d, texts[i]), .place = describe_place(&d, 5, 5));
	DESCRIBE(&d, IOP_TABLE_WORKLOADS, workload, .name = describe_string(&d, "echo"),
		 .place = describe_place(&d, 3, 10), .n_matches = 1, .n_owners = n,
		 .hooks = 1u << IOP_HOOK_SOCKET);
	section = describe_end(&d, &size);
	o = object_from_description(section, size, "adopt", error, sizeof(error));
	if (!o)
		fail_msg("%s", error);
	free(section);
	describe_free(&d);
	return o;
}

static struct iop_object *policy_of(enum iop_owner_kind kind, const char *text)
{
	struct iop_desc_owner owner = { .kind = kind };

	return policy(&owner, &text, 1, NULL);
}

/* What is found; the caller frees it. */
static struct adoption adopted(struct iop_object *o, __u32 groups)
{
	struct iop_report *report = iop_report_new();
	struct adoption a;
	int err = adopt_workers(o, &a, report);

	if (err || a.n != groups) {
		kit_print(report);
		fail_msg("%s, %u groups", strerror(-err), a.n);
	}
	iop_report_free(report);
	object_close(o);
	return a;
}

static void ask_cookie(int fd, __u64 *cookie)
{
	socklen_t size = sizeof(*cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &size), 0);
}

/* --- numbers --- */

/* Sockets of the test itself, bound in an order that others do not know. */
static void bind_in_random_order(const char *address, int fds[KIT_WORKERS],
				 unsigned order[KIT_WORKERS], unsigned *seed)
{
	const struct kit_serving s = { .address = address };

	for (unsigned i = 0; i < KIT_WORKERS; i++) {
		fds[i] = kit_socket(&s);
		order[i] = i;
	}
	for (unsigned i = KIT_WORKERS - 1; i > 0; i--) {
		unsigned j = (unsigned)rand_r(seed) % (i + 1), t = order[i];

		order[i] = order[j];
		order[j] = t;
	}
	for (unsigned i = 0; i < KIT_WORKERS; i++)
		kit_bind(&s, fds[order[i]]);
}

static void connect_somewhere(int fd, const char *from)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(9),
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (strchr(from, ':'))
		assert_int_equal(connect(fd, (const struct sockaddr *)&in6, sizeof(in6)), 0);
	else
		assert_int_equal(connect(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
}

/* What the kernel's listing promises, see socket_list.c. */
static void workers_are_numbered_as_they_were_bound(void **state)
{
	static const char *const addresses[] = { "0.0.0.0", "127.0.0.1", "::", "::1" };
	unsigned seed = (unsigned)getpid();

	(void)state;
	print_message("seed %u\n", seed);
	for (unsigned round = 0; round < 40; round++) {
		const char *address = addresses[round % 4];
		int fds[KIT_WORKERS];
		unsigned order[KIT_WORKERS];
		struct adoption a;
		int connected;

		bind_in_random_order(address, fds, order, &seed);
		/* One that is connected serves its peer only, and is no worker. */
		connected = round % 3 == 0 ? (int)(round % KIT_WORKERS) : -1;
		if (connected >= 0)
			connect_somewhere(fds[order[connected]], address);
		a = adopted(policy(NULL, NULL, 0, NULL), 1);
		assert_int_equal(a.groups[0].is.n_workers, KIT_WORKERS - (connected >= 0));
		for (int i = 0, number = 0; i < KIT_WORKERS; i++) {
			__u64 cookie;

			if (i == connected)
				continue;
			ask_cookie(fds[order[i]], &cookie);
			if (a.groups[0].workers[number++].is.cookie != cookie)
				fail_msg("%s, round %u: worker %d", address, round, number - 1);
		}
		adoption_free(&a);
		for (unsigned i = 0; i < KIT_WORKERS; i++)
			close(fds[i]);
	}
}

static void the_server_agrees_about_the_numbers(void **state)
{
	static const unsigned order[] = { 2, 0, 3, 1 };
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4, .order = order });
	struct kit_object o = kit_fixture("fx_adpt");
	struct iop_load_options options = kit_options(&o);

	kit_load(&options);
	assert_int_equal(kit_ask(k, "first"), 1);
	kit_unload("fx_adpt");
	kit_stop(&server);
	free(o.bytes);
}

/* --- groups --- */

static void both_families_are_two_groups(void **state)
{
	const struct kit *k = *state;
	struct kit_server four = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_server six = kit_serve((struct kit_serving){ .workers = 3, .address = "::" });
	struct kit_object o = kit_fixture("fx_adpt");
	struct iop_load_options options = kit_options(&o);
	struct iop_status *status;
	struct iop_stats *stats;

	kit_load(&options);
	assert_int_equal(iop_status_read("fx_adpt", &status, NULL), 0);
	assert_int_equal(status->n_groups, 2);
	assert_string_equal(status->groups[0].address, "0.0.0.0:5300");
	assert_int_equal(status->groups[0].n_workers, 4);
	assert_string_equal(status->groups[1].address, "[::]:5300");
	assert_int_equal(status->groups[1].n_workers, 3);
	iop_status_free(status);
	for (int i = 0; i < 5; i++) {
		int rest = kit_ask_at(k, "fd09::1", "rest", KIT_ANSWER_MS);

		assert_int_equal(kit_ask_at(k, "fd09::1", "first", KIT_ANSWER_MS), 1);
		assert_int_equal(kit_ask_at(k, "10.9.0.1", "first", KIT_ANSWER_MS), 1);
		assert_true(rest == 1 || rest == 2); /* the last two of three */
	}
	/* The maps of the policy are shared: counted once, over both. */
	assert_int_equal(iop_stats_read("fx_adpt", &stats, NULL), 0);
	assert_string_equal(stats->stages[1].classes[0].name, "first");
	assert_int_equal(stats->stages[1].classes[0].counters[0].value, 10);
	iop_stats_free(stats);
	kit_unload("fx_adpt");
	kit_assert_nothing_left(k, "fx_adpt");
	kit_stop(&four);
	kit_stop(&six);
	free(o.bytes);
}

static void addresses_that_do_not_match_are_left_alone(void **state)
{
	struct kit_server mine =
		kit_serve((struct kit_serving){ .workers = 2, .address = "127.0.0.1" });
	struct kit_server other =
		kit_serve((struct kit_serving){ .workers = 3, .address = "127.0.0.2" });
	struct adoption a = adopted(policy(NULL, NULL, 0, "127.0.0.1"), 1);
	char text[SOCKET_ADDRESS];

	(void)state;
	assert_string_equal(socket_address(&a.groups[0].is, text), "127.0.0.1:5300");
	assert_int_equal(a.groups[0].is.n_workers, 2);
	adoption_free(&a);
	a = adopted(policy(NULL, NULL, 0, NULL), 2);
	assert_string_equal(socket_address(&a.groups[1].is, text), "127.0.0.2:5300");
	adoption_free(&a);
	kit_stop(&mine);
	kit_stop(&other);
}

/* --- owners --- */

static void copies_are_one_worker_and_the_child_serves_it(void **state)
{
	struct kit_server server =
		kit_serve((struct kit_serving){ .workers = 3, .processes = true });
	struct adoption a = adopted(policy_of(IOP_OWNER_COMM, "iop-echo"), 1);
	const struct adopt_worker *w = a.groups[0].workers;

	(void)state;
	assert_int_equal(a.groups[0].is.n_workers, 3);
	for (int i = 0; i < 3; i++) {
		assert_true(w[i].is.pid > 0);
		assert_int_not_equal(w[i].is.pid, server.pid); /* which has copies of all */
		assert_int_not_equal(w[i].is.pid, w[(i + 1) % 3].is.pid);
		assert_string_equal(w[i].is.comm, "iop-echo");
		assert_int_equal(w[i].home, MACHINE_ANYWHERE);
	}
	adoption_free(&a);
	kit_stop(&server);
}

static void several_owners_and_none_twice(void **state)
{
	static const struct iop_desc_owner owners[] = { { .kind = IOP_OWNER_COMM },
							{ .kind = IOP_OWNER_COMM },
							{ .kind = IOP_OWNER_COMM } };
	static const char *const texts[] = { "iop-echo", "other", "iop-echo" };
	struct kit_server one = kit_serve((struct kit_serving){ .workers = 2 });
	struct kit_server two = kit_serve((struct kit_serving){ .workers = 2, .comm = "other" });
	struct kit_server three = kit_serve((struct kit_serving){ .workers = 2, .comm = "third" });
	struct adoption a = adopted(policy(owners, texts, 3, NULL), 1);

	(void)state;
	assert_int_equal(a.groups[0].is.n_workers, 4);
	adoption_free(&a);
	kit_stop(&one);
	kit_stop(&two);
	kit_stop(&three);
}

/* The test is the server here, and its program is deleted under it. */
static void programs_are_known_by_path_also_when_replaced(void **state)
{
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 2 });
	struct adoption a;
	char exe[PATH_MAX], copy[] = "/tmp/iop-adopt.XXXXXX", command[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	pid_t pid;
	int fd;

	(void)state;
	assert_true(n > 0);
	exe[n] = '\0';
	a = adopted(policy_of(IOP_OWNER_EXE, exe), 1);
	assert_int_equal(a.groups[0].is.n_workers, 2);
	adoption_free(&a);
	kit_stop(&server);

	/* A copy of sleep with our sockets, deleted while it runs. */
	fd = mkstemp(copy);
	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "cp /bin/sleep %s && chmod 755 %s", copy, copy);
	kit_run("%s", command);
	pid = kit_fork();
	if (!pid) {
		const struct kit_serving s = { .workers = 1 };

		kit_bind(&s, kit_socket(&s)); /* inherited */
		execl(copy, "sleep", "60", NULL);
		_exit(1);
	}
	usleep(200000);
	assert_int_equal(unlink(copy), 0);
	a = adopted(policy_of(IOP_OWNER_EXE, copy), 1);
	assert_int_equal(a.groups[0].is.n_workers, 1);
	assert_int_equal(a.groups[0].workers[0].is.pid, pid);
	adoption_free(&a);
	kit_end(pid);
}

/* Where the hierarchy is mounted differs from machine to machine: here it is mounted at a place
 * of our own. */
static void cgroups_are_searched_with_all_below_them(void **state)
{
	char root[] = "/tmp/iop-cgroup.XXXXXX", path[PATH_MAX], name[64];
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 2 });
	struct iop_report *report = iop_report_new();
	struct adoption a;
	struct iop_object *o;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(root));
	if (mount("none", root, "cgroup2", 0, NULL)) {
		print_message("skip: cgroup v2 cannot be mounted: %s\n", strerror(errno));
		rmdir(root);
		iop_report_free(report);
		kit_stop(&server);
		skip();
	}
	snprintf(name, sizeof(name), "/iop-%d", (int)getpid());
	snprintf(path, sizeof(path), "%s%s", root, name);
	assert_int_equal(mkdir(path, 0755), 0);
	strcat(path, "/below");
	assert_int_equal(mkdir(path, 0755), 0);
	strcat(path, "/cgroup.procs");
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%d", (int)server.pid);
	assert_int_equal(fclose(f), 0);

	a = adopted(policy_of(IOP_OWNER_CGROUP, name), 1);
	assert_int_equal(a.groups[0].is.n_workers, 2);
	adoption_free(&a);
	/* No socket stage needs workers here: a warning, and no group. */
	o = policy_of(IOP_OWNER_CGROUP, "/iop-no-such-group");
	assert_int_equal(adopt_workers(o, &a, report), 0);
	assert_int_equal(a.n, 0);
	kit_message(report, "there is no cgroup /iop-no-such-group");
	iop_report_free(report);
	object_close(o);

	kit_stop(&server);
	usleep(50000);
	snprintf(path, sizeof(path), "%s%s/below", root, name);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s%s", root, name);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(umount(root), 0);
	rmdir(root);
}

/* A worker that is bound to a core is near it. */
static void bound_workers_have_a_home(void **state)
{
	cpu_set_t one, all;
	struct kit_server server;
	struct adoption a;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) < 2) {
		print_message("skip: needs two cores\n");
		skip();
	}
	CPU_ZERO(&one);
	CPU_SET(1, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	server = kit_serve((struct kit_serving){ .workers = 2, .processes = true });
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	a = adopted(policy_of(IOP_OWNER_COMM, "iop-echo"), 1);
	assert_int_equal(a.groups[0].workers[0].home, 1);
	assert_int_equal(a.groups[0].workers[1].home, 1);
	adoption_free(&a);
	kit_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(workers_are_numbered_as_they_were_bound),
		KIT_TEST(the_server_agrees_about_the_numbers),
		KIT_TEST(both_families_are_two_groups),
		KIT_TEST(addresses_that_do_not_match_are_left_alone),
		KIT_TEST(copies_are_one_worker_and_the_child_serves_it),
		KIT_TEST(several_owners_and_none_twice),
		KIT_TEST(programs_are_known_by_path_also_when_replaced),
		KIT_TEST(cgroups_are_searched_with_all_below_them),
		KIT_TEST(bound_workers_have_a_home),
	};

	kit_need_root();
	return cmocka_run_group_tests_name("adopt", tests, kit_begin, kit_finish);
}
