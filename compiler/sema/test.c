/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests in a policy: packets become bytes here (packet.c), expectations become
 * ids, so that the interpreter and the runtime know no names.
 */
#include "sema/sema.h"

#define MAX_NAME 255

static const struct workload *workload_named(struct sema *s, const char *name)
{
	for (size_t i = 0; i < s->workloads.n; i++)
		if (strcmp(s->workloads.v[i]->name, name) == 0)
			return s->workloads.v[i];
	return NULL;
}

static void no_class(struct sema *s, const struct item *i, const char *name)
{
	if (i->kind == ITEM_PATH) {
		const struct workload *w = workload_named(s, i->path[0].text);
		struct item class = {
			.kind = ITEM_WORD, .at = i->path[1].at, .path = &i->path[1], .n_path = 1
		};

		sema_no_such(s, w ? &class : &(struct item){ .at = i->path[0].at, .path = i->path },
			     w);
		return;
	}
	struct diag *d = diag_error(s->diags, i->at, "there is no class `%s`", name);
	const char *names[POLICY_MAX_CLASSES_PER_WORKLOAD];
	size_t n = 0;

	for (size_t k = 0; k < s->workloads.n; k++)
		for (uint32_t c = 0;
		     c < s->workloads.v[k]->n_classes && n < sizeof(names) / sizeof(names[0]); c++)
			names[n++] = s->workloads.v[k]->classes[c].name;
	const char *near = diag_closest(name, names, n);

	if (near)
		diag_help(d, "did you mean `%s`?", near);
}

/* `class costly`, or `class dns.costly` where several workloads have one. */
static bool expect_class(struct sema *s, const struct item *i, struct test_expect *e)
{
	const struct class *found = NULL;
	const char *name;

	if (i->kind != ITEM_WORD && (i->kind != ITEM_PATH || i->n_path != 2)) {
		diag_error(s->diags, i->at, "expected a class");
		return false;
	}
	name = i->path[i->n_path - 1].text;
	e->workload = e->class = UINT32_MAX;
	if (item_is(i, "none"))
		return true;
	for (size_t k = 0; k < s->workloads.n; k++) {
		const struct workload *w = s->workloads.v[k];

		if (i->kind == ITEM_PATH && strcmp(w->name, i->path[0].text) != 0)
			continue;
		for (uint32_t c = 0; c < w->n_classes; c++) {
			if (strcmp(w->classes[c].name, name) != 0)
				continue;
			if (found) {
				struct diag *d =
					diag_error(s->diags, i->at,
						   "several workloads have a class `%s`", name);
				diag_help(d, "say which: `%s.%s`", w->name, name);
				return false;
			}
			found = &w->classes[c];
			e->workload = w->id;
			e->class = found->gid;
		}
	}
	if (!found)
		no_class(s, i, name);
	return found != NULL;
}

static bool expect_workload(struct sema *s, const struct item *i, struct test_expect *e)
{
	const char *name = sema_word(s, i, "the name of a workload");
	const struct workload *w = name ? workload_named(s, name) : NULL;

	e->workload = w ? w->id : UINT32_MAX;
	if (w || !name || strcmp(name, "none") == 0)
		return name != NULL;
	sema_no_such(s, i, NULL);
	return false;
}

static bool expect_number(struct sema *s, const struct item *i, struct test_expect *e)
{
	struct range *r = arena_new_of(s->arena, struct range);

	if (!sema_number(s, i, "a mark or band", UINT32_MAX, &r->lo))
		return false;
	r->hi = r->lo;
	e->numbers = r;
	e->n_numbers = 1;
	return true;
}

