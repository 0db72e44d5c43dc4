/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading is the steps of one list, once check.c has found nothing missing. The order
 * of attachment is the description's, from the application to the wire, so that no packet is
 * steered to a stage that is not there yet.
 */
#include "load.h"

#include <string.h>
#include <time.h>

#include "hook.h"
#include "transaction.h"
#include "words.h"

static struct program_values values_of(const struct load *l)
{
	return (struct program_values){
		.object = l->is.description,
		.machine = l->machine,
		.pools = l->pools,
		.record = &l->is.record,
		.adoption = &l->adoption,
		.stack = l->stack,
	};
}

/* --- steps --- */

static int mount_pins(void *context, __u32 subject, struct iop_report *report)
{
	(void)context;
	(void)subject;
	return pin_mount(report);
}

static int unmount_pins(void *context, __u32 subject, struct iop_report *report)
{
	(void)context;
	(void)subject;
	return pin_unmount(report);
}

static int make_folder(void *context, __u32 subject, struct iop_report *report)
{
	static const char *const folders[] = { "/", "/maps", "/programs", "/links", "/workers" };
	struct load *l = context;
	char path[PIN_PATH];
	int err = 0;

	(void)subject;
	if (l->lock < 0) /* the file system was not mounted before */
		l->lock = pin_lock(report);
	if (l->lock < 0)
		return l->lock;
	l->made = true;
	for (size_t i = 0; !err && i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)pin_path(path, l->is.name, "%s", folders[i]);
		err = pin_make_folder(path, report);
	}
	return err;
}

/* The lock is let go, too: the file system may have to be unmounted. */
static int remove_folder(void *context, __u32 subject, struct iop_report *report)
{
	struct load *l = context;
	char path[PIN_PATH];
	int err;

	(void)subject;
	(void)pin_path(path, l->is.name, "/");
	err = l->made ? pin_remove(path, report) : 0;
	pin_unlock(&l->lock);
	return err;
}

static int load_policy(void *context, __u32 subject, struct iop_report *report)
{
	struct load *l = context;
	struct program_values values = values_of(l);

	(void)subject;
	return program_load_policy(&values, &l->policy, report);
}

static int close_policy(void *context, __u32 subject, struct iop_report *report)
{
	struct load *l = context;

	(void)subject;
	(void)report;
	bpf_object__close(TAKE_PTR(l->policy));
	return 0;
}

static int load_group(void *context, __u32 group, struct iop_report *report)
{
	struct load *l = context;
	struct program_values values = values_of(l);

	return program_load_group(&values, l->policy, &l->adoption.groups[group], &l->groups[group],
				  report);
}

static int close_group(void *context, __u32 group, struct iop_report *report)
{
	struct load *l = context;

	(void)report;
	bpf_object__close(TAKE_PTR(l->groups[group]));
	return 0;
}

static int pin_maps(const struct load *l, const struct bpf_object *obj, enum iop_map_scope scope,
		    const char *folder, struct iop_report *report)
{
	const struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		char name[NAME_MAX + 1], path[PIN_PATH];
		int err;

		if (!program_owns_map(l->is.description, map, scope))
			continue;
		pin_name_of_map(program_map_name(map), name);
		err = pin_path(path, l->is.name, "%s/maps/%s", folder, name);
		if (err)
			return report_error(report, err, IOP_CAUSE_POLICY,
					    "the name of map %s is too long",
					    program_map_name(map));
		err = pin_object(bpf_map__fd(map), path, report);
		if (err)
			return err;
	}
	return 0;
}

static int pin_record(const struct load *l, struct record *r, const char *folder,
		      struct iop_report *report)
{
	char path[PIN_PATH];
	int err = record_create(r, report);

	(void)pin_path(path, l->is.name, "%s/record", folder);
	return err ? err : pin_object(r->map, path, report);
}

/* Those that exist once. */
static int pin_programs(const struct load *l, struct iop_report *report)
{
	int err = 0;

	for (unsigned hook = 0; !err && hook < IOP_HOOKS; hook++) {
		int program = program_fd(l->policy, l->is.description, (enum iop_hook)hook);
		char path[PIN_PATH];

		if (program < 0)
			continue;
		(void)pin_path(path, l->is.name, "/programs/%s",
			       word_of_hook((enum iop_hook)hook));
		err = pin_object(program, path, report);
	}
	return err;
}

static int pin_policy(void *context, __u32 subject, struct iop_report *report)
{
	struct load *l = context;
	int err;

	(void)subject;
	err = installed_pin_description(&l->is, report);
	if (!err)
		err = pin_record(l, &l->is.record, "", report);
	if (!err)
		err = pin_maps(l, l->policy, IOP_SCOPE_POLICY, "", report);
	return err ? err : pin_programs(l, report);
}

static int pin_group(void *context, __u32 group, struct iop_report *report)
{
	struct load *l = context;
	const struct bpf_object *obj = l->groups[group];
	char folder[32], path[PIN_PATH];
	int err;

	snprintf(folder, sizeof(folder), "/workers/%u", group);
	(void)pin_path(path, l->is.name, "%s", folder);
	err = pin_make_folder(path, report);
	(void)pin_path(path, l->is.name, "%s/maps", folder);
	if (!err)
		err = pin_make_folder(path, report);
	if (!err)
		err = pin_record(l, &l->is.groups[group], folder, report);
	if (!err)
		err = pin_maps(l, obj, IOP_SCOPE_GROUP, folder, report);
	(void)pin_path(path, l->is.name, "%s/program", folder);
	return err ? err
		   : pin_object(program_fd(obj, l->is.description, IOP_HOOK_SOCKET), path, report);
}

static int attach(void *context, __u32 subject, struct iop_report *report)
{
	return hook_of(HOOK_OF_SUBJECT(subject))
		->attach(context, HOOK_SUBJECT_NUMBER(subject), report);
}

