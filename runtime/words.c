/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables from numbers of abi/object.h to words, and the few sentences made of them. */
#include "words.h"

#include <arpa/inet.h>
#include <stdbool.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* WORDS(function, enum, number of values): a table that must be complete. */
#define WORDS(function, type, n, ...)                                            \
	const char *function(type value)                                         \
	{                                                                        \
		static const char *const words[] = { __VA_ARGS__ };              \
		_Static_assert(COUNT_OF(words) == (n), "a word for each value"); \
		return (unsigned)value < (n) ? words[value] : "?";               \
	}

/* clang-format off: one row of words after the other */
WORDS(word_of_hook, enum iop_hook, IOP_HOOKS, [IOP_HOOK_SOCKET] = "socket",
      [IOP_HOOK_CONNECTIONS] = "connections",
      [IOP_HOOK_LOOKUP] = "lookup", [IOP_HOOK_TX] = "tx",
      [IOP_HOOK_STACK] = "stack", [IOP_HOOK_RX] = "rx")

WORDS(word_of_role, enum iop_map_role, IOP_MAP_ROLES, [IOP_MAP_COUNT_RX] = "counters of rx",
      [IOP_MAP_COUNT_SOCKET] = "counters of socket", [IOP_MAP_COUNT_TX] = "counters of tx",
      [IOP_MAP_PATH] = "packets of no class",
      [IOP_MAP_CPUS] = "cores to steer to", [IOP_MAP_WORKERS] = "sockets of workers",
      [IOP_MAP_GROUP] = "the group's workload and size", [IOP_MAP_NEAR_CORE] = "nearest core",
      [IOP_MAP_NEAR_WORKER] = "nearest worker", [IOP_MAP_TURNS] = "turns of round_robin",
      [IOP_MAP_LIMIT] = "state of limits", [IOP_MAP_RODATA] = "constants set at load",
      [IOP_MAP_SET] = "entries of a set",
      [IOP_MAP_WORKER_ROWS] = "what workers do", [IOP_MAP_WORKER_OF] = "sockets to workers",
      [IOP_MAP_LIVE] = "live params",
      [IOP_MAP_STACKS] = "stack stages", [IOP_MAP_STACK_ROWS] = "flows of stack stages",
      [IOP_MAP_STACK_HOMES] = "where flows of stack stages belong",
      [IOP_MAP_STACK_CORES] = "cores of stack stages",
      [IOP_MAP_COUNT_STACK] = "counters of stack stages", [IOP_MAP_SIGNAL] = "signal of workers",
      [IOP_MAP_OTHER] = "other",
      [IOP_MAP_LOOKUP_BOUND] = "where sockets are bound",
      [IOP_MAP_LOOKUP_GROUPS] = "sockets that stand for groups",
      [IOP_MAP_LOOKUP_SOCKETS] = "sockets to look up",
      [IOP_MAP_CONNECTION_OF] = "connections to workers")

WORDS(word_of_scope, enum iop_map_scope,
      IOP_SCOPES, [IOP_SCOPE_POLICY] = "policy", [IOP_SCOPE_GROUP] = "group")

WORDS(word_of_param, enum iop_param_type, IOP_PARAM_TYPES, [IOP_PARAM_NUMBER] = "number",
      [IOP_PARAM_RATE] = "rate", [IOP_PARAM_BITRATE] = "bitrate", [IOP_PARAM_DURATION] = "duration")

WORDS(word_of_owner, enum iop_owner_kind, IOP_OWNER_KINDS, [IOP_OWNER_CGROUP] = "cgroup",
      [IOP_OWNER_COMM] = "comm", [IOP_OWNER_EXE] = "exe")

