/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live params of a policy that runs. All settings are looked at first; then the record is
 * written, then the values, so that what is killed in between is seen by status, which
 * compares both.
 */
#include <bpf/bpf.h>
#include <string.h>

#include "cleanup.h"
#include "live.h"
#include "load.h"
#include "pin.h"
#include "units.h"

struct setting {
	struct installed is;
	struct live live;
	struct record_row *before; /* the record's rows as they were */
};

static void setting_end(struct setting *s)
{
	live_close(&s->live);
	free(s->before);
	installed_close(&s->is);
}
#define _cleanup_setting_ _cleanup_(setting_end)

static int open_policy(struct setting *s, const char *policy, struct iop_report *report)
{
	const struct record_policy *record;
	const struct record_row *row;
	int err = installed_open(&s->is, policy, report);

	if (err)
		return err;
	record = installed_policy(&s->is);
	if (!s->is.description || !record || record->state != RECORD_LOADED)
		return report_error(report, -ENOENT, IOP_CAUSE_ENVIRONMENT,
				    "policy %s is not loaded as a whole: iopctl unload %s cleans up",
				    policy, policy);
	for (__u32 at = 0; (row = record_next(&s->is.record, RECORD_PARAM, &at));)
		if (row->param.param >= object_count(s->is.description, IOP_TABLE_PARAMS))
			return report_error(report, -EBADMSG, IOP_CAUSE_ENVIRONMENT,
					    "the record of policy %s is broken", policy);
	s->before = malloc((s->is.record.n + 1) * sizeof(*s->before));
	if (!s->before)
		return report_no_memory(report);
	memcpy(s->before, s->is.record.rows, s->is.record.n * sizeof(*s->before));
	return 0;
}

/* Rows of params whose value or origin is not what it was. */
static bool is_changed(const struct setting *s, __u32 i)
{
	return memcmp(&s->is.record.rows[i], &s->before[i], sizeof(*s->before)) != 0;
}

static const struct iop_desc_param *param_of(const struct setting *s, __u32 i)
{
	return object_param(s->is.description, s->is.record.rows[i].param.param);
}

/* After an error the record is as it was. */
static int write_record(struct setting *s, struct iop_report *report)
{
	struct record *r = &s->is.record;

	for (__u32 i = 0; i < r->n; i++) {
		int err = is_changed(s, i) ? record_write(r, &r->rows[i], report) : 0;

		if (!err)
			continue;
		memcpy(r->rows, s->before, r->n * sizeof(*r->rows));
		while (i--)
			(void)record_write(r, &r->rows[i], NULL);
		return err;
	}
	return 0;
}

static void tell(const struct setting *s, __u32 i,
		 void (*on_set)(void *context, const struct iop_set_event *event), void *context)
{
	const struct iop_desc_param *p = param_of(s, i);
	char text[2][UNITS_TEXT];
	struct iop_set_event event = {
		.name = object_string(s->is.description, p->name),
		.value = s->is.record.rows[i].param.value,
		.value_before = s->before[i].param.value,
	};

	event.text = units_format(event.value, (enum iop_param_type)p->type, text[0]);
	event.before = units_format(event.value_before, (enum iop_param_type)p->type, text[1]);
	on_set(context, &event);
}

static bool names(const char *setting, const char *param)
{
	size_t n = strlen(param);

	return strncmp(setting, param, n) == 0 && setting[n] == '=';
}

static bool is_named(const struct setting *s, __u32 i, const char *const *settings, size_t n)
{
	if (s->is.record.rows[i].kind != RECORD_PARAM)
		return false;
	for (size_t k = 0; k < n; k++)
		if (names(settings[k], object_string(s->is.description, param_of(s, i)->name)))
			return true;
	return false;
}

/* A param that is named is stored even where its record is the same: the programs may have
 * another value, if a set was killed. */
static void store(const struct setting *s, __u32 i)
{
	const struct iop_desc_param *p = param_of(s, i);
	__u64 *value = live_value(&s->live, s->is.description, p);

	if (value) /* else nothing reads it */
		__atomic_store_n(value, iop_param_worth(p->type, s->is.record.rows[i].param.value),
				 __ATOMIC_RELEASE);
}

int iop_set(const char *policy, const char *const *settings, size_t n,
	    void (*on_set)(void *context, const struct iop_set_event *event), void *context,
	    struct iop_report *report)
{
	_cleanup_setting_ struct setting s = { .is = INSTALLED_EMPTY };
	_cleanup_lock_ int lock = -1;
	int err = open_policy(&s, policy, report);

	if (err)
		return err;
	/* What was read before the lock was held may have been unloaded since. */
	lock = pin_lock(report);
	if (lock < 0)
		return lock;
	setting_end(&s);
	s = (struct setting){ .is = INSTALLED_EMPTY };
	err = open_policy(&s, policy, report);
	if (!err)
		err = params_set(s.is.description, settings, n, RECORD_SET_SINCE, &s.is.record,
				 report);
	if (err)
		return err;
	err = live_open(&s.live, &s.is, true);
	/* No map: nothing reads any of them. */
	if (err && err != -ENOENT)
		return report_error(report, err, IOP_CAUSE_KERNEL,
				    "the live params of policy %s cannot be reached: %s", policy,
				    strerror(-err));
	err = write_record(&s, report);
	for (__u32 i = 0; !err && i < s.is.record.n; i++) {
		if (!is_named(&s, i, settings, n))
			continue;
		store(&s, i);
		if (on_set)
			tell(&s, i, on_set, context);
	}
	return err;
}
