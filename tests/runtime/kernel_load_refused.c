/* SPDX-License-Identifier: BSD-2-Clause */
/* What loading refuses, in which words, and that it has changed nothing then. */
#include <linux/capability.h>
#include <sys/syscall.h>

#include "load_kit.h"

#define POLICY "fx_deny"

/* Loading fails with `err`, and one of its messages has `text`; the caller's to free. */
static struct iop_report *refused(const struct kit *k, const struct iop_load_options *options,
				  int err, const char *text)
{
	struct iop_report *report = iop_report_new();
	int got = iop_load(options, NULL, report);

	if (got != err) {
		kit_print(report);
		fail_msg("%s instead of %s", strerror(-got), strerror(-err));
	}
	kit_message(report, text);
	if (k)
		kit_assert_nothing_left(k, POLICY);
	return report;
}

/* A program that passes all. */
static int pass_program(void)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "somebody", "GPL", pass, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void somebody_elses_program_is_named(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	_cleanup_fd_ int program = pass_program();
	int srv = (int)if_nametoindex("srv");
	struct iop_report *report;
	char wanted[128];

	assert_int_equal(bpf_xdp_attach(srv, program, XDP_FLAGS_DRV_MODE, NULL), 0);
	snprintf(wanted, sizeof(wanted),
		 "an XDP program that is not ours is attached to srv: somebody (id %u)",
		 kit_xdp_on("srv"));
	report = refused(NULL, &options, -EBUSY, wanted);
	assert_non_null(strstr(kit_message(report, wanted)->help, "ip link set dev srv xdp off"));
	iop_report_free(report);
	assert_int_equal(kit_xdp_on("srv"), program_id(program)); /* and left alone */
	assert_int_equal(bpf_xdp_detach(srv, XDP_FLAGS_DRV_MODE, NULL), 0);
	kit_assert_nothing_left(k, POLICY);
	kit_stop(&server);
	free(o.bytes);
}

static void two_policies_do_not_share(void **state)
{
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object first = kit_fixture("fx_frst"), second = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&first);
	struct iop_report *report;

	(void)state;
	kit_load(&options);
	report = refused(NULL, &options, -EEXIST, "policy fx_frst is loaded already");
	assert_non_null(strstr(iop_report_message(report, 0)->help, "iopctl unload fx_frst"));
	iop_report_free(report);

	options = kit_options(&second);
	report = refused(NULL, &options, -EBUSY,
			 "policy fx_frst is loaded on srv; policy fx_deny cannot be, too");
	kit_message(report,
		    "the sockets at 0.0.0.0:5300 belong to policy fx_frst; policy fx_deny cannot");
	assert_int_equal(iop_report_count(report), 2); /* both at once */
	iop_report_free(report);
	kit_unload("fx_frst");
	kit_load(&options); /* at once */
	kit_unload(POLICY);
	kit_stop(&server);
	free(first.bytes);
	free(second.bytes);
}

static void workers_that_are_not_there(void **state)
{
	const struct kit *k = *state;
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct kit_server server;
	struct iop_report *report;

	iop_report_free(refused(k, &options, -ENOENT,
				"workload echo: none of the processes that `threads` names runs"));
	server = kit_serve((struct kit_serving){ .workers = 4, .comm = "other" });
	report = refused(k, &options, -ENOENT, "none of the processes");
	assert_non_null(strstr(iop_report_message(report, 0)->help, "`threads comm \"other\"`"));
	iop_report_free(report);
	kit_stop(&server);
	/* In a namespace of its own: it runs, but not here. */
	server = kit_serve((struct kit_serving){ .workers = 4, .ns = k->client_ns });
	iop_report_free(
		refused(k, &options, -ENOENT,
			"no process that belongs to it has a UDP socket at the matched port in "
			"this network namespace"));
	kit_stop(&server);
	server = kit_serve((struct kit_serving){ .workers = 1, .alone = true });
	report = refused(k, &options, -ENOENT, "the socket at 0.0.0.0:5300 of process ");
	kit_message(report, "(iop-echo) was bound without SO_REUSEPORT");
	iop_report_free(report);
	kit_stop(&server);
	server = kit_serve((struct kit_serving){ .workers = 1 });
	report =
		refused(k, &options, -ENOENT,
			"worker 1 is not there: the server has 1 socket at 0.0.0.0:5300, worker 0");
	assert_int_equal(kit_message(report, "worker 1 is not there")->line, 25); /* the rule's */
	assert_int_equal(kit_message(report, "last 2 leaves no worker")->line, 27);
	iop_report_free(report);
	kit_stop(&server);
	free(o.bytes);
}