WORDS(word_of_feature, enum iop_feature, IOP_FEATURES, [IOP_FEATURE_XDP_LINK] = "xdp-link",
      [IOP_FEATURE_REUSEPORT] = "reuseport", [IOP_FEATURE_SOCKARRAY] = "sockarray",
      [IOP_FEATURE_PIDFD_GETFD] = "pidfd-getfd", [IOP_FEATURE_CPUMAP] = "cpumap",
      [IOP_FEATURE_ATOMICS] = "atomics", [IOP_FEATURE_LOOPS] = "loops", [IOP_FEATURE_LRU] = "lru",
      [IOP_FEATURE_TRIE] = "trie",
      [IOP_FEATURE_EGRESS] = "egress", [IOP_FEATURE_CPUMAP_PROG] = "cpumap-program",
      [IOP_FEATURE_BANDS] = "bands", [IOP_FEATURE_EDT] = "edt",
      [IOP_FEATURE_SOCKET_QUEUE] = "socket-queue",
      [IOP_FEATURE_LOOKUP] = "lookup",
      [IOP_FEATURE_CONNECTIONS] = "connections")

WORDS(word_of_step, enum iop_step_kind,
      IOP_STEP_KINDS, [IOP_STEP_PACKET] = "packet", [IOP_EXPECT_WORKLOAD] = "workload",
      [IOP_EXPECT_CLASS] = "class", [IOP_EXPECT_RX_PASS] = "rx pass",
      [IOP_EXPECT_RX_DROP] = "rx drop", [IOP_EXPECT_RX_CORE] = "rx core",
      [IOP_EXPECT_RX_STEER] = "rx steer", [IOP_EXPECT_SOCKET_PASS] = "socket pass",
      [IOP_EXPECT_SOCKET_DROP] = "socket drop", [IOP_EXPECT_SOCKET_WORKERS] = "socket worker",
      [IOP_EXPECT_TX_PASS] = "tx pass", [IOP_EXPECT_TX_DROP] = "tx drop",
      [IOP_EXPECT_TX_MARK] = "tx mark", [IOP_EXPECT_TX_BAND] = "tx band")
/* clang-format on */

static void write_range(FILE *f, __u32 lo, __u32 hi)
{
	(void)(lo == hi ? fprintf(f, "%u", lo) : fprintf(f, "%u-%u", lo, hi));
}

static void write_term(FILE *f, const struct iop_desc_term *t, const struct iop_desc_term *before)
{
	static const char *const words[IOP_TERM_KINDS] = {
		[IOP_TERM_CORES] = "cores",   [IOP_TERM_NUMA] = "numa",
		[IOP_TERM_LLC] = "llc",       [IOP_TERM_SMT_OFF] = "smt off",
		[IOP_TERM_EXCEPT] = "except",
	};

	if (before && before->kind == t->kind && t->kind != IOP_TERM_SMT_OFF)
		(void)fputc(',', f);
	else
		(void)fprintf(f, "%s%s%s", before ? " " : "", words[t->kind],
			      t->kind == IOP_TERM_SMT_OFF ? "" : " ");
	if (t->kind != IOP_TERM_SMT_OFF)
		write_range(f, t->lo, t->hi);
}

void words_pool(FILE *f, const struct iop_object *o, const struct iop_desc_pool *pool)
{
	const struct iop_desc_term *before = NULL;

	for (__u32 i = 0; i < pool->n_terms; i++) {
		const struct iop_desc_term *t = object_term(o, pool->first_term + i);

		write_term(f, t, before);
		before = t;
	}
}

void words_ranges(FILE *f, const struct iop_object *o, __u32 first, __u32 n)
{
	for (__u32 i = 0; i < n; i++) {
		const struct iop_desc_range *r = object_range(o, first + i);

		if (i)
			(void)fputc(',', f);
		write_range(f, r->lo, r->hi);
	}
}

#define SHOWN_PREFIXES 16u /* of a match; a set may have a hundred thousand */