static int detach(void *context, __u32 subject, struct iop_report *report)
{
	const struct load *l = context;

	return hook_of(HOOK_OF_SUBJECT(subject))
		->detach(&l->is, HOOK_SUBJECT_NUMBER(subject), report);
}

static int finish(void *context, __u32 subject, struct iop_report *report)
{
	struct load *l = context;
	struct record_policy *policy = installed_policy(&l->is);

	(void)subject;
	policy->state = RECORD_LOADED;
	policy->loaded_at = (__u64)time(NULL);
	return record_write(&l->is.record, &l->is.record.rows[0], report);
}

/* --- the list --- */

static int add_hook_steps(const struct load *l, __u32 hook, struct transaction *t)
{
	int err = 0;

	for (__u32 i = 0; !err && i < hook_of(hook)->count(&l->is); i++) {
		char text[160];

		hook_of(hook)->describe(&l->is, i, true, text, sizeof(text));
		err = transaction_add(t, attach, detach, HOOK_SUBJECT(hook, i), "%s", text);
	}
	return err;
}

static int add_group_steps(const struct load *l, struct transaction *t)
{
	char address[SOCKET_ADDRESS];
	int err = 0;

	for (__u32 g = 0; !err && g < l->is.n_groups; g++) {
		socket_address(installed_group(&l->is, g), address);
		err = transaction_add(t, load_group, close_group, g,
				      "load the socket program for %s", address);
	}
	return err;
}

/* What is loaded beside maps. */
static const char *programs_of(const struct iop_object *o)
{
	bool rx = program_stage(o, IOP_HOOK_RX), tx = program_stage(o, IOP_HOOK_TX);

	return rx && tx ? " and the rx and tx programs"
	       : rx     ? " and the rx program"
	       : tx     ? " and the tx program"
			: "";
}

static int list_steps(const struct load *l, enum pin_mount mount, struct transaction *t)
{
	const struct iop_object *o = l->is.description;
	int err = 0;

	if (mount == PIN_NOT_MOUNTED)
		err = transaction_add(t, mount_pins, unmount_pins, 0,
				      "mount the BPF file system at %s", PIN_MOUNT);
	if (!err)
		err = transaction_add(t, make_folder, remove_folder, 0, "make %s/%s", PIN_ROOT,
				      l->is.name);
	if (!err)
		err = transaction_add(t, load_policy, close_policy, 0, "load maps%s",
				      programs_of(o));
	if (!err)
		err = add_group_steps(l, t);
	if (!err)
		err = transaction_add(t, pin_policy, NULL, 0, "pin what was loaded");
	for (__u32 g = 0; !err && g < l->is.n_groups; g++)
		err = transaction_add(t, pin_group, NULL, g, "pin socket program %u", g);
	for (__u32 i = 0; !err && i < object_count(o, IOP_TABLE_STAGES); i++)
		err = add_hook_steps(l, object_stage(o, i)->hook, t);
	if (!err)
		err = transaction_add(t, finish, NULL, 0, "note that policy %s is loaded",
				      l->is.name);
	return err;
}

static void end(struct load *l)
{
	__u32 pools = l->is.description ? object_count(l->is.description, IOP_TABLE_POOLS) : 0;

	for (__u32 g = 0; l->groups && g < l->is.n_groups; g++)
		bpf_object__close(l->groups[g]);
	free(l->groups);
	bpf_object__close(l->policy);
	adoption_free(&l->adoption);
	for (__u32 i = 0; l->pools && i < pools; i++)
		free(l->pools[i].cores);
	free(l->pools);
	machine_close(l->machine);
	pin_unlock(&l->lock);
	installed_close(&l->is);
}

int load_run(const struct iop_load_options *options, char policy[IOP_NAME_MAX + 1],
	     int (*before)(void *asked, size_t i), void *asked, struct iop_report *report)
{
	struct load l = { .options = options, .lock = -1, .is = INSTALLED_EMPTY };
	struct transaction t = {
		.context = &l,
		.before = before,
		.asked = asked,
		.on_step = options->on_step,
		.told = options->context,
	};
	enum pin_mount mount;
	int err = check_object(&l, report);

	if (policy)
		memcpy(policy, l.is.name, sizeof(l.is.name));
	if (!err)
		err = check_machine(&l, &mount, report);
	if (!err) {
		l.groups = calloc((size_t)l.is.n_groups + 1, sizeof(struct bpf_object *));
		err = l.groups ? list_steps(&l, mount, &t) : -ENOMEM;
		err = err ? report_no_memory(report) : 0;
	}
	if (!err && options->dry_run)
		transaction_tell(&t);
	else if (!err)
		err = transaction_run(&t, report);
	transaction_free(&t);
	end(&l);
	return err;
}

static int ask_caller(void *asked, size_t i)
{
	const struct iop_load_options *options = asked;

	(void)i;
	return options->interrupted && options->interrupted(options->context) ? -EINTR : 0;
}

int iop_load(const struct iop_load_options *options, char policy[IOP_NAME_MAX + 1],
	     struct iop_report *report)
{
	struct iop_load_options copy = { 0 };

	if (!options || options->size < offsetof(struct iop_load_options, path) + sizeof(copy.path))
		return report_error(report, -EINVAL, IOP_CAUSE_BUG,
				    "iop_load() was called without options");
	/* An older caller knows less of them, a newer one more. */
	memcpy(&copy, options, options->size < sizeof(copy) ? options->size : sizeof(copy));
	if (!copy.path && !copy.object)
		return report_error(report, -EINVAL, IOP_CAUSE_USAGE, "no object is given");
	return load_run(&copy, policy, ask_caller, &copy, report);
}
