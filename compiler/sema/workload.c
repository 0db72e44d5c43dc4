/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workloads: what belongs to them, their classes and priorities.
 */
#include "sema/sema.h"

#define MAX_OWNER 4095 /* PATH_MAX without its NUL */

struct building {
	struct sema *s;
	struct workload *w;
	vec(struct match) matches;
	vec(struct owner) owners;
	vec(struct class) classes;
	struct span payload_at;
};

unsigned sema_protos(const struct match *m, size_t n)
{
	unsigned set = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < lang_protos.n; k++)
			set |= (lang_protos.rows[k].number == (unsigned)m[i].proto) << k;
	return set;
}

static unsigned families(const struct prefix *p, uint32_t n)
{
	unsigned set = n ? 0 : 3;

	for (uint32_t i = 0; i < n; i++)
		set |= p[i].family == 4 ? 1 : 2;
	return set;
}

static bool match_families(const struct match *m)
{
	return (families(m->to, m->n_to) & families(m->from, m->n_from)) != 0;
}

static void match_stmt(struct building *b, const struct form *f, struct span at)
{
	struct sema *s = b->s;
	const struct item *proto = form_get(f, "PROTO")->first;
	const struct capture *ports = form_get(f, "PORTS");
	int row = proto->kind == ITEM_WORD ? lang_find(&lang_protos, proto->path[0].text, 0) : -1;
	struct match m = { .at = at };

	if (row < 0) {
		sema_unknown(s, &lang_protos, proto);
		return;
	}
	if (lang_protos.rows[row].since == LANG_LATER) {
		sema_later(s, proto->at, arena_printf(s->arena, "`match %s`", proto->path[0].text));
		return;
	}
	m.proto = (enum lang_proto)lang_protos.rows[row].number;
	if (!ports) {
		struct diag *d = diag_error(s->diags, at, "a workload needs its ports");

		diag_help(d, "`match %s port 53;`", proto->path[0].text);
		return;
	}
	bool ok = sema_ranges(s, ports, "a port", 65535, false, &m.ports, &m.n_ports);

	/* Two clauses have the same placeholder: told apart by the word before. */
	for (uint32_t i = 0; i < f->n; i++) {
		const struct capture *c = &f->captures[i];

		if (strcmp(c->what, "ADDRS") != 0)
			continue;
		bool to = false;

		for (const struct item *k = proto; k && k->next; k = k->next)
			if (k->next == c->first)
				to = item_is(k, "to");
		ok &= to ? sema_prefixes(s, c, &m.to, &m.n_to, &m.to_set)
			 : sema_prefixes(s, c, &m.from, &m.n_from, &m.from_set);
	}
	if (ok && m.ports[0].lo == 0) {
		diag_error(s->diags, ports->first->at, "a port is from 1 to 65535");
		ok = false;
	}
	if (ok && !match_families(&m)) {
		diag_error(s->diags, at,
			   "no packet goes from an address of one family to one of the other");
		ok = false;
	}
	if (ok && sema_room(s, b->matches.n, POLICY_MAX_MATCHES, at, "matches in a workload"))
		*vec_push(s->arena, &b->matches) = m;
}

static void owner_stmt(struct building *b, const struct form *f, struct span at)
{
	const struct item *kind = form_get(f, "OWNER")->first, *text = form_get(f, "STRING")->first;
	int row = kind->kind == ITEM_WORD ? lang_find(&lang_owners, kind->path[0].text, 0) : -1;

	if (row < 0) {
		sema_unknown(b->s, &lang_owners, kind);
		return;
	}
	if (text->kind != ITEM_LITERAL || text->lo->kind != LIT_STRING) {
		diag_error(b->s->diags, text->at, "expected a string");
		return;
	}
	if (text->lo->len == 0 || strlen(text->lo->text) != text->lo->len) {
		diag_error(b->s->diags, text->at, "this string %s",
			   text->lo->len ? "has a NUL byte in it" : "is empty");
		return;
	}
	if (text->lo->len > MAX_OWNER) {
		diag_error(b->s->diags, text->at, "a path has at most %d bytes", MAX_OWNER);
		return;
	}
	if (row == OWNER_COMM && text->lo->len > 15) {
		diag_error(b->s->diags, text->at,
			   "the kernel keeps 15 bytes of a command's name, this has %u",
			   text->lo->len);
		return;
	}
	if (row != OWNER_COMM && text->lo->text[0] != '/') {
		diag_error(b->s->diags, text->at, "expected a path that begins with /");
		return;
	}
	*vec_push(b->s->arena, &b->owners) =
		(struct owner){ (enum lang_owner)row, text->lo->text, at };
}

