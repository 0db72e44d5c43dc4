/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fields of a description must have to do with one another: a range's
 * ends, a class and its workload, an expectation and its packet. Each field by
 * itself is good by now, so strings and rows can be used.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "abi/count.h"
#include "abi/stack.h"
#include "object_check.h"

#define MAX_COUNTERS (1u << 16)
/* They are compared with each other, and no policy comes near. */
#define MAX_MAPS 4096
/* Of stack stages: cores of a machine, a cpumap's longest queue, ns. */
#define MAX_CORES 65536
#define MAX_QUEUE 16384
#define MAX_TARGET 1000000000ull

#define ROW(c, name, table, i) ((const struct iop_desc_##name *)check_row(c, table, i))

static int check_policy(struct check *c)
{
	static const __u8 no_digest[sizeof(c->desc->digest)];
	const char *name = check_string_at(c, c->desc->policy);
	const char *compiler = check_string_at(c, c->desc->compiler);

	if (!name)
		return check_bad(c, EBADMSG, "policy: offset %u is not in the table of strings",
				 c->desc->policy);
	if (strnlen(name, OBJECT_MAX_POLICY_NAME + 1) > OBJECT_MAX_POLICY_NAME ||
	    !check_identifier(name))
		return check_bad(c, EBADMSG, "policy: not a name of at most %u bytes",
				 OBJECT_MAX_POLICY_NAME);
	if (!compiler)
		return check_bad(c, EBADMSG, "compiler: offset %u is not in the table of strings",
				 c->desc->compiler);
	if (!*compiler || strnlen(compiler, OBJECT_MAX_NAME + 1) > OBJECT_MAX_NAME)
		return check_bad(c, EBADMSG, "compiler: empty or longer than %u bytes",
				 OBJECT_MAX_NAME);
	if (memcmp(c->desc->digest, no_digest, sizeof(no_digest)) == 0)
		return check_bad(c, EBADMSG, "the digest of the sources is missing");
	return 0;
}

static int check_term(struct check *c, __u32 i)
{
	const struct iop_desc_term *t = ROW(c, term, IOP_TABLE_TERMS, i);

	if (t->kind != IOP_TERM_SMT_OFF && t->lo > t->hi)
		return check_bad(c, EBADMSG, "term %u: from %u to %u", i, t->lo, t->hi);
	return 0;
}

static int check_param(struct check *c, __u32 i)
{
	const struct iop_desc_param *p = ROW(c, param, IOP_TABLE_PARAMS, i);

	if (p->value < p->min || p->value > p->max)
		return check_bad(c, EBADMSG, "param %u: %llu is not within %llu to %llu", i,
				 (unsigned long long)p->value, (unsigned long long)p->min,
				 (unsigned long long)p->max);
	return 0;
}

static int check_range(struct check *c, __u32 i)
{
	const struct iop_desc_range *r = ROW(c, range, IOP_TABLE_RANGES, i);

	if (r->lo > r->hi)
		return check_bad(c, EBADMSG, "range %u: from %u to %u", i, r->lo, r->hi);
	return 0;
}

static int check_prefix(struct check *c, __u32 i)
{
	const struct iop_desc_prefix *p = ROW(c, prefix, IOP_TABLE_PREFIXES, i);

	if (p->family != 4 && p->family != 6)
		return check_bad(c, EBADMSG, "prefix %u: family: unknown value %u", i, p->family);
	if (p->length > (p->family == 4 ? 32 : 128))
		return check_bad(c, EBADMSG, "prefix %u: IPv%u addresses have no %u bits", i,
				 p->family, p->length);
	return 0;
}

static int check_workload(struct check *c, __u32 i)
{
	__u32 unknown = ROW(c, workload, IOP_TABLE_WORKLOADS, i)->hooks & ~((1u << IOP_HOOKS) - 1);

	return unknown ? check_bad(c, EBADMSG, "workload %u: hooks: unknown bits 0x%x", i, unknown)
		       : 0;
}

static int check_match(struct check *c, __u32 i)
{
	const struct iop_desc_match *m = ROW(c, match, IOP_TABLE_MATCHES, i);

	if (m->protocol != IPPROTO_UDP && m->protocol != IPPROTO_TCP)
		return check_bad(c, EBADMSG, "match %u: protocol: unknown value %u", i,
				 m->protocol);
	for (__u32 k = 0; k < m->n_ports; k++) {
		const struct iop_desc_range *r = ROW(c, range, IOP_TABLE_RANGES, m->first_port + k);

		if (r->hi > 65535)
			return check_bad(c, EBADMSG, "match %u: there is no port %u", i, r->hi);
	}
	return 0;
}

