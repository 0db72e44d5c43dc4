/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy that is in force, or is being put in force or taken away: what it is (its
 * description) and what was done for it (its records). Loading builds this in memory
 * and writes it down; unload, status and stats read it back.
 */
#ifndef IOP_RUNTIME_INSTALLED_H
#define IOP_RUNTIME_INSTALLED_H

#include <stdbool.h>

#include "cleanup.h"
#include "object.h"
#include "record.h"
#include "report.h"

struct installed {
	char name[IOP_NAME_MAX + 1];
	struct iop_object *description; /* NULL: could not be read */
	struct record record;           /* no rows: could not be read */
	struct record *groups;          /* row 0 is the group, its workers follow */
	__u32 n_groups;
};

#define INSTALLED_EMPTY ((struct installed){ .record = RECORD_EMPTY })

/* Reads what is pinned. -ENOENT with a message: no such policy. What an interrupted load has
 * left may lack the description or records, and is no error. */
int installed_open(struct installed *i, const char *policy, struct iop_report *report);
void installed_close(struct installed *i);
#define _cleanup_installed_ _cleanup_(installed_close)

/* Row 0 of the policy's record, NULL if there is none. */
static inline struct record_policy *installed_policy(const struct installed *i)
{
	return i->record.n && i->record.rows[0].kind == RECORD_POLICY ? &i->record.rows[0].policy
								      : NULL;
}

static inline struct record_group *installed_group(const struct installed *i, __u32 group)
{
	return &i->groups[group].rows[0].group;
}

struct core_list;

/* The cores of a pool as they were at load; none for IOP_NONE. free() list->cores; -ENOMEM. */
int installed_pool(const struct installed *is, __u32 pool, struct core_list *list);

/* Has the worker of that row said nothing as the signal whose map that is? */
bool signal_is_unsaid(const struct installed *i, const struct iop_desc_map *map, __u32 row);

/* Pins the object's description, for installed_open(). */
int installed_pin_description(const struct installed *i, struct iop_report *report);

/* The names of all policies that have a folder, sorted. */
struct installed_names {
	char **names; /* each owned */
	size_t n;
};
int installed_names_read(struct installed_names *l, struct iop_report *report);
void installed_names_free(struct installed_names *l);
#define _cleanup_names_ _cleanup_(installed_names_free)

/* The policy, other than `except`, whose program that is, or whose worker the socket with
 * that cookie; false: none of ours. */
bool installed_with_program(__u32 program, const char *except, char owner[IOP_NAME_MAX + 1]);
bool installed_with_socket(__u64 cookie, const char *except, char owner[IOP_NAME_MAX + 1]);

#endif
