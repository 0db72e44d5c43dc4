/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of its own for each test program of the loader: private mounts with an
 * unmounted /sys/fs/bpf, a network namespace with the server, another one with its
 * clients, a veth pair between them. All of it belongs to processes that die with
 * the test, so nothing is left behind however it ends.
 *
 *	10.9.0.1 fd09::1 veth `srv`  <->  `cli` 10.9.0.2 fd09::2
 *
 * Functions are static: each test is one file, see CMakeLists.txt.
 */
#ifndef IOP_TESTS_LOAD_KIT_H
#define IOP_TESTS_LOAD_KIT_H

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fixture.h"
#include "abi/worker.h"
#include "iop.h"
#include "load.h"
#include "netns.h"
#include "pin.h"

#define KIT __attribute__((unused)) static
#define KIT_WORKERS 16
#define KIT_ANSWER_MS 3000 /* for an answer that will come */
#define KIT_LOST_MS 250    /* for one that should not */

/* --- the machine --- */

struct kit {
	pid_t clients; /* a process that keeps their namespace */
	int client_ns;
	int server_ns;
};

static inline void kit_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void kit_run(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command))
		fail_msg("failed: %s", command);
}

/* Dies with the process that made it. */
KIT pid_t kit_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (!pid && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		_exit(1);
	return pid;
}

KIT void kit_end(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A server with all processes that it has made, which are a group; they are gone then. */
KIT void kit_end_group(pid_t pid)
{
	kill(-pid, SIGKILL);
	while (waitpid(-pid, NULL, 0) > 0)
		;
}

/* Skips the whole program where it cannot run. */
KIT void kit_need_root(void)
{
	if (geteuid()) {
		puts("skip: needs root, to load programs and to make network namespaces");
		exit(77);
	}
}

KIT int kit_open_ns(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Group set-up. */
KIT int kit_begin(void **state)
{
	struct kit *k = calloc(1, sizeof(*k));
	int ready[2];
	char byte;

	assert_non_null(k);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(unshare(CLONE_NEWNS | CLONE_NEWNET), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	while (!umount2(PIN_MOUNT, MNT_DETACH))
		;
	assert_int_equal(pipe(ready), 0);
	k->clients = kit_fork();
	if (!k->clients) {
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	k->server_ns = kit_open_ns(getpid());
	k->client_ns = kit_open_ns(k->clients);
	kit_run("ip link set lo up");
	kit_run("ip link add srv type veth peer name cli netns %d", (int)k->clients);
	kit_run("ip addr add 10.9.0.1/24 dev srv && ip addr add fd09::1/64 dev srv nodad && "
		"ip link set srv up");
	kit_run("nsenter --net=/proc/%d/ns/net sh -c 'ip link set lo up && "
		"ip addr add 10.9.0.2/24 dev cli && ip addr add fd09::2/64 dev cli nodad && "
		"ip link set cli up'",
		(int)k->clients);
	*state = k;
	return 0;
}

KIT int kit_finish(void **state)
{
	struct kit *k = *state;

	kit_end(k->clients);
	close(k->client_ns);
	close(k->server_ns);
	free(k);
	return 0;
}

/* Ends all children but the clients' process: servers of a test that has failed. */
KIT void kit_end_servers(const struct kit *k)
{
	_cleanup_file_ FILE *children = fopen("/proc/thread-self/children", "re");
	int pid;

	while (children && fscanf(children, "%d", &pid) == 1)
		if (pid != k->clients)
			kit_end(pid);
}

/* In the clients' namespace: their device leaves checksums to others, as at first. */
KIT int kit_turn_on(void *context)
{
	(void)context;
	return system("ethtool -K cli tx on >/dev/null");
}

/* Before each test: what one that has failed may have left must not fail the next. */
KIT int kit_clear(void **state)
{
	struct iop_list *list = NULL;

	kit_end_servers(*state);
	(void)netns_run(((struct kit *)*state)->client_ns, kit_turn_on, NULL);
	if (!iop_list_read(&list, NULL))
		for (size_t i = 0; i < list->n; i++)
			(void)iop_unload(list->names[i], NULL, NULL, NULL);
	iop_list_free(list);
	return 0;
}
#define KIT_TEST(f) cmocka_unit_test_setup(f, kit_clear)

/* --- servers --- */

struct kit_server {
	pid_t pid;
	int stop; /* whose closing ends it */
};

struct kit_serving {
	const char *comm;    /* NULL: "iop-echo" */
	const char *address; /* NULL: all IPv4 addresses; "::" all of IPv6 */
	unsigned workers;
	bool alone;          /* without SO_REUSEPORT */
	bool processes;      /* one for each worker; the first one keeps copies of all */
	const unsigned *cores; /* that each of these is bound to */
	const unsigned *order; /* in which the sockets, made in order, are bound */
	int ns;              /* 0: the test's */
};

KIT int kit_socket(const struct kit_serving *s)
{
	int family = s->address && strchr(s->address, ':') ? AF_INET6 : AF_INET, yes = 1;
	int fd = socket(family, SOCK_DGRAM, 0);

	if (fd < 0 || (!s->alone && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes))) ||
	    (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes))))
		_exit(2);
	return fd;
}

