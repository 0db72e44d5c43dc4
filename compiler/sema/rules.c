/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stages: rules, actions and selectors, each a phrase that a row describes.
 */
#include "sema/sema.h"

#define FULL_PACKET 1500 /* bytes that an Ethernet frame carries */
#define WHOLE_SEND 65536 /* at most, of what leaves as one and is cut into packets by the device */

struct staging {
	struct sema *s;
	struct workload *w;
	enum lang_stage kind;
	struct span at;
	struct scope scope;
	uint64_t named; /* bit per class: some rule names it, and not just `all` */
	struct stage *stage; /* what it becomes */
};

static bool matches_tcp(const struct workload *w)
{
	for (uint32_t i = 0; i < w->n_matches; i++)
		if (w->matches[i].proto == PROTO_TCP)
			return true;
	return false;
}

static bool is_payload(const struct field_ref *f)
{
	return f->hfield || f->field == FIELD_PAYLOAD || f->field == FIELD_PAYLOAD_LEN;
}

void sema_visible(struct sema *s, const struct field_ref *f, const struct workload *w,
		  enum lang_stage stage, struct span stage_at)
{
	bool early = stage == STAGE_SOCKET && matches_tcp(w) && is_payload(f);

	if (field_ref_stages(f) & (1u << stage) && !early)
		return;
	struct diag *d = diag_error(s->diags, f->at, "stage `%s` cannot see `%s`%s",
				    lang_stages.rows[stage].word, field_ref_name(s->arena, f),
				    early ? ": TCP picks a socket at SYN, before any payload" : "");

	diag_note(d, stage_at, "it would be looked at in this stage");
	for (int i = 0; i < STAGE_COUNT; i++)
		if (field_ref_stages(f) & (1u << i)) {
			diag_help(d, "stage `%s` can%s", lang_stages.rows[i].word,
				  early ? ", segment by segment" : "");
			break;
		}
}

/* A known word of another stage. */
static void elsewhere(struct staging *st, const struct item *word, const char *what,
		      const struct lang_row *row)
{
	struct diag *d = diag_error(st->s->diags, word->at, "stage `%s` has no %s `%s`",
				    lang_stages.rows[st->kind].word, what, word->path[0].text);

	for (int i = 0; i < STAGE_COUNT; i++)
		if (row->stages & (1u << i)) {
			diag_help(d, "`%s` belongs to stage `%s`", word->path[0].text,
				  lang_stages.rows[i].word);
			break;
		}
}

static bool key_field(struct staging *st, const struct item *i, struct field_ref *f)
{
	if (!sema_field(st->s, &st->scope, i, f))
		return false;
	sema_visible(st->s, f, st->w, st->kind, st->at);
	return true;
}

/* Connections are counted, of whatever class; what a request takes is not known of them. */
static void no_service(struct staging *st, const struct item *i)
{
	for (uint32_t k = 0; k < st->w->n_classes; k++) {
		const struct class *c = &st->w->classes[k];

		if (!c->service_at.end)
			continue;
		struct diag *d = diag_error(st->s->diags, c->service_at,
					    "`least_loaded` counts connections of TCP, which have no `service`");

		diag_note(d, i->at, "chosen here");
	}
}