static void devices_that_do_not_fit(void **state)
{
	static const char *const none[] = { "nosuch0" }, *const twice[] = { "srv", "srv" };
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_report *report;

	options.devices = none;
	iop_report_free(refused(k, &options, -ENODEV,
				"there is no device nosuch0 in this network namespace"));
	options.devices = twice;
	options.n_devices = 2;
	iop_report_free(refused(k, &options, -EINVAL, "device srv is given twice"));
	options.n_devices = 0;
	report = refused(k, &options, -EINVAL, "on which devices shall it run? (--dev DEVICE)");
	assert_int_equal(iop_report_cause(report), IOP_CAUSE_USAGE);
	iop_report_free(report);
	kit_stop(&server);
	free(o.bytes);
}

/* A driver without native XDP: generic will do, unless the policy says otherwise. */
static void drivers_without_native_xdp(void **state)
{
	static const char *const devices[] = { "lo" };
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_report *report = iop_report_new();
	struct iop_status *status;

	options.devices = devices;
	assert_int_equal(iop_load(&options, NULL, report), 0);
	assert_int_equal(kit_message(report, "XDP is generic on lo")->level, IOP_LEVEL_NOTE);
	iop_report_free(report);
	assert_int_equal(iop_status_read(POLICY, &status, NULL), 0);
	assert_int_equal(status->devices[0].mode, IOP_XDP_GENERIC);
	assert_true(status->devices[0].attached);
	assert_string_equal(status->stages[1].mechanism, "XDP generic on lo");
	iop_status_free(status);
	kit_unload(POLICY);

	kit_description(&o)->flags |= IOP_DESC_REQUIRE_NATIVE_XDP;
	iop_report_free(refused(k, &options, -EOPNOTSUPP,
				"the policy requires native XDP, and the driver of lo refuses"));
	assert_int_equal(kit_xdp_on("lo"), 0);
	kit_stop(&server);
	free(o.bytes);
}

/* A namespace that only a descriptor keeps has no name and no process to be found by. */
static void a_peer_out_of_reach(void **state)
{
	static const char *const devices[] = { "near0" };
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_report *report;
	_cleanup_fd_ int ns = -1;
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = kit_fork();
	if (!pid) {
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	kit_run("ip link add near0 type veth peer name far0 netns %d", (int)pid);
	ns = kit_open_ns(pid);
	kit_end(pid);
	options.devices = devices;
	report = refused(k, &options, -ENOTSUP,
			 "near0 is a veth device whose peer far0 is out of reach");
	assert_non_null(strstr(iop_report_message(report, 0)->help, "ethtool -K far0 tx off"));
	assert_int_equal(kit_xdp_on("near0"), 0);
	iop_report_free(report);
	kit_run("ip link del near0");
	kit_stop(&server);
	free(o.bytes);
}

/* Params, pools and devices are looked at together. */
static void all_that_is_missing_is_said_at_once(void **state)
{
	static const char *const devices[] = { "nosuch0" }, *const settings[] = { "every=0",
										  "x=1" };
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_report *report;

	options.devices = devices;
	options.settings = settings;
	options.n_settings = 2;
	report = refused(*state, &options, -EINVAL, "param every cannot be 0");
	kit_message(report, "policy fx_deny has no param x");
	kit_message(report, "none of the processes");
	kit_message(report, "there is no device nosuch0");
	assert_int_equal(iop_report_count(report), 4);
	iop_report_free(report);
	free(o.bytes);
}

/* --- the verifier --- */

static void a_rejection_names_the_line(void **state)
{
	const struct kit *k = *state;
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);
	struct iop_report *report = iop_report_new();
	const struct iop_message *m;
	bool done = false;

	/* iop_rx reads the Ethernet type, 12 bytes behind the frame's start and byte by byte;
	 * now it reads where no frame has to be. */
	for (size_t i = 0; i + sizeof(struct bpf_insn) <= o.size && !done; i += 8) {
		struct bpf_insn *insn = (struct bpf_insn *)(o.bytes + i);

		if (insn->code != (BPF_LDX | BPF_MEM | BPF_B) || insn->off != 12 || insn->imm)
			continue;
		insn->off = 4000;
		done = true;
	}
	assert_true(done);
	iop_report_keep_detail(report);
	assert_int_equal(iop_load(&options, NULL, report), -EACCES);
	m = kit_message(report, "the kernel's verifier rejects program iop_rx of policy fx_deny: ");
	assert_int_equal(m->cause, IOP_CAUSE_KERNEL);
	assert_non_null(strstr(m->text, "invalid access to packet, off=4000 size=1"));
	assert_non_null(strstr(m->file, "fixture.bpf.c"));
	assert_true(m->line > 0);
	assert_non_null(strstr(m->source, "h_proto"));
	assert_non_null(strstr(m->detail, "processed "));
	iop_report_free(report);
	kit_assert_nothing_left(k, POLICY);
	kit_stop(&server);
	free(o.bytes);
}