KIT void kit_bind(const struct kit_serving *s, int fd)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(FIXTURE_PORT) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(FIXTURE_PORT) };
	bool six = s->address && strchr(s->address, ':');

	if (s->address && inet_pton(six ? AF_INET6 : AF_INET, s->address,
				    six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr) != 1)
		_exit(3);
	if (six ? bind(fd, (const struct sockaddr *)&in6, sizeof(in6))
		: bind(fd, (const struct sockaddr *)&in, sizeof(in)))
		_exit(4);
}

/* Answers "N:request" from the N-th socket that was bound. */
KIT void kit_answer(int fd, unsigned number)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char request[512], answer[600];
	ssize_t n = recvfrom(fd, request, sizeof(request), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &size);
	int m;

	if (n < 0)
		return;
	m = snprintf(answer, sizeof(answer), "%u:%.*s", number, (int)n, request);
	(void)!sendto(fd, answer, (size_t)m, 0, (const struct sockaddr *)&from, size);
}

KIT void kit_work(const int *fds, const unsigned *numbers, unsigned n, int stop)
{
	struct pollfd p[KIT_WORKERS + 1];

	for (;;) {
		for (unsigned i = 0; i < n; i++)
			p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
		p[n] = (struct pollfd){ .fd = stop, .events = POLLIN };
		if (poll(p, n + 1, -1) < 0 || p[n].revents)
			_exit(0);
		for (unsigned i = 0; i < n; i++)
			if (p[i].revents)
				kit_answer(fds[i], numbers[i]);
	}
}

KIT int kit_go_to(unsigned core)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(core, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

KIT void kit_server_main(const struct kit_serving *s, int stop, int ready)
{
	int fds[KIT_WORKERS];
	unsigned numbers[KIT_WORKERS], i;

	if (setpgid(0, 0) || (s->ns && setns(s->ns, CLONE_NEWNET)) ||
	    prctl(PR_SET_NAME, s->comm ? s->comm : "iop-echo"))
		_exit(1);
	for (i = 0; i < s->workers; i++)
		fds[i] = kit_socket(s);
	for (i = 0; i < s->workers; i++) {
		unsigned next = s->order ? s->order[i] : i;

		kit_bind(s, fds[next]);
		numbers[next] = i;
	}
	for (i = 0; s->processes && i < s->workers; i++) {
		pid_t parent = getpid();

		if (fork())
			continue;
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent ||
		    (s->cores && kit_go_to(s->cores[i])))
			_exit(1);
		for (unsigned k = 0; k < s->workers; k++)
			if (k != i)
				close(fds[k]);
		if (write(ready, "", 1) != 1)
			_exit(5);
		kit_work(&fds[i], &numbers[i], 1, stop);
	}
	if (write(ready, "", 1) != 1)
		_exit(5);
	kit_work(fds, numbers, s->processes ? 0 : s->workers, stop);
}

KIT struct kit_server kit_serve(struct kit_serving s)
{
	struct kit_server server;
	int stop[2], ready[2];
	char byte;

	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	server.pid = kit_fork();
	if (!server.pid) {
		close(stop[1]);
		kit_server_main(&s, stop[0], ready[1]);
	}
	close(stop[0]);
	close(ready[1]);
	for (unsigned i = 0; i <= (s.processes ? s.workers : 0); i++)
		if (read(ready[0], &byte, 1) != 1)
			fail_msg("the server does not start");
	close(ready[0]);
	server.stop = stop[1];
	return server;
}

