/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hook of the kernel is one record in one file: how to tell what stands in the way,
 * how to attach, how to detach. What it attaches to are its subjects, by number: devices,
 * groups of sockets, and the settings of the machine that go with them.
 */
#ifndef IOP_RUNTIME_HOOK_H
#define IOP_RUNTIME_HOOK_H

#include "installed.h"
#include "load.h"

struct hook {
	/* Finds the subjects on this machine and adds their rows to l->is; reports all that
	 * stands against attaching, not only the first. */
	int (*probe)(struct load *l, struct iop_report *report);

	/* How many subjects the policy has at this hook. */
	__u32 (*count)(const struct installed *i);

	/* What attaching one does, or detaching it, as a step's text. */
	void (*describe)(const struct installed *i, __u32 subject, bool attach, char *text,
			 size_t size);

	int (*attach)(struct load *l, __u32 subject, struct iop_report *report);

	/* Undoes that, wholly or half done, from the records alone. Subjects are detached in
	 * the opposite order. What is gone already is no error. */
	int (*detach)(const struct installed *i, __u32 subject, struct iop_report *report);
};

extern const struct hook hook_rx, hook_stack, hook_socket, hook_tx, hook_lookup,
	hook_connections;

/* Is the program of `anywhere` still attached? */
bool lookup_is_attached(const struct installed *i);

/* … and that which counts connections? */
bool connections_are_counted(const struct installed *i);

/* By enum iop_hook. */
const struct hook *hook_of(__u32 hook);

/* Adds to a refusal where the policy that stands in the way asks for the same. */
void hook_tell_owner(const char *owner, enum iop_hook hook, struct iop_report *report);

/* The subject of a step is a hook and one of its subjects. */
#define HOOK_SUBJECT(hook, subject) ((hook) << 24 | (subject))
#define HOOK_OF_SUBJECT(s) ((s) >> 24)
#define HOOK_SUBJECT_NUMBER(s) ((s) & 0xffffff)

#endif