static bool selector(struct staging *st, const struct item *i, struct selector *sel)
{
	struct sema *s = st->s;
	int row = i->kind == ITEM_WORD || i->kind == ITEM_CALL
			  ? lang_find(&lang_selectors, i->path[0].text, 0)
			  : -1;
	vec(struct field_ref) keys = { 0 };
	bool ok = true;

	if (row < 0) {
		sema_unknown(s, &lang_selectors, i);
		return false;
	}
	const struct lang_row *r = &lang_selectors.rows[row];

	if (!(r->stages & (1u << st->kind))) {
		elsewhere(st, i, "selector", r);
		return false;
	}
	if (r->since == LANG_LATER) {
		sema_later(s, i->at, arena_printf(s->arena, "`%s`", i->path[0].text));
		return false;
	}
	*sel = (struct selector){ .kind = (enum lang_selector)row, .at = i->at };
	if (row == SELECTOR_LEAST_LOADED && matches_tcp(st->w))
		no_service(st, i);
	if (row == SELECTOR_MIN) {
		sel->signal = sema_find_signal(s, i);
		return sel->signal != NULL;
	}
	if (row != SELECTOR_HASH) {
		if (i->kind == ITEM_CALL) {
			diag_error(s->diags, i->at, "`%s` takes nothing in parentheses",
				   i->path[0].text);
			return false;
		}
		return true;
	}
	if (i->kind != ITEM_CALL || !i->args) {
		struct diag *d = diag_error(s->diags, i->at, "`hash` needs what it hashes");

		diag_help(d, "`hash(flow)`: both addresses and ports; `hash(ip.src)`: any fields");
		return false;
	}
	for (const struct item *k = i->args; k; k = k->next) {
		if (item_is(k, "flow")) {
			sel->flow = true;
			continue;
		}
		if (!sema_room(s, keys.n, POLICY_MAX_HASH_KEYS, k->at, "keys"))
			return false;
		struct field_ref *f = vec_push(s->arena, &keys);

		ok &= key_field(st, k, f);
	}
	sel->keys = keys.v;
	sel->n_keys = (uint32_t)keys.n;
	return ok;
}

static const struct action *action(struct staging *st, const struct item *word);

/* What is over a limit meets the action behind `else`, and nothing behind that. */
static bool limit_else(struct staging *st, const struct item *word, struct action *a)
{
	int row = word->kind == ITEM_WORD ? lang_find(&lang_actions, word->path[0].text, 0) : -1;

	/* Looked at first, so that `else limit … else limit …` is not followed down. */
	if (row >= 0 && !lang_actions.rows[row].ends) {
		struct diag *d =
			diag_error(st->s->diags, word->at,
				   "what is over a limit needs an action that ends the stage");

		diag_help(d, "%s", st->kind == STAGE_TX
					   ? "`pass` or `drop`"
					   : "`pass`, `drop` or `steer to POOL by SELECTOR`");
		return false;
	}
	a->otherwise = action(st, word);
	return a->otherwise != NULL;
}

/* `limit` and `pace`, which has neither burst nor `else`. */
static bool limit(struct staging *st, const struct form *f, struct action *a)
{
	struct sema *s = st->s;
	const struct item *rate = form_get(f, "RATE")->first;
	const struct capture *per = form_get(f, "KEY"), *burst = form_get(f, "NUMBER"),
			     *otherwise = form_get(f, "ACTION");
	const unsigned full = st->kind == STAGE_TX ? WHOLE_SEND : FULL_PACKET;
	bool ok = true;

	if (rate->kind == ITEM_WORD) {
		a->param = sema_param_named(s, rate->path[0].text);
		if (!a->param) {
			struct diag *d = diag_error(s->diags, rate->at, "there is no param `%s`",
						    rate->path[0].text);
			diag_help(d, "declare it: `param %s = 1k/s;`", rate->path[0].text);
			return false;
		}
		a->rate_type = a->param->type;
	} else if (rate->kind == ITEM_LITERAL) {
		a->rate_type = rate->lo->kind == LIT_RATE      ? TYPE_RATE
			       : rate->lo->kind == LIT_BITRATE ? TYPE_BITRATE
							       : TYPE_NUMBER;
		a->rate = rate->lo->value;
	}
	if (a->rate_type != TYPE_RATE && a->rate_type != TYPE_BITRATE) {
		struct diag *d = diag_error(s->diags, rate->at, "`%s` takes a rate",
					    a->kind == ACTION_PACE ? "pace" : "limit");

		diag_help(d, "`1k/s` requests, or `10mbit`");
		if (a->param)
			diag_note(d, a->param->at, "this is %s", lang_type_name(a->param->type));
		return false;
	}
	if (!a->param && !sema_rate_fits(s, a->rate_type, a->rate, rate->at))
		return false;
	if (per && item_is(per->first, "flow")) {
		a->per_flow = true;
	} else if (per) {
		a->per = arena_new_of(s->arena, struct field_ref);
		ok &= key_field(st, per->first, a->per);
	}
	a->burst = a->rate_type == TYPE_RATE ? 1 : st->kind == STAGE_TX ? WHOLE_SEND : 1514;
	if (burst &&
	    !sema_number(s, burst->first, "a burst",
			 a->rate_type == TYPE_RATE ? POLICY_MAX_BURST : POLICY_MAX_BURST_BYTES,
			 &a->burst))
		ok = false;
	if (burst && ok && a->burst == 0) {
		diag_error(s->diags, burst->first->at, "a burst is at least 1, or nothing passes");
		ok = false;
	} else if (burst && ok && a->rate_type == TYPE_BITRATE && a->burst < full) {
		struct diag *d =
			diag_warning(s->diags, burst->first->at,
				     "packets of more than %llu bytes never pass this limit",
				     (unsigned long long)a->burst);

		diag_help(d, "the burst of a bit rate is in bytes; a packet has up to %d%s", full,
			  st->kind == STAGE_TX ? " before the device cuts it" : "");
	}
	if (otherwise && !limit_else(st, otherwise->first, a))
		ok = false;
	return ok;
}

