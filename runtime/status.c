/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is loaded, and whether it is as it was left: the records say what was done, and
 * the kernel is asked whether it still holds.
 */
#include <bpf/bpf.h>
#include <string.h>

#include "adopt.h"
#include "egress.h"
#include "hook.h"
#include "irq.h"
#include "live.h"
#include "offload.h"
#include "pile.h"
#include "pin.h"
#include "proc.h"
#include "qdisc.h"
#include "stack.h"
#include "stack_now.h"
#include "units.h"
#include "words.h"

/* The answer and the memory that it is made of. */
struct answer {
	struct iop_status status; /* first: the caller's pointer is to it */
	struct pile pile;
	const struct installed *is;
	size_t problems_room;
};

int iop_list_read(struct iop_list **list, struct iop_report *report)
{
	_cleanup_names_ struct installed_names names = { 0 };
	struct iop_list *answer;
	int err = installed_names_read(&names, report);

	if (err)
		return err;
	answer = calloc(1, sizeof(*answer));
	if (!answer)
		return report_no_memory(report);
	answer->n = names.n;
	answer->names = TAKE_PTR(names.names);
	names.n = 0;
	*list = answer;
	return 0;
}

void iop_list_free(struct iop_list *list)
{
	for (size_t i = 0; list && i < list->n; i++)
		free(list->names[i]);
	if (list)
		free(list->names);
	free(list);
}

static size_t count(const struct record *r, enum record_kind kind)
{
	size_t n = 0;
	__u32 at = 0;

	while (record_next(r, kind, &at))
		n++;
	return n;
}

/* Health is a list of sentences; there is room for one per thing that is looked at. */
static void problem(struct answer *a, const char *text)
{
	if (a->status.n_problems < a->problems_room)
		a->status.problems[a->status.n_problems++] = text;
}

static int add_policy(struct answer *a)
{
	const struct record_policy *policy = installed_policy(a->is);
	const struct iop_object *o = a->is->description;
	struct iop_status *s = &a->status;
	char digest[2 * sizeof(o->desc->digest) + 1] = "";

	s->policy = pile_string(&a->pile, a->is->name);
	s->digest = s->compiler = s->object = "";
	s->state = policy && o && policy->state == RECORD_LOADED ? IOP_POLICY_LOADED
								 : IOP_POLICY_INCOMPLETE;
	a->problems_room =
		1 + count(&a->is->record, RECORD_PARAM) + count(&a->is->record, RECORD_DEVICE) +
		count(&a->is->record, RECORD_OFFLOAD) + count(&a->is->record, RECORD_EGRESS) +
		count(&a->is->record, RECORD_QDISC) + count(&a->is->record, RECORD_IRQ);
	for (__u32 g = 0; g < a->is->n_groups; g++)
		a->problems_room += a->is->groups[g].n + (o ? object_count(o, IOP_TABLE_MAPS) : 0);
	if (o)
		a->problems_room += (size_t)object_count(o, IOP_TABLE_STACKS) * IOP_STACK_CORES;
	s->problems = pile_array(&a->pile, a->problems_room, sizeof(*s->problems));
	if (!s->problems)
		return -ENOMEM;
	if (s->state == IOP_POLICY_INCOMPLETE)
		problem(a,
			pile_printf(
				&a->pile,
				"a load or an unload was interrupted: iopctl unload %s cleans up",
				a->is->name));
	if (policy) {
		s->loaded_at = policy->loaded_at;
		s->object = pile_string(&a->pile, policy->object);
	}
	if (!o)
		return 0;
	for (size_t i = 0; i < sizeof(o->desc->digest); i++)
		snprintf(digest + 2 * i, 3, "%02x", o->desc->digest[i]);
	s->digest = pile_string(&a->pile, digest);
	s->compiler = pile_string(&a->pile, object_string(o, o->desc->compiler));
	return 0;
}