/* The other side of the relation: a class has one workload, so that then it is this one. */
static int check_class(struct check *c, __u32 i)
{
	__u32 workload = ROW(c, class, IOP_TABLE_CLASSES, i)->workload;
	const struct iop_desc_workload *w = ROW(c, workload, IOP_TABLE_WORKLOADS, workload);

	if (i < w->first_class || i - w->first_class >= w->n_classes)
		return check_bad(c, EBADMSG, "class %u: workload %u does not have it", i, workload);
	return 0;
}

/* A hook has one row, so there are no more rows than hooks. */
static int check_stage(struct check *c, __u32 i)
{
	const struct iop_desc_stage *s = ROW(c, stage, IOP_TABLE_STAGES, i);
	__u32 hook = s->hook;

	if (s->bands > IOP_BANDS || s->paces > 1)
		return check_bad(c, EBADMSG, "stage %u: %u bands, and %u for pacing", i, s->bands,
				 s->paces);
	for (__u32 k = 0; k < i; k++)
		if (ROW(c, stage, IOP_TABLE_STAGES, k)->hook == hook)
			return check_bad(c, EBADMSG, "stage %u: the same hook as stage %u", i, k);
	return 0;
}

/* What the runtime takes for granted of the maps that it works with. */
static const struct role_rule {
	bool once;
	bool scoped; /* to `scope` */
	enum iop_map_scope scope;
} role_rules[IOP_MAP_ROLES] = {
	[IOP_MAP_COUNT_RX] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_COUNT_SOCKET] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_COUNT_TX] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_PATH] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_CPUS] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_WORKERS] = { true, true, IOP_SCOPE_GROUP },
	[IOP_MAP_GROUP] = { true, true, IOP_SCOPE_GROUP },
	[IOP_MAP_RODATA] = { .once = true },
	[IOP_MAP_STACKS] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_STACK_ROWS] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_STACK_HOMES] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_STACK_CORES] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_COUNT_STACK] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_WORKER_ROWS] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_WORKER_OF] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_LIVE] = { .once = true },
	[IOP_MAP_SIGNAL] = { false, true, IOP_SCOPE_POLICY },
	[IOP_MAP_LOOKUP_BOUND] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_LOOKUP_GROUPS] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_LOOKUP_SOCKETS] = { true, true, IOP_SCOPE_POLICY },
	[IOP_MAP_CONNECTION_OF] = { true, true, IOP_SCOPE_POLICY },
};

static int check_map(struct check *c, __u32 i)
{
	const struct iop_desc_map *m = ROW(c, map, IOP_TABLE_MAPS, i);
	const struct role_rule *rule = &role_rules[m->role];
	const char *name = check_string_at(c, m->name);

	if (i >= MAX_MAPS)
		return check_bad(c, EBADMSG, "more than %u maps", MAX_MAPS);
	if (rule->scoped && m->scope != rule->scope)
		return check_bad(c, EBADMSG, "map %u: a map of its role has another scope", i);
	if (m->role == IOP_MAP_NEAR_CORE && m->pool == IOP_NONE)
		return check_bad(c, EBADMSG, "map %u: no pool", i);
	if (m->role == IOP_MAP_SIGNAL && m->workers_n != 1 && m->workers_n != 2 &&
	    m->workers_n != 4 && m->workers_n != 8)
		return check_bad(c, EBADMSG, "map %u: a signal of %u bytes", i, m->workers_n);
	if (m->role == IOP_MAP_SIGNAL && strncmp(name, "iop_signal_", strlen("iop_signal_")))
		return check_bad(c, EBADMSG, "map %u: not the name of a signal's map", i);
	for (__u32 k = 0; k < i; k++) {
		const struct iop_desc_map *other = ROW(c, map, IOP_TABLE_MAPS, k);

		if (rule->once && other->role == m->role)
			return check_bad(c, EBADMSG, "map %u: the same role as map %u", i, k);
		if (strcmp(check_string_at(c, other->name), name) == 0)
			return check_bad(c, EBADMSG, "map %u: the same name as map %u", i, k);
	}
	return 0;
}