/* `last 2` `all` `all but last 1` `0-2` `0,3` */
static bool worker_set(struct staging *st, const struct capture *c, struct worker_set *set)
{
	struct sema *s = st->s;
	const struct item *i = c->first;
	uint64_t n = 0;

	set->at = item_span(c->first, c->n);
	if (item_is(i, "all") && c->n == 1) {
		set->kind = WORKERS_ALL;
		return true;
	}
	if (item_is(i, "last") && c->n == 2) {
		set->kind = WORKERS_LAST;
		i = i->next;
	} else if (item_is(i, "all") && c->n == 4 && item_is(i->next, "but") &&
		   item_is(i->next->next, "last")) {
		set->kind = WORKERS_ALL_BUT_LAST;
		i = i->next->next->next;
	} else if (i->kind != ITEM_WORD) {
		bool ok = sema_ranges(s, c, "a worker", POLICY_MAX_WORKERS - 1, true, &set->ranges,
				      &set->n_ranges);

		set->kind = WORKERS_LIST;
		for (uint32_t k = 0; ok && k < set->n_ranges; k++)
			set->n += (uint32_t)(set->ranges[k].hi - set->ranges[k].lo) + 1;
		return ok;
	} else {
		struct diag *d = diag_error(s->diags, set->at, "these are no workers");

		diag_help(d, "`workers 0-2`, `0,3`, `last 2`, `all but last 1` or `all`");
		return false;
	}
	if (!sema_number(s, i, "the number of workers", POLICY_MAX_WORKERS, &n))
		return false;
	if (n == 0) {
		diag_error(s->diags, i->at, "the number of workers is at least 1");
		return false;
	}
	set->n = (uint32_t)n;
	return true;
}

static bool single_worker(struct staging *st, const struct item *i, struct action *a)
{
	uint64_t n;

	if (!sema_number(st->s, i, "a worker", POLICY_MAX_WORKERS - 1, &n))
		return false;
	struct range *r = arena_new_of(st->s->arena, struct range);

	*r = (struct range){ n, n };
	a->workers = (struct worker_set){
		.kind = WORKERS_LIST, .ranges = r, .n_ranges = 1, .n = 1, .at = i->at
	};
	return true;
}

static bool mark(struct staging *st, const struct item *i, struct action *a)
{
	uint64_t n;

	if (!sema_number(st->s, i, "a mark", UINT32_MAX, &n))
		return false;
	a->mark = (uint32_t)n;
	return true;
}