static void phrase_stmt(struct building *b, const struct stmt *st)
{
	const struct item *word = st->phrases->items;
	int row = word->kind == ITEM_WORD ? lang_find(&lang_workload_stmts, word->path[0].text, 0)
					  : -1;
	struct form f;

	if (row < 0) {
		sema_unknown(b->s, &lang_workload_stmts, word);
		return;
	}
	if (st->phrases->next) {
		diag_error(b->s->diags, st->phrases->next->at, "one statement, then a semicolon");
		return;
	}
	if (!form_match(b->s, &lang_workload_stmts.rows[row], word, word->next, &f))
		return;
	switch ((enum lang_workload_stmt)row) {
	case WSTMT_MATCH: match_stmt(b, &f, st->at); break;
	case WSTMT_THREADS: owner_stmt(b, &f, st->at); break;
	case WSTMT_PAYLOAD:
		if (b->payload_at.end) {
			struct diag *d =
				diag_error(b->s->diags, st->at, "a workload has one payload");

			diag_note(d, b->payload_at, "named first here");
			break;
		}
		b->payload_at = st->at;
		b->w->payload = sema_find_header(b->s, form_get(&f, "HEADER")->first);
		if (b->w->payload && form_get(&f, "NAME"))
			b->w->payload = sema_header_with(b->s, b->w->payload,
							 form_get(&f, "NAME")->first,
							 form_get(&f, "NUMBER")->first);
		if (b->w->payload)
			((struct header *)b->w->payload)->used = true;
		break;
	case WSTMT_COUNT: break;
	}
}

/* `service 200us` */
static void class_service(struct sema *s, struct class *c, const struct item *word)
{
	if (c->service_at.end) {
		struct diag *d = diag_error(s->diags, word->at, "`service` is given twice");

		diag_note(d, c->service_at, "first here");
		return;
	}
	if (!word->next) {
		struct diag *d = diag_error(s->diags, word->at, "`service` needs a duration");

		diag_help(d, "`service 200us`");
		return;
	}
	c->service_at = item_span(word, 2);
	(void)sema_duration(s, word->next, "`service`", &c->service);
}

static void class_attributes(struct sema *s, struct class *c, const struct stmt *st)
{
	for (const struct phrase *p = st->phrases; p; p = p->next)
		for (const struct item *i = p->items; i; i = i->next->next) {
			int row = i->kind == ITEM_WORD
					  ? lang_find(&lang_class_attrs, i->path[0].text, 0)
					  : -1;
			if (row < 0) {
				sema_unknown(s, &lang_class_attrs, i);
				return;
			}
			if (lang_class_attrs.rows[row].since == LANG_NOW)
				class_service(s, c, i);
			else
				sema_later(s, i->at,
					   arena_printf(s->arena, "`%s` of a class",
							i->path[0].text));
			if (!i->next)
				return;
		}
}

static void class_stmt(struct building *b, const struct stmt *st)
{
	struct sema *s = b->s;
	struct scope scope = { .header = b->w->payload,
			       .protos = sema_protos(b->matches.v, b->matches.n) };

	for (size_t i = 0; i < b->classes.n; i++) {
		if (strcmp(b->classes.v[i].name, st->name.text) == 0) {
			sema_duplicate(s, "class", st->name.text, st->name.at, b->classes.v[i].at);
			return;
		}
	}
	if (strcmp(st->name.text, "all") == 0 || strcmp(st->name.text, "none") == 0) {
		diag_error(s->diags, st->name.at, "`%s` means something else already",
			   st->name.text);
		return;
	}
	if (!sema_room(s, b->classes.n, POLICY_MAX_CLASSES_PER_WORKLOAD, st->name.at,
		       "classes in a workload") ||
	    !sema_room(s, s->n_classes++, POLICY_MAX_CLASSES, st->name.at, "classes in a policy"))
		return;
	sema_name(s, &st->name);
	struct class *c = vec_push(s->arena, &b->classes);

	c->id = (uint32_t)b->classes.n - 1;
	c->name = st->name.text;
	c->at = st->name.at;
	class_attributes(s, c, st);
	if (st->when)
		c->when = sema_cond(s, &scope, st->when);
	if (c->when) {
		s->n_comparisons += cond_comparisons(c->when);
		sema_room(s, s->n_comparisons - 1, POLICY_MAX_COMPARISONS, st->when->at,
			  "comparisons in a policy");
	}
}

static void assign_ranks(struct workload *w)
{
	for (uint32_t i = 0; i < w->n_classes; i++)
		w->classes[i].rank = w->n_classes; /* left out: last */
}

