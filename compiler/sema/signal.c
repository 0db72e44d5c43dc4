/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: what an application says of its workers.
 */
#include "sema/sema.h"

static struct signal *find(const struct sema *s, const char *name)
{
	for (size_t i = 0; i < s->signals.n; i++)
		if (strcmp(s->signals.v[i]->name, name) == 0)
			return s->signals.v[i];
	return NULL;
}

static const char form[] = "`signal depth : u32 per worker;`";

/* 0 after an error. */
static uint8_t width_of(struct sema *s, const struct item *type)
{
	int row = type->kind == ITEM_WORD
			  ? lang_find(&lang_header_types, type->path[0].text, 0)
			  : -1;

	switch (row) {
	case HTYPE_U8: return 1;
	case HTYPE_U16: return 2;
	case HTYPE_U32: return 4;
	case HTYPE_U64: return 8;
	default:
		diag_help(diag_error(s->diags, type->at, "a signal is a u8, u16, u32 or u64"),
			  "%s; it is stored as the machine stores numbers", form);
		return 0;
	}
}

void sema_signal(struct sema *s, const struct decl *d)
{
	const struct item *type = d->body->phrases->items, *per = type->next;
	const struct signal *before = find(s, d->name.text);
	uint8_t width;

	if (!sema_room(s, s->signals.n, POLICY_MAX_SIGNALS, d->name.at, "signals in a policy"))
		return;
	sema_name(s, &d->name);
	if (before) {
		sema_duplicate(s, "signal", d->name.text, d->name.at, before->at);
		return;
	}
	width = width_of(s, type);
	if (width && (!item_is(per, "per") || !item_is(per->next, "worker") || per->next->next)) {
		diag_help(diag_error(s->diags, d->body->at, "a signal has a value per worker"), "%s",
			  form);
		width = 0;
	}
	/* What is wrong with it has been said; that nobody declares it would not be true. */
	struct signal *signal = arena_new_of(s->arena, struct signal);

	*signal = (struct signal){ .id = (uint32_t)s->signals.n,
				   .name = d->name.text,
				   .at = d->name.at,
				   .width = width };
	*vec_push(s->arena, &s->signals) = signal;
}

const struct signal *sema_find_signal(struct sema *s, const struct item *call)
{
	const struct item *name = call->kind == ITEM_CALL ? call->args : NULL;
	struct signal *signal;
	struct diag *d;

	if (!name || name->kind != ITEM_WORD || name->next) {
		d = diag_error(s->diags, call->at, "`min` needs the signal that it compares");
		diag_help(d, "`min(depth)`, with %s", form);
		return NULL;
	}
	signal = find(s, name->path[0].text);
	if (signal) {
		signal->used = true;
		return signal;
	}
	d = diag_error(s->diags, name->at, "there is no signal `%s`", name->path[0].text);
	const char *names[POLICY_MAX_SIGNALS], *near;

	for (size_t i = 0; i < s->signals.n; i++)
		names[i] = s->signals.v[i]->name;
	near = diag_closest(name->path[0].text, names, s->signals.n);
	if (near)
		diag_help(d, "did you mean `%s`?", near);
	else
		diag_help(d, "declare it: `signal %s : u32 per worker;`", name->path[0].text);
	return NULL;
}