static const struct action *action(struct staging *st, const struct item *word)
{
	struct sema *s = st->s;
	int row = word->kind == ITEM_WORD ? lang_find(&lang_actions, word->path[0].text, 0) : -1;
	struct form f;

	if (row < 0) {
		sema_unknown(s, &lang_actions, word);
		return NULL;
	}
	const struct lang_row *r = &lang_actions.rows[row];

	if (!(r->stages & (1u << st->kind))) {
		elsewhere(st, word, "action", r);
		return NULL;
	}
	if (r->since == LANG_LATER) {
		sema_later(s, word->at, arena_printf(s->arena, "`%s`", word->path[0].text));
		return NULL;
	}
	if (!form_match(s, r, word, word->next, &f) ||
	    !sema_room(s, s->n_actions, POLICY_MAX_ACTIONS, word->at, "actions in a policy"))
		return NULL;
	struct action *a = arena_new_of(s->arena, struct action);
	bool ok = true;
	const struct item *last = word;

	while (last->next)
		last = last->next;
	a->kind = (enum lang_action)row;
	a->at = (struct span){ word->at.begin, last->at.end };
	a->id = s->n_actions++;
	switch (a->kind) {
	case ACTION_LIMIT:
	case ACTION_PACE: ok = limit(st, &f, a); break;
	case ACTION_MARK: ok = mark(st, form_get(&f, "NUMBER")->first, a); break;
	case ACTION_STEER:
		a->pool = sema_find_pool(s, form_get(&f, "POOL")->first);
		ok = selector(st, form_get(&f, "SELECTOR")->first, &a->selector) && a->pool;
		if (a->pool)
			((struct pool *)a->pool)->used = true;
		break;
	case ACTION_WORKER: ok = single_worker(st, form_get(&f, "NUMBER")->first, a); break;
	case ACTION_WORKERS:
		ok = worker_set(st, form_get(&f, "WORKERS"), &a->workers);
		ok &= selector(st, form_get(&f, "SELECTOR")->first, &a->selector);
		break;
	default: break;
	}
	return ok ? a : NULL;
}

/* Classes on the left of a rule. */
static uint64_t rule_classes(struct staging *st, const struct stmt *rule)
{
	const struct workload *w = st->w;
	const char *names[POLICY_MAX_CLASSES_PER_WORKLOAD];
	uint64_t set = 0;

	for (const struct item *i = rule->names; i; i = i->next) {
		uint64_t before = set;

		if (item_is(i, "all")) {
			set |= w->n_classes == 64 ? UINT64_MAX : (1ULL << w->n_classes) - 1;
			continue;
		}
		for (uint32_t k = 0; k < w->n_classes; k++) {
			names[k] = w->classes[k].name;
			if (strcmp(names[k], i->path[0].text) == 0)
				set |= 1ULL << k;
		}
		if (set != before)
			continue;
		bool twice = false;

		for (uint32_t k = 0; k < w->n_classes; k++)
			twice |= strcmp(names[k], i->path[0].text) == 0;
		if (twice) {
			diag_error(st->s->diags, i->at, "class `%s` is named twice",
				   i->path[0].text);
			continue;
		}
		struct diag *d = diag_error(st->s->diags, i->at, "workload `%s` has no class `%s`",
					    w->name, i->path[0].text);
		const char *near = diag_closest(i->path[0].text, names, w->n_classes);

		if (near)
			diag_help(d, "did you mean `%s`?", near);
	}
	return set;
}

static void no_knob(struct staging *st, const struct stmt *stmt, const struct item *word)
{
	struct sema *s = st->s;
	const char *text = word->kind == ITEM_WORD ? word->path[0].text : "";
	int action_row = lang_find(&lang_actions, text, 0), row = lang_find(&lang_knobs, text, 0);

	if (action_row >= 0 && lang_actions.rows[action_row].stages & (1u << st->kind)) {
		struct diag *d = diag_error(s->diags, stmt->at,
					    "an action needs the classes that it concerns");

		diag_help(d, "`all -> %s`", lang_actions.rows[action_row].form);
	} else if (action_row >= 0) {
		elsewhere(st, word, "action", &lang_actions.rows[action_row]);
	} else if (row >= 0) {
		elsewhere(st, word, "setting", &lang_knobs.rows[row]);
	} else {
		sema_unknown(s, &lang_knobs, word);
	}
}