KIT void kit_stop(struct kit_server *s)
{
	if (!s->pid)
		return;
	close(s->stop);
	kit_end_group(s->pid);
	*s = (struct kit_server){ 0 };
}

/* --- clients --- */

struct kit_asking {
	const char *to, *request;
	int fd;
};

KIT int kit_open_client(void *context)
{
	struct kit_asking *a = context;
	bool six = strchr(a->to, ':');

	a->fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return a->fd < 0 ? -errno : 0;
}

/* The number of the worker that answers a request from the other namespace, -1: none in time. */
KIT int kit_ask_at(const struct kit *k, const char *to, const char *request, int wait_ms)
{
	struct kit_asking a = { to, request, -1 };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(FIXTURE_PORT) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(FIXTURE_PORT) };
	bool six = strchr(to, ':');
	struct pollfd p;
	char answer[600];
	ssize_t n = -1;

	assert_int_equal(netns_run(k->client_ns, kit_open_client, &a), 0);
	assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, to,
				   six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr),
			 1);
	n = sendto(a.fd, request, strlen(request), 0,
		   six ? (const struct sockaddr *)&in6 : (const struct sockaddr *)&in,
		   six ? sizeof(in6) : sizeof(in));
	assert_int_equal(n, strlen(request));
	p = (struct pollfd){ .fd = a.fd, .events = POLLIN };
	n = -1;
	if (poll(&p, 1, wait_ms) > 0)
		n = recv(a.fd, answer, sizeof(answer) - 1, 0);
	close(a.fd);
	if (n < 0)
		return -1;
	answer[n] = '\0';
	assert_string_equal(strchr(answer, ':') + 1, request);
	return atoi(answer);
}

KIT int kit_ask(const struct kit *k, const char *request)
{
	return kit_ask_at(k, "10.9.0.1", request, KIT_ANSWER_MS);
}

/* How many of `n` requests each worker answers; those that are lost at [KIT_WORKERS]. */
KIT void kit_ask_some(const struct kit *k, const char *request, unsigned n, int wait_ms,
		      unsigned by[KIT_WORKERS + 1])
{
	memset(by, 0, (KIT_WORKERS + 1) * sizeof(*by));
	for (unsigned i = 0; i < n; i++) {
		int worker = kit_ask_at(k, "10.9.0.1", request, wait_ms);

		by[worker < 0 ? KIT_WORKERS : worker]++;
	}
}

/* All are answered. */
KIT void kit_ask_many(const struct kit *k, const char *request, unsigned n,
		      unsigned by[KIT_WORKERS + 1])
{
	kit_ask_some(k, request, n, KIT_ANSWER_MS, by);
	assert_int_equal(by[KIT_WORKERS], 0);
}

KIT void kit_assert_lost(const struct kit *k, const char *request, unsigned n)
{
	unsigned by[KIT_WORKERS + 1];

	kit_ask_some(k, request, n, KIT_LOST_MS, by);
	assert_int_equal(by[KIT_WORKERS], n);
}

/* --- objects --- */

struct kit_object {
	unsigned char *bytes;
	size_t size;
};

KIT struct kit_object kit_read(const char *path)
{
	struct kit_object o = { NULL, 0 };
	FILE *f = fopen(path, "re");
	long size;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size > 0);
	rewind(f);
	o.size = (size_t)size;
	o.bytes = malloc(o.size);
	assert_non_null(o.bytes);
	assert_int_equal(fread(o.bytes, 1, o.size, f), o.size);
	fclose(f);
	return o;
}

/* The description within the object's bytes. */
KIT struct iop_desc_header *kit_description(const struct kit_object *o)
{
	static const __u32 start[2] = { IOP_DESC_MAGIC, IOP_DESC_VERSION };
	void *at = memmem(o->bytes, o->size, start, sizeof(start));

	assert_non_null(at);
	return at;
}

