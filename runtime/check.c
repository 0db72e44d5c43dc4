/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before anything is done: is all there that the policy needs? Everything is looked at, so
 * that a user who lacks three things hears of three things.
 */
#include <string.h>

#include "hook.h"
#include "load.h"
#include "probe.h"

int check_object(struct load *l, struct iop_report *report)
{
	const struct iop_load_options *options = l->options;
	char error[512];

	if (options->path)
		l->is.description = object_open(options->path, error, sizeof(error));
	else
		l->is.description =
			object_open_memory(options->object, options->object_size,
					   options->object_name ? options->object_name : "object",
					   error, sizeof(error));
	if (!l->is.description) {
		int err = errno ? -errno : -EBADMSG;
		bool bad = err == -EBADMSG || err == -ENOTSUP || err == -EFBIG;

		return report_error(report, err, bad ? IOP_CAUSE_POLICY : IOP_CAUSE_ENVIRONMENT,
				    "%s", error);
	}
	snprintf(l->is.name, sizeof(l->is.name), "%s",
		 object_string(l->is.description, l->is.description->desc->policy));
	if (!pin_name_is_valid(l->is.name))
		return report_error(report, -EBADMSG, IOP_CAUSE_POLICY,
				    "%s: \"%s\" is not a policy's name", l->is.description->path,
				    l->is.name);
	return 0;
}

/* The end of a long path is what tells objects apart. */
static int add_policy_row(struct load *l, struct iop_report *report)
{
	struct record_row *row = record_add(&l->is.record, RECORD_POLICY);
	_cleanup_free_ char *whole = l->options->path ? realpath(l->options->path, NULL) : NULL;
	const char *path = whole ? whole : l->is.description->path;
	size_t n = strlen(path), room = sizeof(row->policy.object) - 1;

	if (!row)
		return report_no_memory(report);
	row->policy.version = RECORD_VERSION;
	row->policy.state = RECORD_LOADING;
	snprintf(row->policy.object, sizeof(row->policy.object), "%s",
		 n > room ? path + n - room : path);
	return 0;
}

static int resolve_pools(struct load *l, struct iop_report *report)
{
	__u32 n = object_count(l->is.description, IOP_TABLE_POOLS);
	int result = 0;

	l->machine = machine_open(report);
	l->pools = calloc((size_t)n + 1, sizeof(*l->pools));
	if (!l->machine)
		return -ENOTSUP;
	if (!l->pools)
		return report_no_memory(report);
	for (__u32 i = 0; i < n; i++) {
		struct core_list *list = &l->pools[i];
		struct record_row *row;
		int err = machine_pool(l->machine, l->is.description, i, list, report);

		result = err ? err : result;
		if (err || machine_pool_is_fixed(l->is.description, i))
			continue;
		row = record_add(&l->is.record, RECORD_POOL);
		if (!row)
			return report_no_memory(report);
		row->pool.pool = i;
		row->pool.cores.n = list->n;
		memcpy(row->pool.cores.core, list->cores, list->n * sizeof(list->cores[0]));
	}
	return result;
}

static int check_privilege(const struct load *l, enum pin_mount mount, struct iop_report *report)
{
	struct probe_capabilities needs = {
		.sockets = program_stage(l->is.description, IOP_HOOK_SOCKET),
		.namespaces = mount == PIN_NOT_MOUNTED,
	};

	return probe_capabilities(&needs, report);
}

/* What an interrupted load or unload has left goes before anything is looked at: settings of
 * the machine must be seen as they were before it. */
static int clear_leftover(const struct load *l, struct installed *leftover,
			  struct iop_report *report)
{
	report_note(report, "an interrupted load or unload of policy %s left something, which %s",
		    l->is.name, l->options->dry_run ? "would be cleared away" : "is cleared away");
	return l->options->dry_run ? 0 : unload_locked(leftover, NULL, NULL, report);
}

/* A policy that is in force is not touched. */
static int check_loaded(struct load *l, struct iop_report *report)
{
	_cleanup_installed_ struct installed there = INSTALLED_EMPTY;
	const struct record_policy *policy;
	char path[PIN_PATH];
	int err;

	if (!l->options->dry_run) {
		l->lock = pin_lock(report);
		if (l->lock < 0)
			return l->lock;
	}
	err = pin_path(path, l->is.name, "/");
	if (!err)
		err = pin_check(path, report);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = installed_open(&there, l->is.name, report);
	if (err)
		return err;
	policy = installed_policy(&there);
	if (!policy || policy->state != RECORD_LOADED)
		return clear_leftover(l, &there, report);
	err = report_error(report, -EEXIST, IOP_CAUSE_ENVIRONMENT, "policy %s is loaded already",
			   l->is.name);
	report_help(report, "iopctl unload %s, then load it again", l->is.name);
	return err;
}

static int probe_hooks(struct load *l, struct iop_report *report)
{
	const struct iop_object *o = l->is.description;
	int result = 0;

	if (l->options->n_devices && !program_stage(o, IOP_HOOK_RX) &&
	    !program_stage(o, IOP_HOOK_TX))
		result = report_error(report, -EINVAL, IOP_CAUSE_USAGE,
				      "policy %s has no rx or tx stage: it takes no device",
				      l->is.name);
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_STAGES); i++) {
		int err = hook_of(object_stage(o, i)->hook)->probe(l, report);

		result = err ? err : result;
	}
	return result;
}

/* Everything is looked at, whatever is found; the first error is the answer. */
int check_machine(struct load *l, enum pin_mount *mount, struct iop_report *report)
{
	const struct iop_load_options *options = l->options;
	int errors[7] = { add_policy_row(l, report) };

	if (errors[0])
		return errors[0];
	errors[0] = params_read(l->is.description, options->settings, options->n_settings,
				&l->is.record, report);
	errors[1] = resolve_pools(l, report);
	*mount = pin_look(report);
	errors[2] = *mount == PIN_HIDDEN ? -ENOTSUP : 0;
	errors[3] = check_privilege(l, *mount, report);
	/* Without privilege the rest would only say so again. */
	if (!errors[3]) {
		errors[4] = *mount == PIN_MOUNTED ? check_loaded(l, report) : 0;
		errors[5] = probe_features(l->is.description, report);
		errors[6] = errors[4] ? 0 : probe_hooks(l, report);
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i])
			return errors[i];
	return 0;
}