/* `stuck 1s`, of a socket stage. */
static void stuck(struct staging *st, const struct form *f, struct span at)
{
	if (matches_tcp(st->w)) {
		sema_later(st->s, at, "`stuck` of a workload of TCP");
		return;
	}
	if (st->stage->stuck_at.end) {
		struct diag *d = diag_error(st->s->diags, at, "`stuck` is given twice");

		diag_note(d, st->stage->stuck_at, "first here");
		return;
	}
	st->stage->stuck_at = at;
	(void)sema_duration(st->s, form_get(f, "DURATION")->first, "`stuck`", &st->stage->stuck);
}

/* A setting of a stage: those of later releases are refused, with what can be said of them. */
static void knob(struct staging *st, const struct stmt *stmt)
{
	struct sema *s = st->s;
	const struct item *word = stmt->phrases->items;
	int row = -1;
	struct form f;

	if (word->kind == ITEM_WORD)
		for (row = lang_find(&lang_knobs, word->path[0].text, 0);
		     row >= 0 && !(lang_knobs.rows[row].stages & (1u << st->kind));)
			row = lang_find(&lang_knobs, word->path[0].text, (size_t)row + 1);
	if (row < 0) {
		no_knob(st, stmt, word);
		return;
	}
	if (st->kind == STAGE_STACK) {
		if (form_match(s, &lang_knobs.rows[row], word, word->next, &f))
			sema_stack_setting(s, st->w, word->path[0].text, &f, stmt->at);
		return;
	}
	if (st->kind == STAGE_SOCKET && strcmp(lang_knobs.rows[row].form, "anywhere") == 0) {
		st->stage->anywhere = form_match(s, &lang_knobs.rows[row], word, word->next, &f);
		st->stage->anywhere_at = stmt->at;
		return;
	}
	if (lang_knobs.rows[row].since == LANG_NOW) {
		if (form_match(s, &lang_knobs.rows[row], word, word->next, &f))
			stuck(st, &f, stmt->at);
		return;
	}
	sema_later(s, stmt->at,
		   arena_printf(s->arena, "`%s` of stage `%s`", word->path[0].text,
				lang_stages.rows[st->kind].word));
	if (strncmp(lang_knobs.rows[row].form, "cores ", 6) == 0 &&
	    form_match(s, &lang_knobs.rows[row], word, word->next, &f)) {
		struct pool *p = sema_find_pool(s, form_get(&f, "POOL")->first);
		uint64_t least, most;

		if (p)
			(void)sema_budget(s, form_get(&f, "BUDGET"), p, st->w, &least, &most);
	}
}

struct rules {
	vec(struct rule) rules;
	uint64_t ended; /* classes for which an earlier rule ends the stage */
	struct span ended_at[POLICY_MAX_CLASSES_PER_WORKLOAD];
};

static void rule_stmt(struct staging *st, const struct stmt *stmt, struct rules *rs)
{
	struct sema *s = st->s;
	struct rule r = { .at = stmt->at, .classes = rule_classes(st, stmt) };
	vec(const struct action *) actions = { 0 };
	bool ends = false;

	if (r.classes && !(r.classes & ~rs->ended)) {
		struct diag *d = diag_error(s->diags, stmt->at, "this rule is never reached");
		int c = __builtin_ctzll(r.classes);

		diag_note(d, rs->ended_at[c], "the stage ends for class `%s` here",
			  st->w->classes[c].name);
	}
	for (const struct phrase *p = stmt->phrases; p; p = p->next) {
		const struct action *a;

		if (ends) {
			struct diag *d = diag_error(s->diags, p->at, "this is never reached");

			diag_note(d, actions.v[actions.n - 1]->at, "the stage ends here");
			return;
		}
		a = action(st, p->items);
		if (!a)
			continue;
		*vec_push(s->arena, &actions) = a;
		ends = lang_actions.rows[a->kind].ends;
	}
	r.actions = actions.v;
	r.n_actions = (uint32_t)actions.n;
	for (uint32_t c = 0; ends && c < st->w->n_classes; c++)
		if ((r.classes & ~rs->ended) >> c & 1)
			rs->ended_at[c] = stmt->at;
	if (ends)
		rs->ended |= r.classes;
	*vec_push(s->arena, &rs->rules) = r;
}