/* The fixture under another name of its length, so that two can be told apart. */
KIT struct kit_object kit_fixture(const char *name)
{
	static const char old[] = "\0fixture";
	struct kit_object o = kit_read(IOP_FIXTURE);
	unsigned char *from = (unsigned char *)kit_description(&o), *at;

	assert_int_equal(strlen(name), sizeof(old) - 2);
	at = memmem(from, (size_t)(o.bytes + o.size - from), old, sizeof(old));
	assert_non_null(at);
	memcpy(at + 1, name, strlen(name));
	return o;
}

KIT struct iop_load_options kit_options(const struct kit_object *o)
{
	static const char *const devices[] = { "srv" };

	return (struct iop_load_options){
		.size = sizeof(struct iop_load_options),
		.object = o->bytes,
		.object_size = o->size,
		.object_name = "fixture.bpf.o",
		.devices = devices,
		.n_devices = 1,
	};
}

/* --- what is there --- */

KIT void kit_print(const struct iop_report *report)
{
	for (size_t i = 0; i < iop_report_count(report); i++) {
		const struct iop_message *m = iop_report_message(report, i);

		print_message("  message: %s:%u: %s | %s | %s\n%s", m->file, m->line, m->text,
			      m->source, m->help, m->detail);
	}
}

/* The message that has `text` in it; a failure if there is none. */
KIT const struct iop_message *kit_message(const struct iop_report *report, const char *text)
{
	for (size_t i = 0; i < iop_report_count(report); i++)
		if (strstr(iop_report_message(report, i)->text, text))
			return iop_report_message(report, i);
	kit_print(report);
	fail_msg("no message has: %s", text);
	return NULL;
}

KIT void kit_load(const struct iop_load_options *options)
{
	struct iop_report *report = iop_report_new();
	int err = iop_load(options, NULL, report);

	if (err) {
		kit_print(report);
		fail_msg("loading failed: %s", strerror(-err));
	}
	iop_report_free(report);
}

KIT void kit_unload(const char *policy)
{
	struct iop_report *report = iop_report_new();
	int err = iop_unload(policy, NULL, NULL, report);

	if (err || iop_report_count(report)) {
		kit_print(report);
		fail_msg("unloading failed: %s", strerror(-err));
	}
	iop_report_free(report);
}

KIT int kit_read_offload(void *context)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GTXCSUM };
	struct ifreq request = { .ifr_name = "cli" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	(void)context;
	request.ifr_data = (void *)&value;
	err = ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return err ? -errno : value.data != 0;
}

/* Does the peer leave checksums to others? */
KIT bool kit_peer_offloads(const struct kit *k)
{
	int on = netns_run(k->client_ns, kit_read_offload, NULL);

	assert_true(on >= 0);
	return on;
}

KIT __u32 kit_xdp_on(const char *device)
{
	__u32 id = 0;

	assert_int_equal(bpf_xdp_query_id((int)if_nametoindex(device), 0, &id), 0);
	return id;
}

/* Is some program of the policy still in the kernel? Its .rodata, which has the policy's name,
 * lives as long. */
KIT bool kit_programs_live(const char *policy)
{
	char wanted[BPF_OBJ_NAME_LEN];
	__u32 id = 0;

	snprintf(wanted, sizeof(wanted), "%.8s.rodata", policy);
	while (!bpf_map_get_next_id(id, &id)) {
		_cleanup_fd_ int fd = bpf_map_get_fd_by_id(id);
		struct bpf_map_info info = { 0 };
		__u32 size = sizeof(info);

		if (fd >= 0 && !bpf_map_get_info_by_fd(fd, &info, &size) &&
		    !strcmp(info.name, wanted))
			return true;
	}
	return false;
}

KIT bool kit_programs_end(const char *policy)
{
	for (int i = 0; i < 200; i++) {
		if (!kit_programs_live(policy))
			return true;
		usleep(10000);
	}
	return false;
}

/* Nothing of the policy is left on the machine. */
KIT void kit_assert_nothing_left(const struct kit *k, const char *policy)
{
	assert_int_equal(pin_check(PIN_ROOT, NULL), -ENOENT);
	assert_int_equal(kit_xdp_on("srv"), 0);
	assert_true(kit_peer_offloads(k));
	assert_true(kit_programs_end(policy));
}

#endif
