/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator sets, at load (`--set junk_rate=5k/s`) or while the policy runs
 * (`iopctl set`), held to what the policy allows.
 */
#include <string.h>

#include "cleanup.h"
#include "load.h"
#include "units.h"

/* The nearest in spelling would need a table of distances for a handful of names: all of them
 * are listed instead. */
static int unknown(const struct iop_object *o, const char *name, struct iop_report *report)
{
	_cleanup_free_ char *names = NULL;
	size_t size = 0;
	FILE *list = open_memstream(&names, &size);
	int err;

	if (!list)
		return report_no_memory(report);
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_PARAMS); i++)
		fprintf(list, "%s%s", i ? ", " : "", object_string(o, object_param(o, i)->name));
	if (fclose(list))
		return report_no_memory(report);
	err = report_error(report, -EINVAL, IOP_CAUSE_USAGE, "policy %s has no param %s",
			   object_string(o, o->desc->policy), name);
	if (size)
		report_help(report, "it has: %s", names);
	return err;
}

static int check_bounds(const struct iop_object *o, const struct iop_desc_param *p, __u64 value,
			struct iop_report *report)
{
	enum iop_param_type type = (enum iop_param_type)p->type;
	char is[UNITS_TEXT], min[UNITS_TEXT], max[UNITS_TEXT];

	if (value >= p->min && value <= p->max)
		return 0;
	return report_error_at(report, -EINVAL, IOP_CAUSE_USAGE, report_place(o, &p->place),
			       "param %s cannot be %s: its uses allow %s to %s",
			       object_string(o, p->name), units_format(value, type, is),
			       units_format(p->min, type, min), units_format(p->max, type, max));
}

/* Of a policy that runs, only live ones change. */
static int check_live(const struct iop_object *o, const struct iop_desc_param *p,
		      const char *setting, enum record_set how, struct iop_report *report)
{
	int err;

	if (how != RECORD_SET_SINCE || p->live)
		return 0;
	err = report_error_at(report, -EPERM, IOP_CAUSE_USAGE, report_place(o, &p->place),
			      "param %s is a constant of the policy that is loaded: it is not live",
			      object_string(o, p->name));
	report_help(report,
		    "load the policy anew with `--set %s`, or write `live` behind the param's "
		    "value, and compile it again",
		    setting);
	return err;
}

static int set_one(const struct iop_object *o, struct record *record, const char *setting,
		   enum record_set how, struct iop_report *report)
{
	const char *equals = strchr(setting, '=');
	struct record_row *row;
	_cleanup_free_ char *name = equals ? strndup(setting, (size_t)(equals - setting)) : NULL;

	if (!equals)
		return report_error(report, -EINVAL, IOP_CAUSE_USAGE,
				    "\"%s\" sets nothing: a setting is written param=value",
				    setting);
	if (!name)
		return report_no_memory(report);
	for (__u32 at = 0; (row = record_next(record, RECORD_PARAM, &at));) {
		const struct iop_desc_param *p = object_param(o, row->param.param);
		char error[160];
		int err;

		if (strcmp(object_string(o, p->name), name) != 0)
			continue;
		err = check_live(o, p, setting, how, report);
		if (err)
			return err;
		err = units_parse(equals + 1, (enum iop_param_type)p->type, &row->param.value,
				  error, sizeof(error));
		if (err)
			return report_error_at(report, -EINVAL, IOP_CAUSE_USAGE,
					       report_place(o, &p->place), "param %s: %s", name,
					       error);
		row->param.set = how;
		return check_bounds(o, p, row->param.value, report);
	}
	return unknown(o, name, report);
}

int params_set(const struct iop_object *o, const char *const *settings, size_t n,
	       enum record_set how, struct record *record, struct iop_report *report)
{
	int result = 0;

	for (size_t i = 0; i < n; i++) {
		int err = set_one(o, record, settings[i], how, report);

		result = result ? result : err;
	}
	return result;
}

int params_read(const struct iop_object *o, const char *const *settings, size_t n,
		struct record *record, struct iop_report *report)
{
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_PARAMS); i++) {
		struct record_row *row = record_add(record, RECORD_PARAM);

		if (!row)
			return report_no_memory(report);
		row->param.param = i;
		row->param.value = object_param(o, i)->value;
	}
	return params_set(o, settings, n, RECORD_SET_AT_LOAD, record, report);
}