/* Classes of the left side that are named one by one. */
static void note_named(struct staging *st, const struct stmt *rule)
{
	for (const struct item *i = rule->names; i; i = i->next)
		for (uint32_t k = 0; k < st->w->n_classes; k++)
			if (item_is(i, st->w->classes[k].name))
				st->named |= 1ULL << k;
}

struct visible {
	bool named; /* a rule names the class, and not just all of them */
	struct sema *s;
	const struct workload *w;
	enum lang_stage kind;
	struct span at;
};

static void class_field(void *ctx, const struct field_ref *f)
{
	struct visible *v = ctx;

	/* At SYN there is no payload, so a class that asks for it takes no packet, as at `rx`: who
	 * names it expects something else. */
	if (v->kind == STAGE_SOCKET && !v->named && is_payload(f))
		return;
	sema_visible(v->s, f, v->w, v->kind, v->at);
}

void sema_stage(struct sema *s, struct workload *w, const struct stmt *stmt)
{
	struct item word = { .kind = ITEM_WORD,
			     .at = stmt->name.at,
			     .path = (struct name *)&stmt->name,
			     .n_path = 1 };
	int row = lang_find(&lang_stages, stmt->name.text, 0);

	if (row < 0) {
		sema_unknown(s, &lang_stages, &word);
		return;
	}
	struct staging st = { .s = s,
			      .w = w,
			      .kind = (enum lang_stage)row,
			      .at = stmt->name.at,
			      .scope = { .header = w->payload,
					 .protos = sema_protos(w->matches, w->n_matches) } };
	struct rules *rs = arena_new_of(s->arena, struct rules);
	struct stage *stage = arena_new_of(s->arena, struct stage);
	bool later = lang_stages.rows[row].since == LANG_LATER;

	if (later)
		sema_later(s, stmt->name.at, arena_printf(s->arena, "stage `%s`", stmt->name.text));
	if (w->stages[row]) {
		struct diag *d =
			diag_error(s->diags, stmt->name.at, "workload `%s` has stage `%s` already",
				   w->name, stmt->name.text);
		diag_note(d, w->stages[row]->at, "given first here");
		return;
	}
	if (row == STAGE_STACK)
		sema_stack_begin(s, w, stmt->name.at);
	*stage = (struct stage){ .kind = st.kind, .at = stmt->name.at, .stuck = STAGE_STUCK_DEFAULT };
	st.stage = stage;
	for (const struct stmt *i = stmt->body; i; i = i->next) {
		if (i->kind == STMT_RULE && row == STAGE_STACK) {
			diag_help(diag_error(s->diags, i->at, "stage `stack` has settings only"),
				  "rules of stage `rx` say which classes go to its cores");
		} else if (i->kind == STMT_RULE && !later) {
			note_named(&st, i);
			rule_stmt(&st, i, rs);
		} else if (i->kind == STMT_PHRASE)
			knob(&st, i);
		else if (i->kind != STMT_RULE)
			diag_error(s->diags, i->at, "a stage holds rules and settings");
	}
	stage->rules = rs->rules.v;
	stage->n_rules = (uint32_t)rs->rules.n;
	w->stages[row] = stage;
	struct visible v = { .s = s, .w = w, .kind = st.kind, .at = stmt->name.at };

	/* A reply is of the class of what it answers: there, a condition is not looked at, or
	 * what it asks for is not there. Stage `stack` has no rules. */
	if (st.kind == STAGE_TX || st.kind == STAGE_STACK)
		return;
	for (uint32_t i = 0; i < w->n_classes && !later; i++) {
		v.named = st.named >> i & 1;
		cond_fields(w->classes[i].when, class_field, &v);
	}
}
