/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of abi/object.h, field by field. Fields that are plain numbers are
 * absent; what two fields must have to do with one another is object_check.c's.
 */
#include "object_tables.h"

#define AT(row, member) .at = offsetof(struct iop_desc_##row, member)

#define NAME(row, member) { #member, AT(row, member), .kind = FIELD_NAME }
#define SYMBOL(row, member) { #member, AT(row, member), .kind = FIELD_SYMBOL }
#define VARIABLE(row, member) { #member, AT(row, member), .kind = FIELD_VARIABLE }
#define TEXT(row, member) { #member, AT(row, member), .kind = FIELD_TEXT }
#define FILLED(row, member) { #member, AT(row, member), .kind = FIELD_FILLED }
#define INDEX(row, member, table) { #member, AT(row, member), .kind = FIELD_INDEX, .of = table }
#define OPTION(row, member, table) { #member, AT(row, member), .kind = FIELD_OPTION, .of = table }
#define ENUM(row, member, n) { #member, AT(row, member), .kind = FIELD_ENUM, .of = n }
#define ROWS(row, first, n, how, table)                                                    \
	{ #first, AT(row, first), .n_at = offsetof(struct iop_desc_##row, n), .kind = how, \
	  .of = table }
#define OWN(row, first, n, table) ROWS(row, first, n, FIELD_OWN, table)
#define SHARE(row, first, n, table) ROWS(row, first, n, FIELD_SHARE, table)
#define PLACE(row) TEXT(row, place.file)

static const struct field pool_fields[] = {
	NAME(pool, name),
	PLACE(pool),
	OWN(pool, first_term, n_terms, IOP_TABLE_TERMS),
	VARIABLE(pool, variable),
	ENUM(pool, steered, 2),
};

static const struct field term_fields[] = {
	ENUM(term, kind, IOP_TERM_KINDS),
	PLACE(term),
};

static const struct field param_fields[] = {
	NAME(param, name),
	PLACE(param),
	ENUM(param, type, IOP_PARAM_TYPES),
	VARIABLE(param, variable),
	ENUM(param, live, 2),
};

static const struct field workload_fields[] = {
	NAME(workload, name),
	PLACE(workload),
	OWN(workload, first_class, n_classes, IOP_TABLE_CLASSES),
	OWN(workload, first_match, n_matches, IOP_TABLE_MATCHES),
	OWN(workload, first_owner, n_owners, IOP_TABLE_OWNERS),
};

static const struct field match_fields[] = {
	PLACE(match),
	SHARE(match, first_port, n_ports, IOP_TABLE_RANGES),
	SHARE(match, first_to, n_to, IOP_TABLE_PREFIXES),
	SHARE(match, first_from, n_from, IOP_TABLE_PREFIXES),
};

static const struct field owner_fields[] = {
	ENUM(owner, kind, IOP_OWNER_KINDS),
	FILLED(owner, text),
	PLACE(owner),
};

static const struct field class_fields[] = {
	NAME(class, name),
	PLACE(class),
	INDEX(class, workload, IOP_TABLE_WORKLOADS),
};

static const struct field stage_fields[] = {
	ENUM(stage, hook, IOP_HOOKS),
	SYMBOL(stage, program),
	PLACE(stage),
};

static const struct field map_fields[] = {
	SYMBOL(map, name),
	ENUM(map, role, IOP_MAP_ROLES),
	ENUM(map, scope, IOP_SCOPES),
	OPTION(map, pool, IOP_TABLE_POOLS),
	ENUM(map, workers_kind, IOP_WORKERS_KINDS),
	SHARE(map, first_range, n_ranges, IOP_TABLE_RANGES),
	SHARE(map, first_prefix, n_prefixes, IOP_TABLE_PREFIXES),
	PLACE(map),
};

static const struct field target_fields[] = {
	INDEX(target, class, IOP_TABLE_CLASSES),
	ENUM(target, hook, IOP_HOOKS),
	OPTION(target, pool, IOP_TABLE_POOLS),
	OPTION(target, stack, IOP_TABLE_STACKS),
	ENUM(target, workers_kind, IOP_WORKERS_KINDS),
	SHARE(target, first_range, n_ranges, IOP_TABLE_RANGES),
	PLACE(target),
};

static const struct field stack_fields[] = {
	INDEX(stack, workload, IOP_TABLE_WORKLOADS),
	PLACE(stack),
	INDEX(stack, pool, IOP_TABLE_POOLS),
	NAME(stack, variable),
};

static const struct field feature_fields[] = {
	ENUM(feature, feature, IOP_FEATURES),
	FILLED(feature, what),
	TEXT(feature, why),
	PLACE(feature),
};

static const struct field test_fields[] = {
	TEXT(test, name),
	PLACE(test),
	OWN(test, first_step, n_steps, IOP_TABLE_STEPS),
};

static const struct field step_fields[] = {
	ENUM(step, kind, IOP_STEP_KINDS),
	PLACE(step),
	SHARE(step, blob, n_blob, IOP_TABLE_BLOBS),
	SHARE(step, first_range, n_ranges, IOP_TABLE_RANGES),
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define RULE(row)                                                                                \
	{ #row, sizeof(struct iop_desc_##row), __alignof__(struct iop_desc_##row), row##_fields, \
	  COUNT_OF(row##_fields) }
#define PLAIN(name, size, align) { name, size, align, NULL, 0 }

const struct table_rule table_rules[IOP_TABLE_COUNT] = {
	[IOP_TABLE_STRINGS] = PLAIN("string", 1, 1),
	[IOP_TABLE_BLOBS] = PLAIN("blob", 1, 1),
	[IOP_TABLE_POOLS] = RULE(pool),
	[IOP_TABLE_TERMS] = RULE(term),
	[IOP_TABLE_PARAMS] = RULE(param),
	[IOP_TABLE_WORKLOADS] = RULE(workload),
	[IOP_TABLE_MATCHES] = RULE(match),
	[IOP_TABLE_RANGES] = PLAIN("range", sizeof(struct iop_desc_range), 4),
	[IOP_TABLE_PREFIXES] = PLAIN("prefix", sizeof(struct iop_desc_prefix), 4),
	[IOP_TABLE_OWNERS] = RULE(owner),
	[IOP_TABLE_CLASSES] = RULE(class),
	[IOP_TABLE_STAGES] = RULE(stage),
	[IOP_TABLE_MAPS] = RULE(map),
	[IOP_TABLE_TARGETS] = RULE(target),
	[IOP_TABLE_FEATURES] = RULE(feature),
	[IOP_TABLE_TESTS] = RULE(test),
	[IOP_TABLE_STEPS] = RULE(step),
	[IOP_TABLE_STACKS] = RULE(stack),
};
