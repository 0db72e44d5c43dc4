/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the plan needs of the kernel, each with the first line that needs it:
 * checked against --target here, probed by the loader.
 */
#include <linux/bpf.h>

#include "base/arena.h"
#include "base/diag.h"
#include "plan/plan.h"

struct needing {
	struct arena *arena;
	struct plan *plan;
	vec(struct plan_feature) v;
};

static void need(struct needing *n, enum lang_feature f, const char *why, struct span at)
{
	for (size_t i = 0; i < n->v.n; i++)
		if (n->v.v[i].feature == f)
			return;
	*vec_push(n->arena, &n->v) = (struct plan_feature){ .feature = f, .why = why, .at = at };
}

static bool header_walks(const struct header *h)
{
	for (uint32_t i = 0; h && i < h->n_fields; i++)
		if (h->fields[i]->kind == HTYPE_TEXT || h->fields[i]->kind == HTYPE_DECIMAL ||
		    h->fields[i]->n_fields)
			return true;
	return false;
}

static bool cond_walks(const struct cond *c)
{
	return c && (c->kind == COND_CONTAINS || cond_walks(c->a) || cond_walks(c->b));
}

static void action_needs(struct needing *n, const struct action *a)
{
	if (a->kind == ACTION_ORDER)
		need(n, FEATURE_BANDS, "replies are ordered by priority", a->at);
	if (a->kind == ACTION_PACE)
		need(n, FEATURE_EDT, "replies leave at their time", a->at);
	if (a->kind == ACTION_LIMIT || a->kind == ACTION_PACE) {
		need(n, FEATURE_ATOMICS, "the state of a limit is shared between cores", a->at);
		if (a->per || a->per_flow)
			need(n, FEATURE_LRU, "a limit remembers its keys", a->at);
	}
	if (a->kind == ACTION_STEER)
		need(n, FEATURE_CPUMAP, "packets are steered to other cores", a->at);
	if ((a->kind == ACTION_STEER || a->kind == ACTION_WORKERS) &&
	    a->selector.kind == SELECTOR_ROUND_ROBIN)
		need(n, FEATURE_ATOMICS, "turns are shared between cores", a->selector.at);
	if (a->kind == ACTION_WORKERS &&
	    (a->selector.kind == SELECTOR_LEAST_LOADED || a->selector.kind == SELECTOR_MIN)) {
		need(n, FEATURE_ATOMICS, "requests are counted by several cores", a->selector.at);
		need(n, FEATURE_LOOPS, "each worker of a set is looked at", a->selector.at);
		if (n->plan->counting)
			need(n, FEATURE_SOCKET_QUEUE,
			     "what a worker has to do is told from its queue, too", a->selector.at);
	}
	for (uint32_t i = 0; i < a->selector.n_keys; i++)
		if (a->selector.keys[i].hfield && !hfield_number(a->selector.keys[i].hfield))
			need(n, FEATURE_LOOPS, "a key of bytes is hashed", a->selector.keys[i].at);
}

void plan_features(struct arena *arena, struct plan *plan, unsigned kernel, struct diags *diags)
{
	struct needing n = { .arena = arena, .plan = plan };
	const struct policy *p = plan->policy;

	if (plan->hooks[IOP_HOOK_SOCKET].used) {
		struct span at = plan->hooks[IOP_HOOK_SOCKET].at;

		need(&n, FEATURE_REUSEPORT, "the socket stage picks the worker", at);
		if (plan->protos[IOP_HOOK_SOCKET] & PLAN_UDP)
			need(&n, FEATURE_SOCKARRAY, "workers are sockets in an array", at);
		need(&n, FEATURE_PIDFD_GETFD, "the server's sockets are taken in", at);
	}
	if (plan->hooks[IOP_HOOK_TX].used)
		need(&n, FEATURE_EGRESS, "the tx stage is attached to a device",
		     plan->hooks[IOP_HOOK_TX].at);
	if (plan->hooks[IOP_HOOK_RX].used)
		need(&n, FEATURE_XDP_LINK, "the driver stage is attached to a device",
		     plan->hooks[IOP_HOOK_RX].at);
	if (plan->connections)
		need(&n, FEATURE_CONNECTIONS, "connections are counted while they are open",
		     plan->hooks[IOP_HOOK_CONNECTIONS].at);
	if (plan->hooks[IOP_HOOK_LOOKUP].used) {
		struct span at = plan->hooks[IOP_HOOK_LOOKUP].at;

		need(&n, FEATURE_LOOKUP, "sockets take what is sent elsewhere", at);
		need(&n, FEATURE_LOOPS, "a socket that lives is looked for", at);
	}
	if (plan->hooks[IOP_HOOK_STACK].used) {
		need(&n, FEATURE_CPUMAP_PROG, "the cores measure how long packets wait",
		     plan->hooks[IOP_HOOK_STACK].at);
		need(&n, FEATURE_ATOMICS, "cores agree on how many of them are in use",
		     plan->hooks[IOP_HOOK_STACK].at);
		need(&n, FEATURE_LOOPS, "flows are spread over the cores in use",
		     plan->hooks[IOP_HOOK_STACK].at);
	}
	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct workload *w = p->workloads[i];

		if (header_walks(w->payload))
			need(&n, FEATURE_LOOPS, "the payload's header is walked",
			     w->payload->builtin ? w->at : w->payload->at);
		for (uint32_t c = 0; c < w->n_classes; c++)
			if (cond_walks(w->classes[c].when))
				need(&n, FEATURE_LOOPS, "bytes are searched",
				     w->classes[c].when->at);
	}
	for (uint32_t i = 0; i < p->n_sets; i++)
		if (plan->sets[i].map && plan->sets[i].map->type == BPF_MAP_TYPE_LPM_TRIE)
			need(&n, FEATURE_TRIE, "a large set of prefixes is looked up", p->sets[i]->at);
	for (uint32_t i = 0; i < p->n_actions; i++)
		if (plan->actions[i].action)
			action_needs(&n, plan->actions[i].action);
	plan->features = n.v.v;
	plan->n_features = (uint32_t)n.v.n;
	for (uint32_t i = 0; kernel && i < plan->n_features; i++) {
		const struct lang_row *row = &lang_features.rows[plan->features[i].feature];

		if (row->number <= kernel)
			continue;
		struct diag *d = diag_error(diags, plan->features[i].at,
					    "this needs Linux %u.%u, but the target is %u.%u",
					    row->number >> 16, row->number & 0xffff, kernel >> 16,
					    kernel & 0xffff);
		diag_help(d, "%s: %s", row->word, plan->features[i].why);
	}
}
