/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Members are listed by hand, with what they mean; their offsets and sizes are the
 * compiler's. A member that was added to abi/object.h and is not listed leaves a hole.
 */
#include "structs.h"

#include "abi/stack.h"
#include "abi/worker.h"

#include <stddef.h>
#include <string.h>

struct member {
	const char *name;
	size_t offset, size;
	const char *doc;
};

struct layout {
	const char *name;
	size_t size;
	const struct member *members;
	size_t n;
};

struct number {
	const char *name;
	unsigned value;
	const char *doc;
};

struct numbers {
	const char *name;
	unsigned count;
	const struct number *list;
	size_t n;
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define M(s, m, doc) { #m, offsetof(struct s, m), sizeof(((struct s *)0)->m), doc }
#define N(id, doc) { #id, id, doc }

#define PLACE "place in the sources"
#define STRING "string: "

static const struct member header[] = {
	M(iop_desc_header, magic, "`IOP_DESC_MAGIC`, 0x00504f49: \"IOP\" and a NUL"),
	M(iop_desc_header, version, "`IOP_DESC_VERSION`, 2"),
	M(iop_desc_header, size, "bytes of the whole section, at most 16 MiB"),
	M(iop_desc_header, n_tables, "entries of `tables`; more than this version knows are skipped"),
	M(iop_desc_header, digest, "SHA-256 over names and texts of the sources"),
	M(iop_desc_header, policy, STRING "name, `[A-Za-z_][A-Za-z0-9_]*`, at most 63 bytes"),
	M(iop_desc_header, compiler, STRING "who has made it, `iopc 0.1.0`"),
	M(iop_desc_header, flags, "1: `require native xdp`"),
	M(iop_desc_header, tables, "offset, count and row size of each table, in the order below"),
};

static const struct member table[] = {
	M(iop_desc_table, offset, "from the start of the section"),
	M(iop_desc_table, count, "rows"),
	M(iop_desc_table, row_size, "bytes of a row; not less than this version's"),
};

static const struct member place[] = {
	M(iop_desc_place, file, STRING "name of the file as the compiler was given it"),
	M(iop_desc_place, line, "from 1; 0: none"),
	M(iop_desc_place, column, "from 1, in bytes"),
};

static const struct member pool[] = {
	M(iop_desc_pool, name, STRING "name"),
	M(iop_desc_pool, place, PLACE),
	M(iop_desc_pool, first_term, "row of terms"),
	M(iop_desc_pool, n_terms, "number of terms"),
	M(iop_desc_pool, variable, STRING "`struct iop_pool_cores` in `.rodata` to write before load; "
				   "\"\": the cores are in the code"),
	M(iop_desc_pool, steered, "1: a rule steers to it, its cores belong into `iop_cpus`"),
};

static const struct member term[] = {
	M(iop_desc_term, kind, "`enum iop_pool_term_kind`"),
	M(iop_desc_term, lo, "first number"),
	M(iop_desc_term, hi, "last number, inclusive"),
	M(iop_desc_term, place, PLACE),
};

static const struct member pool_cores[] = {
	M(iop_pool_cores, n, "1 to 64"),
	M(iop_pool_cores, core, "the cores, ascending; the rest 0"),
};

static const struct member param[] = {
	M(iop_desc_param, name, STRING "name"),
	M(iop_desc_param, place, PLACE),
	M(iop_desc_param, type, "`enum iop_param_type`"),
	M(iop_desc_param, variable, STRING "`__u64` in `.rodata`, of a live one in `.data.live`; \"\": nothing "
				    "reads it"),
	M(iop_desc_param, value, "what the policy says, in the unit of its type"),
	M(iop_desc_param, min, "least that its uses allow"),
	M(iop_desc_param, max, "most that they allow"),
	M(iop_desc_param, live, "1: may change while the policy runs"),
	M(iop_desc_param, reserved, "0"),
};

static const struct member workload[] = {
	M(iop_desc_workload, name, STRING "name"),
	M(iop_desc_workload, place, PLACE),
	M(iop_desc_workload, first_class, "row of classes"),
	M(iop_desc_workload, n_classes, "number of classes, at least 1"),
	M(iop_desc_workload, first_match, "row of matches"),
	M(iop_desc_workload, n_matches, "number of matches; one of them must hold"),
	M(iop_desc_workload, first_owner, "row of owners"),
	M(iop_desc_workload, n_owners, "number of owners; 0: any process"),
	M(iop_desc_workload, rank, "priority among workloads; 0 is the most urgent"),
	M(iop_desc_workload, hooks, "bit per `enum iop_hook`: it has rules there"),
};

static const struct member match[] = {
	M(iop_desc_match, place, PLACE),
	M(iop_desc_match, protocol, "17: UDP, 6: TCP"),
	M(iop_desc_match, first_port, "row of ranges: destination ports"),
	M(iop_desc_match, n_ports, "number of ranges; 0: any port"),
	M(iop_desc_match, first_to, "row of prefixes: destination addresses"),
	M(iop_desc_match, n_to, "number of prefixes; 0: any address"),
	M(iop_desc_match, first_from, "row of prefixes: source addresses"),
	M(iop_desc_match, n_from, "number of prefixes; 0: any address"),
};

static const struct member range[] = {
	M(iop_desc_range, lo, "first"),
	M(iop_desc_range, hi, "last, inclusive"),
};

static const struct member prefix[] = {
	M(iop_desc_prefix, address, "network order; IPv4 in the first 4 bytes"),
	M(iop_desc_prefix, family, "4 or 6"),
	M(iop_desc_prefix, length, "bits"),
};

static const struct member owner[] = {
	M(iop_desc_owner, kind, "`enum iop_owner_kind`"),
	M(iop_desc_owner, text, STRING "path or name"),
	M(iop_desc_owner, place, PLACE),
};

static const struct member class[] = {
	M(iop_desc_class, name, STRING "name"),
	M(iop_desc_class, place, PLACE),
	M(iop_desc_class, workload, "row of workloads"),
	M(iop_desc_class, rank, "priority within the workload; 0 is the most urgent"),
};

static const struct member stage[] = {
	M(iop_desc_stage, hook, "`enum iop_hook`"),
	M(iop_desc_stage, program, STRING "name of the program in the object"),
	M(iop_desc_stage, place, PLACE),
	M(iop_desc_stage, bands, "`iop_tx`: bands that it orders by, 0: it does not order"),
	M(iop_desc_stage, paces, "`iop_tx`: 1: it gives packets a time to leave"),
};

static const struct member map[] = {
	M(iop_desc_map, name, STRING "name in the object"),
	M(iop_desc_map, role, "`enum iop_map_role`"),
	M(iop_desc_map, scope, "0: one for the policy; 1: one for each socket group"),
	M(iop_desc_map, pool, "near-core: row of pools, else `IOP_NONE`"),
	M(iop_desc_map, workers_kind, "near-worker: `enum iop_workers_kind`"),
	M(iop_desc_map, first_range, "near-worker, list: row of ranges"),
	M(iop_desc_map, n_ranges, "near-worker, list: number of ranges"),
	M(iop_desc_map, workers_n, "near-worker, last and all but last: how many; signal: bytes of its number"),
	M(iop_desc_map, first_prefix, "set: row of prefixes; a number is the first 64 bits of an IPv6 address"),
	M(iop_desc_map, n_prefixes, "set: number of prefixes"),
	M(iop_desc_map, place, PLACE),
};

static const struct member group[] = {
	M(iop_group, workload, "row of workloads that the group serves"),
	M(iop_group, n, "workers: slots 0 to n - 1 of `iop_workers` are in use"),
	M(iop_group, base, "row of worker 0 in `iop_worker_rows`"),
};

static const struct member worker_row[] = {
	M(iop_worker_row, cookie, "of its socket; 0: there is none"),
	M(iop_worker_row, head, "requests taken, ever"),
	M(iop_worker_row, tail, "of these, answered or given up; the rest are outstanding"),
	M(iop_worker_row, moved, "ns of `CLOCK_MONOTONIC`: its last reply, or its first request since it had none"),
	M(iop_worker_row, probe, "stuck: not before this time is a request tried, in ns"),
	M(iop_worker_row, work, "ns of `service` of what is outstanding"),
	M(iop_worker_row, depth, "requests that it has shown to work on at once, beside those in its queue"),
	M(iop_worker_row, eased, "when `depth` was made less, in 2^30 ns"),
	M(iop_worker_row, class, "row of classes: of the last request given to it; `IOP_NONE`: none"),
	M(iop_worker_row, gone, "1: the kernel had no socket for it"),
	M(iop_worker_row, ring, "classes of what is outstanding: request i at i % 64"),
};

static const struct member target[] = {
	M(iop_desc_target, class, "row of classes"),
	M(iop_desc_target, hook, "`enum iop_hook`"),
	M(iop_desc_target, first, "first counter, from the start of the class's element"),
	M(iop_desc_target, n, "number of counters"),
	M(iop_desc_target, pool, "driver stage: row of pools, else `IOP_NONE`"),
	M(iop_desc_target, workers_kind, "socket stage: `enum iop_workers_kind`"),
	M(iop_desc_target, first_range, "list: row of ranges"),
	M(iop_desc_target, n_ranges, "list: number of ranges"),
	M(iop_desc_target, workers_n, "last and all but last: how many"),
	M(iop_desc_target, place, PLACE),
	M(iop_desc_target, stack, "RX: row of the stack stage whose cores they are, in its order; `IOP_NONE`: the pool's"),
};

static const struct member stack_stage[] = {
	M(iop_desc_stack, workload, "row of workloads"),
	M(iop_desc_stack, place, PLACE),
	M(iop_desc_stack, pool, "row of pools"),
	M(iop_desc_stack, least, "cores that are guaranteed, 1 or more"),
	M(iop_desc_stack, most, "cores at most, up to 64"),
	M(iop_desc_stack, queue, "packets that may wait for a core, up to 16,384"),
	M(iop_desc_stack, before, "sum of the guarantees of earlier stages of the pool"),
	M(iop_desc_stack, guaranteed, "of all of them"),
	M(iop_desc_stack, order, "among the pool's stages, from 0"),
	M(iop_desc_stack, variable, STRING "`struct iop_pool_cores` in `.rodata`: the stage's cores in their order"),
	M(iop_desc_stack, target, "ns of waiting, above which another core is taken"),
};

static const struct member feature[] = {
	M(iop_desc_feature, feature, "`enum iop_feature`"),
	M(iop_desc_feature, since, "first release that has it: major << 16 \\| minor"),
	M(iop_desc_feature, what, STRING "what it is"),
	M(iop_desc_feature, why, STRING "what the policy does with it"),
	M(iop_desc_feature, place, "the first line that needs it"),
};

static const struct member test[] = {
	M(iop_desc_test, name, STRING "name"),
	M(iop_desc_test, place, PLACE),
	M(iop_desc_test, first_step, "row of steps"),
	M(iop_desc_test, n_steps, "number of steps"),
};

static const struct member step[] = {
	M(iop_desc_step, kind, "`enum iop_step_kind`"),
	M(iop_desc_step, place, PLACE),
	M(iop_desc_step, a, "number or row, as the kind says"),
	M(iop_desc_step, blob, "packet: first byte in the blobs"),
	M(iop_desc_step, n_blob, "packet: number of bytes"),
	M(iop_desc_step, first_range, "workers: row of ranges"),
	M(iop_desc_step, n_ranges, "workers: number of ranges"),
};

#define LAYOUT(s, members) { #s, sizeof(struct s), members, COUNT_OF(members) }
static const struct layout layouts[] = {
	LAYOUT(iop_desc_header, header),
	LAYOUT(iop_desc_table, table),
	LAYOUT(iop_desc_place, place),
	LAYOUT(iop_desc_pool, pool),
	LAYOUT(iop_desc_term, term),
	LAYOUT(iop_pool_cores, pool_cores),
	LAYOUT(iop_desc_param, param),
	LAYOUT(iop_desc_workload, workload),
	LAYOUT(iop_desc_match, match),
	LAYOUT(iop_desc_range, range),
	LAYOUT(iop_desc_prefix, prefix),
	LAYOUT(iop_desc_owner, owner),
	LAYOUT(iop_desc_class, class),
	LAYOUT(iop_desc_stage, stage),
	LAYOUT(iop_desc_map, map),
	LAYOUT(iop_group, group),
	LAYOUT(iop_worker_row, worker_row),
	LAYOUT(iop_desc_target, target),
	LAYOUT(iop_desc_stack, stack_stage),
	LAYOUT(iop_desc_feature, feature),
	LAYOUT(iop_desc_test, test),
	LAYOUT(iop_desc_step, step),
};

static const struct number tables[] = {
	N(IOP_TABLE_STRINGS, "bytes; the last one is NUL"),
	N(IOP_TABLE_BLOBS, "bytes"),
	N(IOP_TABLE_POOLS, "`struct iop_desc_pool`"),
	N(IOP_TABLE_TERMS, "`struct iop_desc_term`"),
	N(IOP_TABLE_PARAMS, "`struct iop_desc_param`"),
	N(IOP_TABLE_WORKLOADS, "`struct iop_desc_workload`"),
	N(IOP_TABLE_MATCHES, "`struct iop_desc_match`"),
	N(IOP_TABLE_RANGES, "`struct iop_desc_range`"),
	N(IOP_TABLE_PREFIXES, "`struct iop_desc_prefix`"),
	N(IOP_TABLE_OWNERS, "`struct iop_desc_owner`"),
	N(IOP_TABLE_CLASSES, "`struct iop_desc_class`"),
	N(IOP_TABLE_STAGES, "`struct iop_desc_stage`, in the order of attachment"),
	N(IOP_TABLE_MAPS, "`struct iop_desc_map`"),
	N(IOP_TABLE_TARGETS, "`struct iop_desc_target`"),
	N(IOP_TABLE_FEATURES, "`struct iop_desc_feature`"),
	N(IOP_TABLE_TESTS, "`struct iop_desc_test`"),
	N(IOP_TABLE_STEPS, "`struct iop_desc_step`"),
	N(IOP_TABLE_STACKS, "`struct iop_desc_stack`"),
};

static const struct number terms[] = {
	N(IOP_TERM_CORES, "cores lo to hi"),
	N(IOP_TERM_NUMA, "the cores of NUMA nodes lo to hi"),
	N(IOP_TERM_LLC, "the cores of last-level caches lo to hi"),
	N(IOP_TERM_SMT_OFF, "one hardware thread of each core only"),
	N(IOP_TERM_EXCEPT, "without cores lo to hi"),
};

static const struct number params[] = {
	N(IOP_PARAM_NUMBER, "a number; the variable holds it"),
	N(IOP_PARAM_RATE, "requests a second; the variable holds `iop_rate_cost(value)`"),
	N(IOP_PARAM_BITRATE, "bit/s; the variable holds `iop_bitrate_cost(value)`"),
	N(IOP_PARAM_DURATION, "ns; the variable holds it"),
};

static const struct number owners[] = {
	N(IOP_OWNER_CGROUP, "path of a cgroup v2, with all groups below it"),
	N(IOP_OWNER_COMM, "command name of a process"),
	N(IOP_OWNER_EXE, "path of the program"),
};

static const struct number hooks[] = {
	N(IOP_HOOK_SOCKET, "program `iop_socket`, sk_reuseport, an instance per socket group"),
	N(IOP_HOOK_CONNECTIONS, "program `iop_connections`, tracepoint inet_sock_set_state"),
	N(IOP_HOOK_LOOKUP, "program `iop_lookup`, sk_lookup, on the network namespace"),
	N(IOP_HOOK_TX, "program `iop_tx`, tc egress, on each device"),
	N(IOP_HOOK_STACK, "program `iop_stack`, XDP of the threads of a cpumap's cores"),
	N(IOP_HOOK_RX, "program `iop_rx`, XDP, on each device"),
};

static const struct number roles[] = {
	N(IOP_MAP_COUNT_RX, "`iop_count_rx`: counters of the driver stage"),
	N(IOP_MAP_COUNT_SOCKET, "`iop_count_socket`: counters of the socket stage"),
	N(IOP_MAP_COUNT_TX, "`iop_count_tx`: counters of the tx stage"),
	N(IOP_MAP_PATH, "`iop_path`: packets of no class; element i is `enum iop_hook` i"),
	N(IOP_MAP_CPUS, "`iop_cpus`: cpumap; the loader sets max_entries"),
	N(IOP_MAP_WORKERS, "`iop_workers`: reuseport_sockarray; the key is the worker's number"),
	N(IOP_MAP_GROUP, "`.data.group`: `struct iop_group`"),
	N(IOP_MAP_NEAR_CORE, "array: key this core, value index into the pool"),
	N(IOP_MAP_NEAR_WORKER, "array: key this core, value index into the set of workers"),
	N(IOP_MAP_TURNS, "`.bss`: the state of `round_robin`; private to the programs"),
	N(IOP_MAP_LIMIT, "LRU hash, the buckets of a limit; private to the programs"),
	N(IOP_MAP_RODATA, "`.rodata`"),
	N(IOP_MAP_WORKER_ROWS, "`iop_worker_rows`: `struct iop_worker_row`; the loader sets max_entries"),
	N(IOP_MAP_WORKER_OF, "`iop_worker_of`: a socket's cookie to its row; the loader sets max_entries"),
	N(IOP_MAP_LIVE, "`.data.live`: the values of live params"),
	N(IOP_MAP_STACKS, "`iop_stacks`: `struct iop_stack`, an element a stack stage; the loader sets max_entries"),
	N(IOP_MAP_STACK_ROWS, "`iop_stack_rows`: `struct iop_stack_row`, an element a stack stage and receive queue; the loader sets max_entries"),
	N(IOP_MAP_STACK_HOMES, "`iop_stack_homes`: `struct iop_stack_homes`; element n is for n cores, the loader sets max_entries"),
	N(IOP_MAP_STACK_CORES, "`iop_stack_cores`: `struct iop_stack_core`, an element a core; the loader sets max_entries"),
	N(IOP_MAP_COUNT_STACK, "`iop_stack_counts`: `struct iop_stack_counts` per CPU, an element a stack stage; the loader sets max_entries"),
	N(IOP_MAP_SET, "`iop_set_NAME`: LPM trie or hash, keys are `struct iop_set_key`; filled by the loader"),
	N(IOP_MAP_SIGNAL, "`iop_signal_NAME`: array that can be mapped; the loader sets max_entries"),
	N(IOP_MAP_LOOKUP_BOUND, "`iop_lookup_bound`: hash of `struct iop_lookup_key`, where sockets are bound"),
	N(IOP_MAP_LOOKUP_GROUPS, "`iop_lookup_groups`: array of `struct iop_lookup_group`, by `iop_lookup_index()`"),
	N(IOP_MAP_LOOKUP_SOCKETS, "`iop_lookup_sockets`: sockmap, slots of the groups"),
	N(IOP_MAP_CONNECTION_OF, "`iop_connection_of`: sk_storage, `struct iop_connection` of each socket"),
	N(IOP_MAP_OTHER, "anything else; private to the programs"),
};

static const struct number sets[] = {
	N(IOP_WORKERS_LIST, "ranges of numbers, in this order"),
	N(IOP_WORKERS_ALL, "all that there are"),
	N(IOP_WORKERS_LAST, "the last n"),
	N(IOP_WORKERS_ALL_BUT_LAST, "all but the last n"),
};

static const struct number features[] = {
	N(IOP_FEATURE_XDP_LINK, "bpf_link for XDP"),
	N(IOP_FEATURE_REUSEPORT, "sk_reuseport programs"),
	N(IOP_FEATURE_SOCKARRAY, "UDP sockets in REUSEPORT_SOCKARRAY"),
	N(IOP_FEATURE_PIDFD_GETFD, "pidfd_getfd"),
	N(IOP_FEATURE_CPUMAP, "cpumap"),
	N(IOP_FEATURE_ATOMICS, "atomic operations that return what was there"),
	N(IOP_FEATURE_LOOPS, "bounded loops"),
	N(IOP_FEATURE_LRU, "LRU hash maps"),
	N(IOP_FEATURE_EGRESS, "tc programs that see the socket"),
	N(IOP_FEATURE_CPUMAP_PROG, "programs of a cpumap"),
	N(IOP_FEATURE_BANDS, "a qdisc of bands: prio or htb"),
	N(IOP_FEATURE_EDT, "fq that sends packets at their time"),
	N(IOP_FEATURE_TRIE, "LPM tries"),
	N(IOP_FEATURE_SOCKET_QUEUE, "BTF that tells where the queues of a UDP socket are"),
	N(IOP_FEATURE_LOOKUP, "sk_lookup programs"),
	N(IOP_FEATURE_CONNECTIONS, "socket storage that connections inherit and tracing programs use"),
};

static const struct number steps[] = {
	N(IOP_STEP_PACKET, "a frame from the Ethernet header on, in the blobs"),
	N(IOP_EXPECT_WORKLOAD, "a: workload or `IOP_NONE`"),
	N(IOP_EXPECT_CLASS, "a: class or `IOP_NONE`"),
	N(IOP_EXPECT_RX_PASS, "the driver stage passes it untouched"),
	N(IOP_EXPECT_RX_DROP, "the driver stage drops it"),
	N(IOP_EXPECT_RX_CORE, "a: the core that it is steered to"),
	N(IOP_EXPECT_RX_STEER, "a: the pool that it is steered to"),
	N(IOP_EXPECT_SOCKET_PASS, "the kernel picks the socket"),
	N(IOP_EXPECT_SOCKET_DROP, "the socket stage drops it"),
	N(IOP_EXPECT_SOCKET_WORKERS, "one of the workers in the ranges gets it"),
	N(IOP_EXPECT_TX_PASS, "the reply passes the tx stage"),
	N(IOP_EXPECT_TX_DROP, "the tx stage drops the reply"),
	N(IOP_EXPECT_TX_MARK, "a: the mark that the reply passes with"),
	N(IOP_EXPECT_TX_BAND, "a: the band that the reply passes in"),
};

#define NUMBERS(e, count, list) { #e, count, list, COUNT_OF(list) }
static const struct numbers enums[] = {
	NUMBERS(iop_desc_table_id, IOP_TABLE_COUNT, tables),
	NUMBERS(iop_pool_term_kind, IOP_TERM_KINDS, terms),
	NUMBERS(iop_param_type, IOP_PARAM_TYPES, params),
	NUMBERS(iop_owner_kind, IOP_OWNER_KINDS, owners),
	NUMBERS(iop_hook, IOP_HOOKS, hooks),
	NUMBERS(iop_map_role, IOP_MAP_ROLES, roles),
	NUMBERS(iop_workers_kind, IOP_WORKERS_KINDS, sets),
	NUMBERS(iop_feature, IOP_FEATURES, features),
	NUMBERS(iop_step_kind, IOP_STEP_KINDS, steps),
};

static void print_layout(const struct layout *l, FILE *out)
{
	fprintf(out, "`struct %s`, %zu bytes:\n\n| offset | bytes | member | meaning |\n"
		     "| --- | --- | --- | --- |\n", l->name, l->size);
	for (size_t i = 0; i < l->n; i++)
		fprintf(out, "| %zu | %zu | `%s` | %s |\n", l->members[i].offset, l->members[i].size,
			l->members[i].name, l->members[i].doc);
}

static void print_numbers(const struct numbers *e, FILE *out)
{
	fputs("| number | name | meaning |\n| --- | --- | --- |\n", out);
	for (size_t i = 0; i < e->n; i++)
		fprintf(out, "| %u | `%s` | %s |\n", e->list[i].value, e->list[i].name,
			e->list[i].doc);
}

bool structs_print(const char *name, FILE *out)
{
	for (size_t i = 0; i < COUNT_OF(layouts); i++)
		if (strcmp(layouts[i].name, name) == 0) {
			print_layout(&layouts[i], out);
			return true;
		}
	for (size_t i = 0; i < COUNT_OF(enums); i++)
		if (strcmp(enums[i].name, name) == 0) {
			print_numbers(&enums[i], out);
			return true;
		}
	return false;
}

static bool layout_is_complete(const struct layout *l)
{
	size_t end = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->members[i].offset != end) {
			fprintf(stderr, "struct %s: what is before %s?\n", l->name, l->members[i].name);
			return false;
		}
		end += l->members[i].size;
	}
	if (end != l->size)
		fprintf(stderr, "struct %s: what is behind byte %zu?\n", l->name, end);
	return end == l->size;
}

static bool numbers_are_complete(const struct numbers *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->list[i].value != i) {
			fprintf(stderr, "enum %s: what is %zu?\n", e->name, i);
			return false;
		}
	if (e->n != e->count)
		fprintf(stderr, "enum %s has %u numbers, not %zu\n", e->name, e->count, e->n);
	return e->n == e->count;
}

bool structs_are_complete(void)
{
	bool complete = true;

	for (size_t i = 0; i < COUNT_OF(layouts); i++)
		complete &= layout_is_complete(&layouts[i]);
	for (size_t i = 0; i < COUNT_OF(enums); i++)
		complete &= numbers_are_complete(&enums[i]);
	return complete;
}
