/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an object to programs and maps in the kernel. The maps of scope POLICY and the
 * programs that exist once are one struct bpf_object; the socket program is a template
 * of which each group of sockets gets an instance, another bpf_object that shares
 * the first one's maps and has those of scope GROUP for itself.
 */
#ifndef IOP_RUNTIME_PROGRAM_H
#define IOP_RUNTIME_PROGRAM_H

#include <bpf/libbpf.h>

#include "abi/stack.h"
#include "adopt.h"
#include "cleanup.h"
#include "machine.h"
#include "object.h"
#include "record.h"
#include "report.h"

/* What is decided at load and goes into the code or the maps. */
struct program_values {
	const struct iop_object *object;
	const struct machine *machine;
	const struct core_list *pools; /* by row: the cores of each */
	struct iop_stack_setup stack;  /* of stack stages, see stack.h */
	const struct record *record;   /* RECORD_PARAM rows: the values of params */
	const struct adoption *adoption; /* all workers; NULL: none */
};

DEFINE_CLEANUP(cleanup_bpf_object, struct bpf_object *, bpf_object__close)
#define _cleanup_bpf_object_ _cleanup_(cleanup_bpf_object)

/*
 * Loads what exists once: maps of scope POLICY, filled, and the programs of all hooks but
 * SOCKET. On success *out is the caller's, who ends it with bpf_object__close(). An
 * error carries the `.iop` line where the verifier gave it; -EACCES is its rejection.
 */
int program_load_policy(const struct program_values *v, struct bpf_object **out,
			struct iop_report *report);

/* Loads an instance of the socket program for a group, its workers not yet in it. */
int program_load_group(const struct program_values *v, const struct bpf_object *policy,
		       const struct adopt_group *group, struct bpf_object **out,
		       struct iop_report *report);

/* The program of a hook in an object that has it loaded; a descriptor that stays the
 * object's. */
int program_fd(const struct bpf_object *obj, const struct iop_object *o, enum iop_hook hook);
__u32 program_id(int fd); /* 0: cannot be told */

/* The map of a role, NULL if the object has none. */
struct bpf_map *program_map(const struct bpf_object *obj, const struct iop_object *o,
			    enum iop_map_role role);

/* A map's name in the object and its description. */
const char *program_map_name(const struct bpf_map *map);

/* Does a map belong into this object, with those of the scope? */
bool program_owns_map(const struct iop_object *o, const struct bpf_map *map,
		      enum iop_map_scope scope);

/* The stage's row of a hook, NULL if the policy does not have it. */
const struct iop_desc_stage *program_stage(const struct iop_object *o, enum iop_hook hook);

#endif