/* The record is written first: they differ where a set was killed in between. */
static void check_live(struct answer *a, const struct live *live, const struct iop_desc_param *d,
		       const struct iop_status_param *p)
{
	const __u64 *value = live_value(live, a->is->description, d);

	if (value && __atomic_load_n(value, __ATOMIC_RELAXED) != iop_param_worth(d->type, p->value))
		problem(a, pile_printf(&a->pile,
				       "setting param %s was interrupted, and it may have its old "
				       "value: iopctl set %s %s=%s",
				       p->name, a->is->name, p->name, p->text));
}

static int add_params(struct answer *a)
{
	const struct iop_object *o = a->is->description;
	const struct record *r = &a->is->record;
	_cleanup_live_ struct live live = LIVE_EMPTY;
	const struct record_row *row;

	a->status.params = pile_array(&a->pile, count(r, RECORD_PARAM), sizeof(*a->status.params));
	if (!a->status.params)
		return -ENOMEM;
	(void)live_open(&live, a->is, false); /* not there: no param is live */
	for (__u32 at = 0; (row = record_next(r, RECORD_PARAM, &at));) {
		struct iop_status_param *p;
		const struct iop_desc_param *d;
		char text[UNITS_TEXT];

		if (row->param.param >= object_count(o, IOP_TABLE_PARAMS))
			continue;
		d = object_param(o, row->param.param);
		p = &a->status.params[a->status.n_params++];
		p->name = pile_string(&a->pile, object_string(o, d->name));
		p->type = (enum iop_value_type)d->type;
		p->value = row->param.value;
		p->text = pile_string(&a->pile, units_format(row->param.value,
							     (enum iop_param_type)d->type, text));
		p->set = row->param.set != RECORD_NOT_SET;
		p->live = d->live;
		p->changed = row->param.set == RECORD_SET_SINCE;
		check_live(a, &live, d, p);
	}
	return 0;
}

/* --- devices and settings --- */

static bool is_attached(const struct installed *is, const struct record_device *d)
{
	char name[NAME_MAX + 1], path[PIN_PATH];
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	_cleanup_fd_ int link = -1;

	pin_name_of_device(d->name, name);
	if (pin_path(path, is->name, "/links/rx_%s", name))
		return false;
	link = bpf_obj_get(path);
	/* A link whose device has gone away is at index 0. */
	return link >= 0 && !bpf_link_get_info_by_fd(link, &info, &size) &&
	       info.type == BPF_LINK_TYPE_XDP && info.xdp.ifindex;
}

static int add_devices(struct answer *a)
{
	const struct record *r = &a->is->record;
	const struct record_row *row;

	a->status.devices =
		pile_array(&a->pile, count(r, RECORD_DEVICE), sizeof(*a->status.devices));
	if (!a->status.devices)
		return -ENOMEM;
	for (__u32 at = 0; (row = record_next(r, RECORD_DEVICE, &at));) {
		struct iop_status_device *d = &a->status.devices[a->status.n_devices++];

		d->name = pile_string(&a->pile, row->device.name);
		d->index = row->device.index;
		if (row->device.mode <= IOP_XDP_GENERIC)
			d->mode = (enum iop_xdp_mode)row->device.mode;
		d->attached = is_attached(a->is, &row->device);
		if (!d->attached)
			problem(a, pile_printf(&a->pile,
					       "the rx program is not attached to %s any more",
					       d->name));
	}
	return 0;
}

static void add_irqs(struct answer *a)
{
	const struct record_row *row;

	for (__u32 at = 0; (row = record_next(&a->is->record, RECORD_IRQ, &at));) {
		struct iop_status_setting *s = &a->status.settings[a->status.n_settings];
		char now[RECORD_IRQ_CORES];

		if (row->irq.fixed)
			continue;
		a->status.n_settings++;
		s->device = pile_string(&a->pile, row->irq.device);
		s->what = pile_printf(&a->pile, "interrupt %u", row->irq.irq);
		s->value = pile_printf(&a->pile, "core %s", row->irq.after);
		s->before = pile_printf(&a->pile, "core %s", row->irq.before);
		if (!irq_read(IRQ_ROOT, row->irq.irq, now) && strcmp(now, row->irq.after) != 0)
			problem(a, pile_printf(&a->pile,
					       "interrupt %u of %s was moved to core %s, perhaps by irqbalance",
					       row->irq.irq, s->device, now));
	}
}

