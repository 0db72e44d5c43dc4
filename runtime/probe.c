/* SPDX-License-Identifier: BSD-2-Clause */
/* A feature is a row of `probes`, a capability a row of `capabilities`. */
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "netns.h"
#include "qdisc.h"
#include "socket_queue.h"

#define INSN(opcode, dst, src, offset, immediate) \
	((struct bpf_insn){ .code = (opcode),     \
			    .dst_reg = (dst),     \
			    .src_reg = (src),     \
			    .off = (offset),      \
			    .imm = (immediate) })

/* 1: the verifier takes it; 0: it does not. */
static int try_program(enum bpf_prog_type type, const struct bpf_insn *insns, size_t n)
{
	_cleanup_fd_ int fd = bpf_prog_load(type, "iop_probe", "Dual BSD/GPL", insns, n, NULL);

	if (fd < 0)
		return errno == EINVAL || errno == EACCES || errno == ENOTSUP ? 0 : -errno;
	return 1;
}

#define TRY_PROGRAM(type, insns) try_program(type, insns, sizeof(insns) / sizeof((insns)[0]))

/* On the loopback device of an empty network namespace, where nobody is in the way. */
static int try_xdp_link(void *context)
{
	static const struct bpf_insn pass[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_SKB_MODE);
	_cleanup_fd_ int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "iop_probe", "Dual BSD/GPL",
						 pass, sizeof(pass) / sizeof(pass[0]), NULL);
	_cleanup_fd_ int link = -1;

	(void)context;
	if (program < 0)
		return errno == EINVAL ? 0 : -errno;
	link = bpf_link_create(program, 1, BPF_XDP, &opts);
	return link < 0 ? (errno == EINVAL ? 0 : -errno) : 1;
}

static int probe_xdp_link(void)
{
	int there = netns_run(NETNS_NEW, try_xdp_link, NULL);

	/* Without CAP_SYS_ADMIN there is no place to try it in: attaching will tell. */
	return there == -EPERM ? 1 : there;
}

static int probe_reuseport(void)
{
	int type = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SK_REUSEPORT, NULL);

	return type != 1 ? type
			 : libbpf_probe_bpf_helper(BPF_PROG_TYPE_SK_REUSEPORT,
						   BPF_FUNC_sk_select_reuseport, NULL);
}

/* An array of sockets that takes a UDP one: it was for TCP only at first. */
static int probe_sockarray(void)
{
	_cleanup_fd_ int map = bpf_map_create(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, "iop_probe",
					      sizeof(__u32), sizeof(__u64), 1, NULL);
	_cleanup_fd_ int fd = -1;
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_ANY) };
	__u32 key = 0;
	__u64 value;
	int yes = 1;

	if (map < 0)
		return errno == EINVAL ? 0 : -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	value = (__u64)fd;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		return -errno;
	return bpf_map_update_elem(map, &key, &value, BPF_ANY) ? 0 : 1;
}

/* A call that cannot work, but says whether it is known. */
static int probe_pidfd_getfd(void)
{
	return pidfd_getfd(-1, -1, 0) < 0 && errno == ENOSYS ? 0 : 1;
}

static int probe_cpumap(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_CPUMAP, NULL);
}

/* A program for the threads of a cpumap. */
static int probe_cpumap_program(void)
{
	static const struct bpf_insn pass[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP_CPUMAP);
	_cleanup_fd_ int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "iop_probe", "Dual BSD/GPL",
						 pass, sizeof(pass) / sizeof(pass[0]), &opts);

	return program < 0 ? (errno == EINVAL ? 0 : -errno) : 1;
}

static int probe_lru(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_LRU_HASH, NULL);
}

static int probe_trie(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_LPM_TRIE, NULL);
}

/* Those that return what was there before; adding alone is as old as BPF. */
static int probe_atomics(void)
{
	static const struct bpf_insn exchange[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1),
		INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_0, -8, 0),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_10, BPF_REG_1, -8, BPF_CMPXCHG),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return TRY_PROGRAM(BPF_PROG_TYPE_XDP, exchange);
}