static void write_prefixes(FILE *f, const struct iop_object *o, const char *word, __u32 first,
			   __u32 n)
{
	for (__u32 i = 0; i < n; i++) {
		const struct iop_desc_prefix *p = object_prefix(o, first + i);
		char text[INET6_ADDRSTRLEN] = "?";

		(void)inet_ntop(p->family == 4 ? AF_INET : AF_INET6, p->address, text,
				sizeof(text));
		(void)fprintf(f, "%s%s", i ? "," : word, text);
		if (p->length != (p->family == 4 ? 32 : 128))
			(void)fprintf(f, "/%u", p->length);
		if (i + 1 == SHOWN_PREFIXES && n > SHOWN_PREFIXES) {
			(void)fprintf(f, " and %u more", n - SHOWN_PREFIXES);
			return;
		}
	}
}

void words_match(FILE *f, const struct iop_object *o, const struct iop_desc_match *match)
{
	(void)fputs(match->protocol == IPPROTO_TCP ? "tcp" : "udp", f);
	if (match->n_ports) {
		(void)fputs(" port ", f);
		words_ranges(f, o, match->first_port, match->n_ports);
	}
	write_prefixes(f, o, " to ", match->first_to, match->n_to);
	write_prefixes(f, o, " from ", match->first_from, match->n_from);
}

void words_workers(FILE *f, const struct iop_object *o, enum iop_workers_kind kind, __u32 first,
		   __u32 n_ranges, __u32 workers_n)
{
	switch (kind) {
	case IOP_WORKERS_ALL: (void)fputs("all", f); break;
	case IOP_WORKERS_LAST: (void)fprintf(f, "last %u", workers_n); break;
	case IOP_WORKERS_ALL_BUT_LAST: (void)fprintf(f, "all but last %u", workers_n); break;
	default: words_ranges(f, o, first, n_ranges); break;
	}
}

void words_place(FILE *f, const struct iop_object *o, const struct iop_desc_place *place)
{
	if (!place->line)
		return;
	(void)fprintf(f, "%s:%u", object_string(o, place->file), place->line);
	if (place->column)
		(void)fprintf(f, ":%u", place->column);
}

static const char *name_of(const struct iop_object *o, const struct iop_desc_step *s)
{
	if (s->a == IOP_NONE)
		return "none";
	switch (s->kind) {
	case IOP_EXPECT_WORKLOAD: return object_string(o, object_workload(o, s->a)->name);
	case IOP_EXPECT_CLASS: return object_string(o, object_class(o, s->a)->name);
	case IOP_EXPECT_RX_STEER: return object_string(o, object_pool(o, s->a)->name);
	default: return NULL;
	}
}

static bool is_one(const struct iop_object *o, const struct iop_desc_step *s)
{
	const struct iop_desc_range *range = s->n_ranges ? object_range(o, s->first_range) : NULL;

	return s->n_ranges == 1 && range->lo == range->hi;
}

void words_expectation(FILE *f, const struct iop_object *o, const struct iop_desc_step *step)
{
	(void)fputs(word_of_step(step->kind), f);
	switch (step->kind) {
	case IOP_EXPECT_WORKLOAD:
	case IOP_EXPECT_CLASS: (void)fprintf(f, " %s", name_of(o, step)); break;
	case IOP_EXPECT_RX_STEER: (void)fprintf(f, " to %s", name_of(o, step)); break;
	case IOP_EXPECT_TX_MARK:
	case IOP_EXPECT_TX_BAND: (void)fprintf(f, " %u", step->a); break;
	case IOP_EXPECT_RX_CORE:
		if (!step->n_ranges) {
			(void)fprintf(f, " %u", step->a);
			break;
		}
		/* fallthrough */
	case IOP_EXPECT_SOCKET_WORKERS:
		(void)fputs(is_one(o, step) || step->kind == IOP_EXPECT_RX_CORE ? " " : "s ", f);
		words_ranges(f, o, step->first_range, step->n_ranges);
		break;
	default: break;
	}
}

void words_step(FILE *f, const struct iop_object *o, const struct iop_desc_step *step)
{
	if (step->kind == IOP_STEP_PACKET) {
		(void)fprintf(f, "packet of %u bytes", step->n_blob);
		return;
	}
	(void)fputs("expect ", f);
	words_expectation(f, o, step);
}