/* Neither a class of the workload, nor (NULL) a workload. */
void sema_no_such(struct sema *s, const struct item *i, const struct workload *w)
{
	struct diag *d =
		w ? diag_error(s->diags, i->at, "workload `%s` has no class `%s`", w->name,
			       i->path[0].text)
		  : diag_error(s->diags, i->at, "there is no workload `%s`", i->path[0].text);
	const char *names[POLICY_MAX_CLASSES_PER_WORKLOAD];
	size_t n = 0, of = w ? w->n_classes : s->workloads.n;

	for (size_t k = 0; k < of && n < POLICY_MAX_CLASSES_PER_WORKLOAD; k++)
		names[n++] = w ? w->classes[k].name : s->workloads.v[k]->name;
	const char *near = diag_closest(i->path[0].text, names, n);

	if (near)
		diag_help(d, "did you mean `%s`?", near);
}

void sema_unfollowed(struct sema *s, struct span at, const char *help)
{
	struct diag *d = diag_warning(s->diags, at, "no stage follows this order");

	diag_help(d, "%s", help);
}

/* `a > b > c` over the classes of a workload, or over the workloads. */
void sema_priority(struct sema *s, const struct item *names, const struct workload *w)
{
	uint32_t rank = 0;

	for (const struct item *i = names; i; i = i->next, rank++) {
		uint32_t n = w ? w->n_classes : (uint32_t)s->workloads.n, k;
		uint32_t *found = NULL;

		if (rank > n) /* so one was named twice, or does not exist */
			break;

		for (k = 0; k < n; k++) {
			const char *name = w ? w->classes[k].name : s->workloads.v[k]->name;

			if (strcmp(name, i->path[0].text) == 0)
				found = w ? &w->classes[k].rank : &s->workloads.v[k]->rank;
		}
		if (!found)
			sema_no_such(s, i, w);
		else if (*found < n)
			diag_error(s->diags, i->at, "`%s` is named twice", i->path[0].text);
		else
			*found = rank;
	}
}

/* Classes first, so that rules may stand before them. */
static void stages_and_priority(struct sema *s, struct workload *w, const struct decl *d)
{
	const struct stmt *priority = NULL;

	for (const struct stmt *st = d->body; st; st = st->next) {
		if (st->kind == STMT_STAGE) {
			sema_stage(s, w, st);
		} else if (st->kind == STMT_PRIORITY && priority) {
			struct diag *g =
				diag_error(s->diags, st->at, "a workload has one priority");

			diag_note(g, priority->at, "given first here");
		} else if (st->kind == STMT_PRIORITY) {
			priority = st;
			sema_priority(s, st->names, w);
		}
	}
	if (priority && !sema_orders(w))
		sema_unfollowed(s, priority->at, "`stage tx { all -> order by priority; }` would");
}

static void first_pass(struct building *b, const struct decl *d)
{
	for (const struct stmt *st = d->body; st; st = st->next)
		if (st->kind == STMT_PHRASE)
			phrase_stmt(b, st);
	for (const struct stmt *st = d->body; st; st = st->next) {
		if (st->kind == STMT_CLASS)
			class_stmt(b, st);
		else if (st->kind != STMT_PHRASE && st->kind != STMT_STAGE &&
			 st->kind != STMT_PRIORITY)
			diag_error(b->s->diags, st->at, "this does not belong into a workload");
	}
}

void sema_workload(struct sema *s, const struct decl *d)
{
	struct workload *w = arena_new_of(s->arena, struct workload);
	struct building b = { .s = s, .w = w };
	unsigned errors = diags_errors(s->diags);

	sema_name(s, &d->name);
	if (strcmp(d->name.text, "none") == 0)
		diag_error(s->diags, d->name.at, "`none` means something else already");
	for (size_t i = 0; i < s->workloads.n; i++)
		if (strcmp(s->workloads.v[i]->name, d->name.text) == 0)
			sema_duplicate(s, "workload", d->name.text, d->name.at,
				       s->workloads.v[i]->at);
	w->id = (uint32_t)s->workloads.n;
	w->name = d->name.text;
	w->at = d->name.at;
	first_pass(&b, d);
	if (b.classes.n == 0) {
		struct class *c = vec_push(s->arena, &b.classes);

		c->name = w->name;
		c->at = w->at;
	}
	w->matches = b.matches.v;
	w->n_matches = (uint32_t)b.matches.n;
	w->owners = b.owners.v;
	w->n_owners = (uint32_t)b.owners.n;
	w->classes = b.classes.v;
	w->n_classes = (uint32_t)b.classes.n;
	if (w->n_matches == 0 && diags_errors(s->diags) == errors) {
		struct diag *g =
			diag_error(s->diags, w->at, "workload `%s` matches nothing", w->name);

		diag_help(g, "add `match udp port 53;`");
	}
	assign_ranks(w);
	stages_and_priority(s, w, d);
	sema_stack_end(s, w);
	if (diags_errors(s->diags) == errors) {
		sema_reach(s, w);
		sema_replies(s, w);
	}
	*vec_push(s->arena, &s->workloads) = w;
}