static int check_target(struct check *c, __u32 i)
{
	const struct iop_desc_target *t = ROW(c, target, IOP_TABLE_TARGETS, i);

	if (t->first < IOP_COUNT_TARGETS || t->first > MAX_COUNTERS || !t->n || t->n > MAX_COUNTERS)
		return check_bad(c, EBADMSG, "target %u: %u counters from %u on", i, t->n,
				 t->first);
	if (t->hook == IOP_HOOK_RX && t->pool == IOP_NONE)
		return check_bad(c, EBADMSG, "target %u: no pool", i);
	return 0;
}

/* Expectations concern the packet before them. */
static int check_test(struct check *c, __u32 i)
{
	const struct iop_desc_test *t = ROW(c, test, IOP_TABLE_TESTS, i);

	if (t->n_steps && ROW(c, step, IOP_TABLE_STEPS, t->first_step)->kind != IOP_STEP_PACKET)
		return check_bad(c, EBADMSG, "test %u: does not begin with a packet", i);
	return 0;
}

static int check_step(struct check *c, __u32 i)
{
	static const __u32 none = IOP_TABLE_COUNT;
	const struct iop_desc_step *s = ROW(c, step, IOP_TABLE_STEPS, i);
	__u32 of = s->kind == IOP_EXPECT_WORKLOAD   ? IOP_TABLE_WORKLOADS
		   : s->kind == IOP_EXPECT_CLASS    ? IOP_TABLE_CLASSES
		   : s->kind == IOP_EXPECT_RX_STEER ? IOP_TABLE_POOLS
						    : none;

	if (of != none && s->a >= check_count(c, of) &&
	    (s->a != IOP_NONE || s->kind == IOP_EXPECT_RX_STEER))
		return check_bad(c, EBADMSG, "step %u: a: there is no row %u (%u rows)", i, s->a,
				 check_count(c, of));
	if (s->kind == IOP_EXPECT_SOCKET_WORKERS && !s->n_ranges)
		return check_bad(c, EBADMSG, "step %u: no workers", i);
	return 0;
}

/* Numbers that are added up and divided by later. */
static int check_stack(struct check *c, __u32 i)
{
	const struct iop_desc_stack *s = ROW(c, stack, IOP_TABLE_STACKS, i);

	if (!s->least || s->least > s->most || s->most > IOP_STACK_CORES)
		return check_bad(c, EBADMSG, "stack %u: from %u to %u cores", i, s->least, s->most);
	if (s->before > MAX_CORES || s->guaranteed > MAX_CORES ||
	    s->before + s->least > s->guaranteed || s->order > MAX_CORES)
		return check_bad(c, EBADMSG, "stack %u: %u and %u cores of %u", i, s->before,
				 s->least, s->guaranteed);
	if (!s->queue || s->queue > MAX_QUEUE)
		return check_bad(c, EBADMSG, "stack %u: a queue of %u", i, s->queue);
	if (!s->target || s->target > MAX_TARGET)
		return check_bad(c, EBADMSG, "stack %u: a target of %llu ns", i,
				 (unsigned long long)s->target);
	for (__u32 k = 0; k < i; k++)
		if (ROW(c, stack, IOP_TABLE_STACKS, k)->workload == s->workload)
			return check_bad(c, EBADMSG, "stack %u: the same workload as stack %u", i, k);
	return 0;
}

static const struct {
	enum iop_desc_table_id table;
	int (*check)(struct check *c, __u32 i);
} relations[] = {
	{ IOP_TABLE_TERMS, check_term },     { IOP_TABLE_PARAMS, check_param },
	{ IOP_TABLE_RANGES, check_range },   { IOP_TABLE_PREFIXES, check_prefix },
	{ IOP_TABLE_WORKLOADS, check_workload },
	{ IOP_TABLE_MATCHES, check_match },  { IOP_TABLE_CLASSES, check_class },
	{ IOP_TABLE_STAGES, check_stage },   { IOP_TABLE_MAPS, check_map },
	{ IOP_TABLE_TARGETS, check_target }, { IOP_TABLE_TESTS, check_test },
	{ IOP_TABLE_STEPS, check_step },     { IOP_TABLE_STACKS, check_stack },
};

int check_relations(struct check *c)
{
	if (check_policy(c))
		return -1;
	for (size_t k = 0; k < sizeof(relations) / sizeof(relations[0]); k++)
		for (__u32 i = 0; i < check_count(c, relations[k].table); i++)
			if (relations[k].check(c, i))
				return -1;
	return 0;
}