static int add_settings(struct answer *a)
{
	const struct record *r = &a->is->record;
	const struct record_row *row;

	a->status.settings =
		pile_array(&a->pile,
			   count(r, RECORD_OFFLOAD) + count(r, RECORD_QDISC) + count(r, RECORD_IRQ),
			   sizeof(*a->status.settings));
	if (!a->status.settings)
		return -ENOMEM;
	for (__u32 at = 0; (row = record_next(r, RECORD_OFFLOAD, &at));) {
		struct iop_status_setting *s = &a->status.settings[a->status.n_settings++];

		s->device = pile_string(&a->pile, row->offload.name);
		s->what = "tx checksumming";
		s->value = row->offload.after ? "on" : "off";
		s->before = row->offload.before ? "on" : "off";
		if (offload_now(&row->offload) == !row->offload.after)
			problem(a,
				pile_printf(
					&a->pile,
					"tx checksumming of %s was turned %s again: packets that "
					"are steered are lost",
					s->device, s->before));
	}
	add_irqs(a);
	return 0;
}

static int add_queues(struct answer *a)
{
	const struct record *r = &a->is->record;
	const struct record_row *row;

	for (__u32 at = 0; (row = record_next(r, RECORD_QDISC, &at));) {
		struct iop_status_setting *s = &a->status.settings[a->status.n_settings++];
		char name[64];

		s->device = pile_string(&a->pile, row->qdisc.name);
		s->what = "queue";
		s->value = pile_string(&a->pile, qdisc_name(&row->qdisc, name));
		s->before = pile_string(&a->pile, row->qdisc.before);
		if (!qdisc_is_there(&row->qdisc))
			problem(a, pile_printf(&a->pile,
					       "the queue of %s was changed: replies are not "
					       "ordered or paced there any more",
					       s->device));
	}
	return 0;
}

/* --- workers --- */

/* The cookie in a worker's slot, which the kernel clears when the socket is closed. */
static __u64 cookie_in(int workers, __u32 number)
{
	__u64 cookie;

	return workers < 0 || bpf_map_lookup_elem(workers, &number, &cookie) ? 0 : cookie;
}

static int workers_map(const struct installed *is, __u32 group)
{
	const struct iop_object *o = is->description;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MAPS); i++) {
		char name[NAME_MAX + 1], path[PIN_PATH];

		if (object_map(o, i)->role != IOP_MAP_WORKERS)
			continue;
		pin_name_of_map(object_string(o, object_map(o, i)->name), name);
		if (!pin_path(path, is->name, "/workers/%u/maps/%s", group, name))
			return bpf_obj_get(path);
	}
	return -1;
}

static void tell_gone(struct answer *a, const struct iop_status_group *g)
{
	size_t gone = 0;

	for (size_t i = 0; i < g->n_workers; i++)
		gone += !g->workers[i].alive;
	if (gone > 1 && gone == g->n_workers) {
		problem(a,
			pile_printf(&a->pile, "all %zu workers at %s are gone", gone, g->address));
		return;
	}
	for (size_t i = 0; i < g->n_workers; i++)
		if (!g->workers[i].alive)
			problem(a,
				pile_printf(&a->pile, "worker %zu at %s is gone", i, g->address));
}

/*
 * Workers that are served by turns because they have not said what a signal is. The description
 * does not tell which workload reads it: of several, those with some worker that has said it.
 */
static void tell_unsaid(struct answer *a, const struct iop_status_group *g, __u32 base)
{
	const struct iop_object *o = a->is->description;
	bool only = object_count(o, IOP_TABLE_WORKLOADS) == 1;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MAPS); i++) {
		const struct iop_desc_map *m = object_map(o, i);
		const char *name = object_string(o, m->name);
		size_t unsaid = 0;

		if (m->role != IOP_MAP_SIGNAL)
			continue;
		for (__u32 w = 0; w < g->n_workers; w++)
			unsaid += g->workers[w].alive && signal_is_unsaid(a->is, m, base + w);
		if (unsaid && (only || unsaid < g->n_workers))
			problem(a, pile_printf(&a->pile,
					       "%zu of %zu workers at %s have not said %s: each has its "
					       "turn and no more",
					       unsaid, g->n_workers, g->address,
					       name + strlen("iop_signal_")));
	}
}