/* The row whose form begins with the same words: `rx core NUMBER`, `rx drop`. */
static int expect_row(const struct item *i)
{
	for (size_t k = 0; k < lang_expects.n; k++) {
		const char *form = lang_expects.rows[k].form;
		const char *first = i->path[0].text;
		size_t n = strcspn(form, " ");

		if (strlen(first) != n || memcmp(form, first, n) != 0)
			continue;
		form += n + 1;
		if (*form >= 'A' && *form <= 'Z')
			return (int)k;
		n = strcspn(form, " ");
		if (i->next && i->next->kind == ITEM_WORD && strlen(i->next->path[0].text) == n &&
		    memcmp(form, i->next->path[0].text, n) == 0)
			return (int)k;
	}
	return -1;
}

static bool expectation(struct sema *s, const struct item *i, struct test_expect *e)
{
	int row = i && i->kind == ITEM_WORD ? expect_row(i) : -1;
	struct form f;

	if (row < 0) {
		struct diag *d = diag_error(s->diags, i ? item_span(i, 2) : e->at,
					    "this cannot be expected");

		diag_help(
			d,
			"`class NAME`, `workload NAME`, `rx pass`, `rx drop`, `rx core N`, `socket worker N`, …");
		return false;
	}
	if (!form_match(s, &lang_expects.rows[row], i, i->next, &f))
		return false;
	e->kind = (enum lang_expect)row;
	switch (e->kind) {
	case EXPECT_WORKLOAD: return expect_workload(s, form_get(&f, "NAME")->first, e);
	case EXPECT_CLASS: return expect_class(s, form_get(&f, "NAME")->first, e);
	case EXPECT_RX_STEER:
		e->pool = sema_find_pool(s, form_get(&f, "POOL")->first);
		return e->pool != NULL;
	case EXPECT_TX_MARK:
	case EXPECT_TX_BAND: return expect_number(s, form_get(&f, "NUMBER")->first, e);
	case EXPECT_RX_CORE:
	case EXPECT_WORKER:
		return sema_ranges(s, form_get(&f, "NUMBER"), "a number", POLICY_MAX_WORKERS - 1,
				   false, &e->numbers, &e->n_numbers);
	case EXPECT_WORKERS:
		return sema_ranges(s, form_get(&f, "NUMBERS"), "a number", POLICY_MAX_WORKERS - 1,
				   false, &e->numbers, &e->n_numbers);
	default: return true;
	}
}

void sema_test(struct sema *s, const struct decl *d)
{
	struct test t = { .name = d->name.text, .at = d->name.at };
	unsigned errors = diags_errors(s->diags);
	vec(struct test_step) steps = { 0 };
	bool packet = false, expect = false;

	for (const struct stmt *st = d->body; st; st = st->next) {
		struct test_step step = { .at = st->at };

		if (!sema_room(s, s->n_steps++, POLICY_MAX_STEPS, st->at,
			       "packets and expectations"))
			return;

		if (st->kind == STMT_PACKET) {
			step.is_packet = packet = true;
			if (!sema_packet(s, st, &step.packet, &step.len))
				continue;
		} else if (st->kind == STMT_PHRASE && item_is(st->phrases->items, "expect")) {
			step.expect.at = st->at;
			if (!packet) {
				diag_error(s->diags, st->at,
					   "a packet comes before what is expected of it");
				continue;
			}
			expect = true;
			if (!expectation(s, st->phrases->items->next, &step.expect))
				continue;
		} else {
			struct diag *g = diag_error(s->diags, st->at,
						    "a test holds packets and expectations");

			diag_help(
				g,
				"`packet udp 10.0.0.2:4000 -> 10.0.0.1:53 …;` and `expect class NAME;`");
			continue;
		}
		*vec_push(s->arena, &steps) = step;
	}
	if (strlen(t.name) > MAX_NAME)
		diag_error(s->diags, t.at, "a test's name has at most %d bytes", MAX_NAME);
	if (!expect && diags_errors(s->diags) == errors)
		diag_error(s->diags, t.at, "this test expects nothing, so it cannot fail");
	t.steps = steps.v;
	t.n_steps = (uint32_t)steps.n;
	*vec_push(s->arena, &s->tests) = t;
}