/* A jump back. */
static int probe_loops(void)
{
	static const struct bpf_insn loop[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_0, 0, 0, 1),
		INSN(BPF_JMP | BPF_JLT | BPF_K, BPF_REG_0, 0, -2, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return TRY_PROGRAM(BPF_PROG_TYPE_XDP, loop);
}

/* A tc program that looks at the packet's socket. */
static int probe_egress(void)
{
	static const struct bpf_insn look[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_1,
		     offsetof(struct __sk_buff, sk), 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return TRY_PROGRAM(BPF_PROG_TYPE_SCHED_CLS, look);
}

/* Storage that connections inherit; that tracing programs may use it came after the map. */
static int probe_connections(void)
{
	int known = libbpf_probe_bpf_helper(BPF_PROG_TYPE_TRACING, BPF_FUNC_sk_storage_get, NULL);

	if (known == 0)
		return 0;
	known = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SK_STORAGE, NULL);
	return known < 0 ? known : known != 0;
}

static int probe_lookup(void)
{
	static const struct bpf_insn pass[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, SK_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_SK_LOOKUP);
	_cleanup_fd_ int fd = bpf_prog_load(BPF_PROG_TYPE_SK_LOOKUP, "iop_probe", "Dual BSD/GPL", pass,
					    sizeof(pass) / sizeof(pass[0]), &opts);

	if (fd < 0)
		return errno == EINVAL ? 0 : -errno;
	return 1;
}

static int probe_edt(void)
{
	static const struct bpf_insn set[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_0,
		     offsetof(struct __sk_buff, tstamp), 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int there = TRY_PROGRAM(BPF_PROG_TYPE_SCHED_CLS, set);

	return there == 1 ? qdisc_probe_fq() : there;
}

static int probe_socket_queue(void)
{
	struct iop_queue_at at;

	return socket_queue_find(&at) ? 0 : 1;
}

static int (*const probes[IOP_FEATURES])(void) = {
	[IOP_FEATURE_XDP_LINK] = probe_xdp_link,   [IOP_FEATURE_REUSEPORT] = probe_reuseport,
	[IOP_FEATURE_SOCKARRAY] = probe_sockarray, [IOP_FEATURE_PIDFD_GETFD] = probe_pidfd_getfd,
	[IOP_FEATURE_CPUMAP] = probe_cpumap,       [IOP_FEATURE_ATOMICS] = probe_atomics,
	[IOP_FEATURE_LOOPS] = probe_loops,         [IOP_FEATURE_LRU] = probe_lru,
	[IOP_FEATURE_EGRESS] = probe_egress,
	[IOP_FEATURE_CPUMAP_PROG] = probe_cpumap_program,
	[IOP_FEATURE_BANDS] = qdisc_probe_bands,
	[IOP_FEATURE_EDT] = probe_edt,
	[IOP_FEATURE_TRIE] = probe_trie,
	[IOP_FEATURE_SOCKET_QUEUE] = probe_socket_queue,
	[IOP_FEATURE_LOOKUP] = probe_lookup,
	[IOP_FEATURE_CONNECTIONS] = probe_connections,
};

int probe_feature(enum iop_feature feature)
{
	return feature < IOP_FEATURES ? probes[feature]() : -EINVAL;
}

int probe_features(const struct iop_object *o, struct iop_report *report)
{
	int result = 0;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_FEATURES); i++) {
		const struct iop_desc_feature *f = object_feature(o, i);
		const char *what = object_string(o, f->what), *why = object_string(o, f->why);
		int there = probe_feature((enum iop_feature)f->feature);

		if (there > 0)
			continue;
		result = report_error_at(
			report, -ENOTSUP, IOP_CAUSE_KERNEL, report_place(o, &f->place), "%s %s: %s",
			there ? "could not try whether this kernel has" : "this kernel lacks", what,
			why);
		if (there)
			report_help(report, "the attempt ended with: %s", strerror(-there));
		else
			report_help(report, "Linux has it since %u.%u", f->since >> 16,
				    f->since & 0xffff);
	}
	return result;
}

/* --- capabilities --- */

struct capability {
	unsigned number;
	const char *name, *why;
	bool admin_will_do; /* CAP_SYS_ADMIN has it, too */
	bool for_sockets, for_namespaces;
};

static const struct capability capabilities[] = {
	{ CAP_BPF, "CAP_BPF", "to load programs and maps", true, false, false },
	{ CAP_PERFMON, "CAP_PERFMON", "for programs that look into packets", true, false, false },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "to attach programs to devices and sockets", false, false,
	  false },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to take in the sockets of a running server", false,
	  true, false },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
	  "to mount /sys/fs/bpf and to look into other network namespaces", true, false, true },
};

static int effective_capabilities(__u64 *set)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return -errno;
	*set = data[0].effective | (__u64)data[1].effective << 32;
	return 0;
}

int probe_capabilities(const struct probe_capabilities *needs, struct iop_report *report)
{
	__u64 have = 0;
	int result = effective_capabilities(&have);

	if (result)
		return report_error(report, result, IOP_CAUSE_ENVIRONMENT,
				    "cannot tell which capabilities there are: %s",
				    strerror(-result));
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		const struct capability *c = &capabilities[i];

		if ((c->for_sockets && !needs->sockets) ||
		    (c->for_namespaces && !needs->namespaces) || have >> c->number & 1 ||
		    (c->admin_will_do && have >> CAP_SYS_ADMIN & 1))
			continue;
		result = report_error(report, -EPERM, IOP_CAUSE_ENVIRONMENT,
				      "%s is missing, which is needed %s", c->name, c->why);
	}
	if (result)
		report_help(report, "run it as root");
	return result;
}
