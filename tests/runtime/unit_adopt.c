/* SPDX-License-Identifier: BSD-2-Clause */
/* Which sockets belong to a workload, in which order, and which workers rules may name. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "adopt.h"
#include "describe.h"
#include "socket_list.h"

/* --- the list --- */

#define HEADING \
	"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n"
#define LINE4(port, inode)                                                               \
	"  104: 0100007F:" port                                                          \
	" 00000000:0000 07 00000000:00000000 00:00000000 00000000   999        0 " inode \
	" 2 0000000000000000 0         \n"
#define LINE6(port, inode)                                                                                       \
	" 5104: 00000000000000000000000001000000:" port                                                          \
	" 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 " inode \
	" 2 0000000000000000 7\n"

static bool is_53(const void *context, __u32 protocol, __u32 port)
{
	(void)context;
	(void)protocol;
	return port == 53;
}

static struct socket_list parse(const char *text, bool newest_first)
{
	struct socket_list list = { 0 };
	FILE *f = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(f);
	assert_int_equal(socket_list_parse(&list, f, IPPROTO_UDP, newest_first, is_53, NULL), 0);
	fclose(f);
	return list;
}

static void ipv4_lists_the_newest_first(void **state)
{
	struct socket_list l = parse(HEADING LINE4("0035", "30") LINE4("0036", "31")
					  LINE4("0035", "20") LINE4("0035", "10"),
				  true);

	(void)state;
	assert_int_equal(l.n, 3);
	assert_int_equal(l.sockets[0].inode, 30);
	assert_int_equal(l.sockets[0].port, 53);
	assert_true(l.sockets[2].order < l.sockets[1].order); /* 10 was bound before 20 */
	assert_true(l.sockets[1].order < l.sockets[0].order);
	socket_list_free(&l);
}

/* Those that listen come first; behind them are connections. */
static void of_tcp_those_that_listen(void **state)
{
#define TCP4(port, st, inode)                                                              \
	"  104: 0100007F:" port                                                            \
	" 00000000:0000 " st " 00000000:00000000 00:00000000 00000000   999        0 " inode \
	" 1 0000000000000000 100 0 0 10 0\n"
	static const char text[] = HEADING TCP4("0035", "0A", "30") TCP4("0050", "0A", "31")
		TCP4("0035", "0A", "20") TCP4("0035", "01", "10") TCP4("0035", "0A", "9");
	struct socket_list l = { 0 };
	FILE *f = fmemopen((void *)text, strlen(text), "r");

	(void)state;
	assert_non_null(f);
	assert_int_equal(socket_list_parse(&l, f, IPPROTO_TCP, true, is_53, NULL), 0);
	fclose(f);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.sockets[0].inode, 30);
	assert_int_equal(l.sockets[0].protocol, IPPROTO_TCP);
	assert_int_equal(l.sockets[1].inode, 20);
	assert_true(l.sockets[1].order < l.sockets[0].order);
	socket_list_free(&l);
}

static void ipv6_lists_the_oldest_first(void **state)
{
	struct socket_list l = parse(HEADING LINE6("0035", "10") LINE6("0035", "4294967311"), false);

	(void)state;
	assert_int_equal(l.n, 2);
	assert_int_equal(l.sockets[1].inode, 4294967311);
	assert_true(l.sockets[0].order < l.sockets[1].order);
	socket_list_free(&l);
}

static void other_lines_are_left_out(void **state)
{
	struct socket_list l = parse("", true);

	(void)state;
	assert_int_equal(l.n, 0);
	assert_null(socket_list_find(&l, 1));
	l = parse("\n  1: zz\n  104: 0100007F:0035 00000000\n", true);
	assert_int_equal(l.n, 0);
}

/* --- what belongs to a workload --- */

struct prefix_case {
	const char *to; /* "10.0.0.0/8", NULL: no `to` */
	const char *bound;
	__u32 port;
	bool v6only, belongs;
};

static struct iop_object *object_of(const char *to)
{
	struct describe d;
	struct iop_object *o;
	char error[256], text[64] = "";
	size_t size;
	void *section;