/* --- privilege --- */

/* Runs in a child without the capabilities of `without`; its exit code says how it went. */
static int try_without(const struct iop_load_options *options, __u64 without,
		       const char *const *wanted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	struct iop_report *report = iop_report_new();
	size_t n = 0;

	if (syscall(SYS_capget, &header, data))
		return 10;
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted &= ~(__u32)(without >> (32 * i));
	if (syscall(SYS_capset, &header, data) || iop_load(options, NULL, report) != -EPERM)
		return 11;
	for (; wanted[n]; n++) {
		bool found = false;

		for (size_t i = 0; i < iop_report_count(report); i++)
			found |= strstr(iop_report_message(report, i)->text, wanted[n]) != NULL;
		if (!found)
			return 20 + (int)n;
	}
	n = iop_report_count(report) == n ? 0 : 12;
	iop_report_free(report);
	return (int)n;
}

static void missing_capabilities_are_named(void **state)
{
	static const struct {
		__u64 without;
		const char *wanted[6];
	} cases[] = {
		{ 1ull << CAP_NET_ADMIN, { "CAP_NET_ADMIN is missing", NULL } },
		{ 1ull << CAP_SYS_PTRACE, { "CAP_SYS_PTRACE is missing", NULL } },
		{ 1ull << CAP_BPF | 1ull << CAP_SYS_ADMIN, { "CAP_BPF is missing", NULL } },
		{ ~0ull,
		  { "CAP_BPF is missing, which is needed to load programs and maps",
		    "CAP_PERFMON is missing", "CAP_NET_ADMIN is missing",
		    "CAP_SYS_PTRACE is missing", NULL } },
	};
	struct kit_server server = kit_serve((struct kit_serving){ .workers = 4 });
	struct kit_object o = kit_fixture(POLICY);
	struct iop_load_options options = kit_options(&o);

	kit_load(&options); /* mounts the file system: without that CAP_SYS_ADMIN is needed */
	kit_unload(POLICY);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t pid = kit_fork();
		int status;

		if (!pid)
			_exit(try_without(&options, cases[i].without, cases[i].wanted));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status)
			fail_msg("case %zu: %d", i, WEXITSTATUS(status));
	}
	kit_assert_nothing_left(*state, POLICY);
	kit_stop(&server);
	free(o.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(somebody_elses_program_is_named),     KIT_TEST(two_policies_do_not_share),
		KIT_TEST(workers_that_are_not_there),          KIT_TEST(devices_that_do_not_fit),
		KIT_TEST(drivers_without_native_xdp),          KIT_TEST(a_peer_out_of_reach),
		KIT_TEST(all_that_is_missing_is_said_at_once), KIT_TEST(a_rejection_names_the_line),
		KIT_TEST(missing_capabilities_are_named),
	};

	kit_need_root();
	return cmocka_run_group_tests_name("load_refused", tests, kit_begin, kit_finish);
}