static int add_group(struct answer *a, __u32 group)
{
	struct iop_status_group *g = &a->status.groups[a->status.n_groups++];
	const struct record *r = &a->is->groups[group];
	const struct record_group *is = &r->rows[0].group;
	const struct iop_object *o = a->is->description;
	_cleanup_fd_ int workers = workers_map(a->is, group);
	const struct record_row *row;
	char text[SOCKET_ADDRESS];

	g->workload = "";
	if (is->workload < object_count(o, IOP_TABLE_WORKLOADS))
		g->workload = pile_string(&a->pile,
					  object_string(o, object_workload(o, is->workload)->name));
	g->address = pile_string(&a->pile, socket_address(is, text));
	g->workers = pile_array(&a->pile, r->n, sizeof(*g->workers));
	if (!g->workers)
		return -ENOMEM;
	for (__u32 at = 0; (row = record_next(r, RECORD_WORKER, &at));) {
		struct iop_status_worker *w = &g->workers[g->n_workers];
		char comm[PROC_COMM];

		w->number = (uint32_t)g->n_workers++;
		w->cookie = row->worker.cookie;
		w->alive = cookie_in(workers, w->number) == w->cookie;
		w->pid = row->worker.pid;
		w->comm = pile_string(&a->pile, w->alive && w->pid ? proc_comm(w->pid, comm)
								   : row->worker.comm);
	}
	tell_gone(a, g);
	tell_unsaid(a, g, is->base);
	return 0;
}

static int add_groups(struct answer *a)
{
	int err = 0;

	a->status.groups = pile_array(&a->pile, a->is->n_groups, sizeof(*a->status.groups));
	if (!a->status.groups)
		return -ENOMEM;
	for (__u32 g = 0; !err && g < a->is->n_groups; g++)
		err = add_group(a, g);
	return err;
}

/* --- stages and features --- */

static const char *mechanism_of_rx(struct answer *a)
{
	static const char *const modes[] = { "not attached", "native", "generic" };
	const char *text = "XDP";

	for (size_t i = 0; i < a->status.n_devices; i++) {
		const struct iop_status_device *d = &a->status.devices[i];

		text = pile_printf(&a->pile, "%s%s %s on %s", text, i ? "," : "",
				   modes[d->attached ? d->mode : IOP_XDP_NONE], d->name);
	}
	return text;
}

static const char *mechanism_of_socket(struct answer *a)
{
	const char *text = a->status.n_groups ? "sk_reuseport" : "sk_reuseport, on no socket";

	for (size_t i = 0; i < a->status.n_groups; i++)
		text = pile_printf(&a->pile, "%s%s %zu at %s", text, i ? "," : "",
				   a->status.groups[i].n_workers, a->status.groups[i].address);
	return text;
}

static const char *mechanism_of_tx(struct answer *a)
{
	static const char *const modes[] = { [RECORD_TCX] = "TCX", [RECORD_FILTER] = "tc filter" };
	const struct record *r = &a->is->record;
	const char *text = "", *between = "";
	const struct record_row *row;

	for (__u32 at = 0; (row = record_next(r, RECORD_EGRESS, &at)); between = ", ") {
		const struct record_egress *e = &row->egress;
		bool attached = egress_is_attached(a->is, e);

		text = pile_printf(&a->pile, "%s%s%s on %s", text, between,
				   attached && e->mode <= RECORD_FILTER ? modes[e->mode]
								       : "not attached",
				   e->name);
		if (!attached)
			problem(a, pile_printf(&a->pile,
					       "the tx program is not attached to %s any more",
					       e->name));
	}
	return text;
}

static const char *mechanism_of_lookup(struct answer *a)
{
	if (lookup_is_attached(a->is))
		return "sk_lookup on this network namespace";
	problem(a, "the lookup program is not attached any more");
	return "not attached";
}