	describe_begin(&d, "adopt");
	DESCRIBE(&d, IOP_TABLE_RANGES, range, 53, 53);
	DESCRIBE(&d, IOP_TABLE_RANGES, range, 5300, 5310);
	if (to) {
		struct iop_desc_prefix p = { .family = strchr(to, ':') ? 6 : 4 };
		char *slash;

		snprintf(text, sizeof(text), "%s", to);
		slash = strchr(text, '/');
		assert_non_null(slash);
		*slash = '\0';
		p.length = (__u32)atoi(slash + 1);
		assert_int_equal(inet_pton(p.family == 6 ? AF_INET6 : AF_INET, text, p.address), 1);
		describe_row(&d, IOP_TABLE_PREFIXES, &p, sizeof(p));
	}
	DESCRIBE(&d, IOP_TABLE_MATCHES, match, .place = describe_place(&d, 3, 3),
		 .protocol = IPPROTO_UDP, .n_ports = 2, .n_to = to != NULL);
	DESCRIBE(&d, IOP_TABLE_WORKLOADS, workload, .name = describe_string(&d, "dns"),
		 .place = describe_place(&d, 2, 10), .n_matches = 1,
		 .hooks = 1u << IOP_HOOK_SOCKET);
	section = describe_end(&d, &size);
	o = object_from_description(section, size, "adopt", error, sizeof(error));
	if (!o)
		fail_msg("%s", error);
	free(section);
	describe_free(&d);
	return o;
}

