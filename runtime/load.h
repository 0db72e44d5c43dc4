/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy on its way into the kernel: what the hooks need to know of it, and a
 * load() with the seams that tests use.
 */
#ifndef IOP_RUNTIME_LOAD_H
#define IOP_RUNTIME_LOAD_H

#include "adopt.h"
#include "installed.h"
#include "iop.h"
#include "machine.h"
#include "pin.h"
#include "program.h"
#include "stack.h"

struct load {
	const struct iop_load_options *options;
	struct machine *machine;
	struct core_list *pools;    /* by row of the description */
	struct iop_stack_setup stack;
	struct adoption adoption;   /* group g of it is group g of `is` */
	struct bpf_object *policy;
	struct bpf_object **groups; /* by group; NULL: not loaded yet */
	/* On the folder of pins; -1: not held. Whether our folder in it was made. */
	int lock;
	bool made;
	struct installed is;        /* what it will be; owns the object */
};

/*
 * iop_load(), with a hook of the transaction: before(asked, i) is called before each
 * step i and with the number of steps behind the last, and a negative errno makes it
 * fail there.
 */
int load_run(const struct iop_load_options *options, char policy[IOP_NAME_MAX + 1],
	     int (*before)(void *asked, size_t i), void *asked, struct iop_report *report);

/*
 * check.c: reads the object, then looks at all that loading needs of the machine, fills in what
 * the steps work on, and adds an error for everything that is missing. With nothing
 * missing, and if it is not a dry run, the lock is held. `mount` tells about the file system of
 * pins.
 */
int check_object(struct load *l, struct iop_report *report);
int check_machine(struct load *l, enum pin_mount *mount, struct iop_report *report);

/* params.c: adds a RECORD_PARAM row for each param, with what "param=value" settings say.
 * params_set() changes rows that are there; after an error some may have changed. */
int params_read(const struct iop_object *o, const char *const *settings, size_t n,
		struct record *record, struct iop_report *report);
int params_set(const struct iop_object *o, const char *const *settings, size_t n,
	       enum record_set how, struct record *record, struct iop_report *report);

/* Detaches all and removes all pins of the policy; the lock is held by the caller. */
int unload_locked(struct installed *is,
		  void (*on_step)(void *told, const struct iop_step_event *event), void *told,
		  struct iop_report *report);

#endif