static const char *mechanism_of_connections(struct answer *a)
{
	if (connections_are_counted(a->is))
		return "tracepoint inet_sock_set_state";
	problem(a, "connections are not counted any more");
	return "not attached";
}

static const char *mechanism_of_stack(struct answer *a)
{
	return status_of_stacks(&a->pile, a->is);
}

static int add_stages(struct answer *a)
{
	static const char *(*const mechanisms[IOP_HOOKS])(struct answer *a) = {
		[IOP_HOOK_SOCKET] = mechanism_of_socket,
		[IOP_HOOK_CONNECTIONS] = mechanism_of_connections,
		[IOP_HOOK_LOOKUP] = mechanism_of_lookup,
		[IOP_HOOK_TX] = mechanism_of_tx,
		[IOP_HOOK_STACK] = mechanism_of_stack,
		[IOP_HOOK_RX] = mechanism_of_rx,
	};
	const struct iop_object *o = a->is->description;
	__u32 n = object_count(o, IOP_TABLE_STAGES);

	a->status.stages = pile_array(&a->pile, n, sizeof(*a->status.stages));
	if (!a->status.stages)
		return -ENOMEM;
	for (__u32 i = 0; i < n; i++) {
		struct iop_status_stage *s = &a->status.stages[a->status.n_stages++];
		__u32 hook = object_stage(o, i)->hook;

		s->name = word_of_hook((enum iop_hook)hook);
		s->mechanism = mechanisms[hook](a);
	}
	return 0;
}

static int add_stacks(struct answer *a)
{
	const struct iop_object *o = a->is->description;
	__u32 n = object_count(o, IOP_TABLE_STACKS);
	_cleanup_machine_ struct machine *m = n ? machine_open(NULL) : NULL;

	for (__u32 i = 0; m && i < n; i++) {
		struct core_list list;

		if (stack_cores_loaded(a->is, i, &list))
			return -ENOMEM;
		for (__u32 c = 0; c < list.n; c++)
			if (!machine_online(m, list.cores[c]))
				problem(a, pile_printf(&a->pile,
						       "core %u of stage stack is offline: its packets "
						       "are served on another core",
						       list.cores[c]));
		free(list.cores);
	}
	return 0;
}

static int add_features(struct answer *a)
{
	const struct iop_object *o = a->is->description;
	__u32 n = object_count(o, IOP_TABLE_FEATURES);

	a->status.features = pile_array(&a->pile, n, sizeof(*a->status.features));
	if (!a->status.features)
		return -ENOMEM;
	for (__u32 i = 0; i < n; i++) {
		const struct iop_desc_feature *d = object_feature(o, i);
		struct iop_status_feature *f = &a->status.features[a->status.n_features++];

		f->what = pile_string(&a->pile, object_string(o, d->what));
		f->why = pile_string(&a->pile, object_string(o, d->why));
		f->since_major = d->since >> 16;
		f->since_minor = d->since & 0xffff;
		f->file = pile_string(&a->pile, object_string(o, d->place.file));
		f->line = d->place.line;
	}
	return 0;
}

int iop_status_read(const char *policy, struct iop_status **status, struct iop_report *report)
{
	_cleanup_installed_ struct installed is = INSTALLED_EMPTY;
	/* In the order in which one needs another. */
	static int (*const parts[])(struct answer *a) = {
		add_params, add_devices, add_settings, add_queues,
		add_groups, add_stages,  add_stacks,   add_features,
	};
	struct answer *a;
	int err = installed_open(&is, policy, report);

	if (err)
		return err;
	a = calloc(1, sizeof(*a));
	if (!a)
		return report_no_memory(report);
	a->is = &is;
	err = add_policy(a);
	for (size_t i = 0; !err && is.description && i < sizeof(parts) / sizeof(parts[0]); i++)
		err = parts[i](a);
	a->is = NULL;
	if (err || a->pile.failed) {
		iop_status_free(&a->status);
		return report_no_memory(report);
	}
	*status = &a->status;
	return 0;
}

void iop_status_free(struct iop_status *status)
{
	struct answer *a = (struct answer *)status;

	if (!a)
		return;
	pile_free(&a->pile);
	free(a);
}