static void sockets_belong_by_port_and_address(void **state)
{
	static const struct prefix_case cases[] = {
		{ NULL, "0.0.0.0", 53, false, true },
		{ NULL, "::", 5310, true, true },
		{ NULL, "0.0.0.0", 54, false, false },
		{ NULL, "0.0.0.0", 5299, false, false },
		{ "10.0.0.0/8", "0.0.0.0", 53, false, true },
		{ "10.0.0.0/8", "10.1.2.3", 53, false, true },
		{ "10.0.0.0/8", "11.0.0.1", 53, false, false },
		{ "10.0.0.0/8", "10.1.2.3", 80, false, false },
		{ "10.128.0.0/9", "10.127.0.1", 53, false, false },
		{ "10.128.0.0/9", "10.200.0.1", 53, false, true },
		{ "10.0.0.1/32", "10.0.0.1", 53, false, true },
		{ "10.0.0.1/32", "10.0.0.2", 53, false, false },
		/* both families through one socket, unless it refuses */
		{ "10.0.0.1/32", "::", 53, false, true },
		{ "10.0.0.1/32", "::", 53, true, false },
		{ "10.0.0.1/32", "::ffff:10.0.0.1", 53, false, true },
		{ "10.0.0.1/32", "::ffff:10.0.0.2", 53, false, false },
		{ "10.0.0.1/32", "fd00::1", 53, false, false },
		{ "fd00::/16", "fd00:5::1", 53, false, true },
		{ "fd00::/16", "fd01::1", 53, false, false },
		{ "fd00::1/128", "fd00::1", 53, true, true },
		{ "fd00::1/128", "fd00::2", 53, true, false },
		{ "fd00::1/128", "::", 53, true, true },
		{ "fd00::1/128", "0.0.0.0", 53, false, false },
		{ "::/0", "fd00::2", 53, false, true },
		{ "0.0.0.0/0", "10.0.0.2", 53, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct prefix_case *c = &cases[i];
		struct iop_object *o = object_of(c->to);
		struct record_group g = { .protocol = IPPROTO_UDP, .port = c->port,
					  .v6only = c->v6only };

		g.family = strchr(c->bound, ':') ? AF_INET6 : AF_INET;
		assert_int_equal(inet_pton((int)g.family, c->bound, g.address), 1);
		if (workload_matches_group(o, 0, &g) != c->belongs)
			fail_msg("to %s, bound to %s port %u", c->to, c->bound, c->port);
		assert_true(workload_matches_port(o, 0, IPPROTO_UDP, c->port) || !c->belongs);
		assert_false(workload_matches_port(o, 0, IPPROTO_TCP, c->port));
		g.protocol = IPPROTO_TCP;
		assert_false(workload_matches_group(o, 0, &g));
		object_close(o);
	}
}

/* --- sets of workers --- */

static void set_is(const struct worker_set *set, __u32 n, const char *wanted, int missing)
{
	static const struct iop_desc_range ranges[] = { { 3, 3 }, { 0, 1 } };
	struct describe d;
	struct iop_object *o;
	char error[256], got[64] = "";
	size_t size;
	void *section;
	__u32 numbers[16], count, first;

	describe_begin(&d, "sets");
	for (size_t i = 0; i < 2; i++)
		describe_row(&d, IOP_TABLE_RANGES, &ranges[i], sizeof(ranges[i]));
	section = describe_end(&d, &size);
	o = object_from_description(section, size, "sets", error, sizeof(error));
	assert_non_null(o);
	count = worker_set_resolve(o, set, n, numbers);
	for (__u32 i = 0; i < count; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%u", numbers[i]);
	assert_string_equal(got, wanted);
	assert_int_equal(worker_set_missing(o, set, n, &first) ? (int)first : -1, missing);
	object_close(o);
	free(section);
	describe_free(&d);
}

static void sets_of_workers(void **state)
{
	static const struct worker_set list = { IOP_WORKERS_LIST, 0, 2, 0 };
	static const struct worker_set all = { IOP_WORKERS_ALL, 0, 0, 0 };
	static const struct worker_set last = { IOP_WORKERS_LAST, 0, 0, 2 };
	static const struct worker_set but = { IOP_WORKERS_ALL_BUT_LAST, 0, 0, 2 };

	(void)state;
	set_is(&list, 5, "301", -1);
	set_is(&list, 4, "301", -1);
	set_is(&list, 3, "01", 3);
	set_is(&list, 1, "0", 3);
	set_is(&all, 3, "012", -1);
	set_is(&last, 4, "23", -1);
	set_is(&last, 2, "01", -1);
	set_is(&last, 1, "0", 1);
	set_is(&but, 4, "01", -1);
	set_is(&but, 3, "0", -1);
	set_is(&but, 2, "", 2);
	set_is(&but, 1, "", 1);
}

/* Each of them makes another group of the kernel; who serves it does not. */
static void groups_differ_by_what_the_kernel_compares(void **state)
{
	const struct record_group g = { .netns = 1, .family = AF_INET, .protocol = IPPROTO_UDP,
					.port = 53 };
	struct record_group others[8];

	(void)state;
	for (size_t i = 0; i < 8; i++)
		others[i] = g;
	others[0].netns = 2;
	others[1].family = AF_INET6;
	others[2].port = 54;
	others[3].v6only = 1;
	others[4].uid = 5;
	others[5].device = 3;
	others[6].address[3] = 1;
	others[7].protocol = IPPROTO_TCP;
	for (size_t i = 0; i < 8; i++)
		assert_false(socket_group_equal(&g, &others[i]));
	others[0] = g;
	others[0].workload = 7;
	others[0].n_workers = 3;
	others[0].program = 9;
	assert_true(socket_group_equal(&g, &others[0]));
}

static void addresses_are_written_as_usual(void **state)
{
	struct record_group g = { .family = AF_INET, .port = 53, .address = { 10, 0, 0, 1 } };
	char text[SOCKET_ADDRESS];

	(void)state;
	assert_string_equal(socket_address(&g, text), "10.0.0.1:53");
	g = (struct record_group){ .family = AF_INET6, .port = 5300 };
	assert_string_equal(socket_address(&g, text), "[::]:5300");
	g.protocol = IPPROTO_TCP;
	assert_string_equal(socket_address(&g, text), "tcp [::]:5300");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_lists_the_newest_first),
		cmocka_unit_test(ipv6_lists_the_oldest_first),
		cmocka_unit_test(other_lines_are_left_out),
		cmocka_unit_test(of_tcp_those_that_listen),
		cmocka_unit_test(sockets_belong_by_port_and_address),
		cmocka_unit_test(sets_of_workers),
		cmocka_unit_test(groups_differ_by_what_the_kernel_compares),
		cmocka_unit_test(addresses_are_written_as_usual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
