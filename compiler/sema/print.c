/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checked policy as text: what the names and defaults of the source have
 * become. For --emit=policy and the tests.
 */
#include <inttypes.h>

#include "sema/sema.h"

/* 5000/s as 5k/s: the largest unit that the source could have had. */
static void print_scaled(uint64_t v, const char *const units[4], unsigned step, FILE *out)
{
	int i = 0;

	while (i < 3 && v && v % step == 0 && units[i + 1]) {
		v /= step;
		i++;
	}
	fprintf(out, "%" PRIu64 "%s", v, units[i]);
}

static void print_bitrate(uint64_t v, FILE *out)
{
	static const char *const units[] = { "kbit", "mbit", "gbit", NULL };

	if (v % 1000 == 0)
		print_scaled(v / 1000, units, 1000, out);
	else
		fprintf(out, "%" PRIu64 ".%03" PRIu64 "kbit", v / 1000, v % 1000);
}

static void print_number(enum lang_type type, uint64_t v, FILE *out)
{
	static const char *const rates[] = { "/s", "k/s", "M/s", "G/s" };
	static const char *const times[] = { "ns", "us", "ms", "s" };

	switch (type) {
	case TYPE_RATE: print_scaled(v, rates, 1000, out); break;
	case TYPE_BITRATE: print_bitrate(v, out); break;
	case TYPE_DURATION: print_scaled(v, times, 1000, out); break;
	case TYPE_MAC:
		for (int i = 40; i >= 0; i -= 8)
			fprintf(out, "%02x%s", (unsigned)(v >> i) & 0xff, i ? ":" : "");
		break;
	default: fprintf(out, "%" PRIu64, v);
	}
}

static void print_prefix(const struct prefix *p, FILE *out)
{
	if (p->family == 4) {
		fprintf(out, "%u.%u.%u.%u/%u", p->addr[0], p->addr[1], p->addr[2], p->addr[3],
			p->len);
		return;
	}
	for (int i = 0; i < 16; i += 2)
		fprintf(out, "%s%x", i ? ":" : "", p->addr[i] << 8 | p->addr[i + 1]);
	fprintf(out, "/%u", p->len);
}

static void print_ranges(enum lang_type type, const struct range *r, uint32_t n, FILE *out)
{
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			fputc(',', out);
		print_number(type, r[i].lo, out);
		if (r[i].hi == r[i].lo)
			continue;
		fputc('-', out);
		print_number(type, r[i].hi, out);
	}
}

static void print_field(const struct field_ref *f, FILE *out)
{
	if (f->hfield)
		fprintf(out, "%s.%s", f->hfield->header->name, f->hfield->name);
	else
		fputs(lang_fields[f->field].name, out);
}

static void print_value(const struct value *v, FILE *out)
{
	static const char *const ops[] = {
		[VALUE_AND] = "&", [VALUE_OR] = "|", [VALUE_SHL] = "<<", [VALUE_SHR] = ">>"
	};

	switch (v->kind) {
	case VALUE_CONST: print_number(v->type, v->number, out); break;
	case VALUE_PARAM: fputs(v->param->name, out); break;
	case VALUE_FIELD: print_field(&v->field, out); break;
	default:
		fputc('(', out);
		print_value(v->a, out);
		fprintf(out, " %s ", ops[v->kind]);
		print_value(v->b, out);
		fputc(')', out);
	}
}

static void print_bytes(const struct bytes *b, FILE *out)
{
	fputc('"', out);
	for (uint32_t i = 0; i < b->len; i++)
		if (b->data[i] >= ' ' && b->data[i] < 127 && b->data[i] != '"' &&
		    b->data[i] != '\\')
			fputc(b->data[i], out);
		else
			fprintf(out, "\\x%02x", b->data[i]);
	fputc('"', out);
}

static void print_cond(const struct cond *c, FILE *out)
{
	static const char *const ops[] = {
		[COND_AND] = "and",
		[COND_OR] = "or",
		[COND_EQ] = "==",
		[COND_NE] = "!=",
		[COND_LT] = "<",
		[COND_LE] = "<=",
		[COND_GT] = ">",
		[COND_GE] = ">=",
		[COND_BYTES] = "is",
		[COND_STARTS] = "starts",
		[COND_CONTAINS] = "contains",
	};

	switch (c->kind) {
	case COND_AND:
	case COND_OR:
		fputc('(', out);
		print_cond(c->a, out);
		fprintf(out, " %s ", ops[c->kind]);
		print_cond(c->b, out);
		fputc(')', out);
		break;
	case COND_NOT:
		fputs("not ", out);
		print_cond(c->a, out);
		break;
	case COND_RANGES:
		print_value(c->lhs, out);
		fputs(" in ", out);
		if (c->set) {
			fputs(c->set->name, out);
			break;
		}
		print_ranges(c->lhs->type, c->ranges, c->n, out);
		break;
	case COND_PREFIXES:
		print_field(&c->field, out);
		fputs(" in", out);
		if (c->set)
			fprintf(out, " %s", c->set->name);
		for (uint32_t i = 0; i < c->n && !c->set; i++) {
			fputc(' ', out);
			print_prefix(&c->prefixes[i], out);
		}
		break;
	case COND_BYTES:
	case COND_STARTS:
	case COND_CONTAINS:
		print_field(&c->field, out);
		fprintf(out, " %s", ops[c->kind]);
		for (uint32_t i = 0; i < c->n; i++) {
			fputc(' ', out);
			print_bytes(&c->strings[i], out);
		}
		if (c->kind == COND_CONTAINS)
			fprintf(out, " within %u", c->within);
		break;
	default:
		print_value(c->lhs, out);
		fprintf(out, " %s ", ops[c->kind]);
		print_value(c->rhs, out);
	}
}

static void print_hfields(struct hfield *const *fields, uint32_t n, int indent, FILE *out)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct hfield *f = fields[i];

		fprintf(out, "%*s%s: ", indent, "",
			f->name			? f->name
			: f->kind == HTYPE_PEEK ? "back"
			: f->kind != HTYPE_WHEN ? "-"
			: f->begin		? "end"
						: "when");
		if (f->anchor)
			fprintf(out, "end of %s + ", f->anchor->name ? f->anchor->name : "-");
		fprintf(out, "%u, ", f->offset);
		if (f->kind == HTYPE_BITS)
			fprintf(out, "%u bit%s of a unit of %u byte%s, shifted by %u", f->bits,
				f->bits == 1 ? "" : "s", f->width, f->width == 1 ? "" : "s",
				f->shift);
		else if (f->kind == HTYPE_GIVEN)
			fprintf(out, "given %" PRIu64, f->number);
		else if (f->kind == HTYPE_VARINT || f->kind == HTYPE_WHEN || f->kind == HTYPE_PEEK)
			fputs(f->kind == HTYPE_VARINT ? "1 to 8 bytes" : "0 bytes", out);
		else if (f->kind == HTYPE_DECIMAL)
			fprintf(out, "at most %u digits", f->max);
		else if (f->kind < HTYPE_BITS)
			fprintf(out, "%u byte%s%s", f->width, f->width == 1 ? "" : "s",
				f->little ? " little-endian" : "");
		else if (f->size_from)
			fprintf(out, "as many bytes as %s says, at most %u", f->size_from->name,
				f->max);
		else if (f->kind == HTYPE_REPEAT || f->kind == HTYPE_SEEK)
			fprintf(out, "%s %u elements", f->kind == HTYPE_SEEK ? "seek in" : "at most",
				f->max);
		else
			fprintf(out, "%s%u bytes", f->kind == HTYPE_TEXT ? "at most " : "", f->max);
		for (uint32_t k = 0; f->delim_len && k <= f->more_delims; k++) {
			fputs(k ? " or " : " until ", out);
			print_bytes(&(struct bytes){ f->delim + k * f->delim_len, f->delim_len }, out);
		}
		if (f->nocase)
			fputs(", letters of either case", out);
		if (f->when) {
			fputc(' ', out);
			print_cond(f->when, out);
		}
		if (f->until) {
			fputs(" until ", out);
			print_cond(f->until, out);
		}
		fputc('\n', out);
		if (f->n_fields)
			print_hfields(f->fields, f->n_fields, indent + 2, out);
	}
}

static void print_selector(const struct selector *s, FILE *out)
{
	fprintf(out, " by %.*s", (int)strcspn(lang_selectors.rows[s->kind].form, "("),
		lang_selectors.rows[s->kind].form);
	if (s->kind == SELECTOR_MIN)
		fprintf(out, "(%s)", s->signal->name);
	if (s->kind != SELECTOR_HASH)
		return;
	fputs(s->flow ? "(flow" : "(", out);
	for (uint32_t i = 0; i < s->n_keys; i++) {
		fputs(i || s->flow ? ", " : "", out);
		print_field(&s->keys[i], out);
	}
	fputc(')', out);
}

void action_print(const struct action *a, FILE *out)
{
	fprintf(out, "%.*s", (int)strcspn(lang_actions.rows[a->kind].form, " "),
		lang_actions.rows[a->kind].form);
	switch (a->kind) {
	case ACTION_ORDER: fputs(" by priority", out); break;
	case ACTION_MARK: fprintf(out, " %u", a->mark); break;
	case ACTION_LIMIT:
	case ACTION_PACE:
		fputc(' ', out);
		if (a->param)
			fputs(a->param->name, out);
		else
			print_number(a->rate_type, a->rate, out);
		if (a->per_flow)
			fputs(" per flow", out);
		if (a->per) {
			fputs(" per ", out);
			print_field(a->per, out);
		}
		if (a->kind == ACTION_LIMIT)
			fprintf(out, " burst %" PRIu64, a->burst);
		if (a->otherwise) {
			fputs(" else ", out);
			action_print(a->otherwise, out);
		}
		break;
	case ACTION_STEER:
		fprintf(out, " to %s", a->pool->name);
		print_selector(&a->selector, out);
		break;
	case ACTION_WORKER:
	case ACTION_WORKERS:
		fputc(' ', out);
		if (a->workers.kind == WORKERS_LIST)
			print_ranges(TYPE_NUMBER, a->workers.ranges, a->workers.n_ranges, out);
		else
			fprintf(out, "%s",
				a->workers.kind == WORKERS_ALL    ? "all"
				: a->workers.kind == WORKERS_LAST ? "last"
								  : "all but last");
		if (a->workers.kind > WORKERS_ALL)
			fprintf(out, " %u", a->workers.n);
		if (a->kind == ACTION_WORKERS)
			print_selector(&a->selector, out);
		break;
	default: break;
	}
}

static void print_prefixes(const char *word, const struct prefix *p, uint32_t n,
			   const struct set *set, FILE *out)
{
	if (set) {
		fprintf(out, "%s%s", word, set->name);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		fputs(i ? ", " : word, out);
		print_prefix(&p[i], out);
	}
}

void match_print(const struct match *m, FILE *out)
{
	fprintf(out, "%s port ", m->proto == PROTO_TCP ? "tcp" : "udp");
	print_ranges(TYPE_NUMBER, m->ports, m->n_ports, out);
	print_prefixes(" to ", m->to, m->n_to, m->to_set, out);
	print_prefixes(" from ", m->from, m->n_from, m->from_set, out);
}

static void print_text(const char *s, FILE *out)
{
	print_bytes(&(struct bytes){ (const uint8_t *)s, (uint32_t)strlen(s) }, out);
}

static void print_stack(const struct stack *st, FILE *out)
{
	fprintf(out, " cores %u..%u of %s, %u before, queue %u, target ", st->least, st->most,
		st->pool->name, st->before, st->queue);
	print_number(TYPE_DURATION, st->target, out);
}

static void print_workload(const struct workload *w, FILE *out)
{
	fprintf(out, "workload %u %s rank %u\n", w->id, w->name, w->rank);
	for (uint32_t i = 0; i < w->n_matches; i++) {
		fputs("  match ", out);
		match_print(&w->matches[i], out);
		fputc('\n', out);
	}
	if (w->payload)
		fprintf(out, "  payload %s\n", w->payload->name);
	for (uint32_t i = 0; i < w->n_owners; i++) {
		fprintf(out, "  threads %s ", lang_owners.rows[w->owners[i].kind].form);
		print_text(w->owners[i].text, out);
		fputc('\n', out);
	}
	for (uint32_t i = 0; i < w->n_classes; i++) {
		const struct class *c = &w->classes[i];

		fprintf(out, "  class %u (%u) %s rank %u", c->id, c->gid, c->name, c->rank);
		if (c->when) {
			fputs(" when ", out);
			print_cond(c->when, out);
		}
		if (c->service) {
			fputs(" service ", out);
			print_number(TYPE_DURATION, c->service, out);
		}
		fputc('\n', out);
	}
	for (int i = 0; i < STAGE_COUNT; i++) {
		const struct stage *st = w->stages[i];

		if (!st)
			continue;
		fprintf(out, "  stage %s", lang_stages.rows[i].word);
		if (i == STAGE_STACK)
			print_stack(w->stack, out);
		if (st->anywhere)
			fputs(" anywhere", out);
		fputc('\n', out);
		if (st->stuck_at.end) {
			fputs("    stuck ", out);
			print_number(TYPE_DURATION, st->stuck, out);
			fputc('\n', out);
		}
		for (uint32_t k = 0; k < st->n_rules; k++) {
			fprintf(out, "    classes 0x%" PRIx64 ":", st->rules[k].classes);
			for (uint32_t n = 0; n < st->rules[k].n_actions; n++) {
				fputs(n ? ", " : " ", out);
				action_print(st->rules[k].actions[n], out);
			}
			fputc('\n', out);
		}
	}
}

static const char *class_named(const struct policy *p, uint32_t gid)
{
	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct workload *w = p->workloads[i];

		if (gid - w->classes[0].gid < w->n_classes)
			return w->classes[gid - w->classes[0].gid].name;
	}
	return "none";
}

static void print_expect(const struct policy *p, const struct test_expect *e, FILE *out)
{
	const char *form = lang_expects.rows[e->kind].form;

	/* The words of the form before its placeholder. */
	fprintf(out, "  expect %.*s", (int)strcspn(form, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), form);
	switch (e->kind) {
	case EXPECT_WORKLOAD:
		fputs(e->workload == UINT32_MAX ? "none" : p->workloads[e->workload]->name, out);
		break;
	case EXPECT_CLASS: fputs(class_named(p, e->class), out); break;
	case EXPECT_RX_STEER: fputs(e->pool->name, out); break;
	default: print_ranges(TYPE_NUMBER, e->numbers, e->n_numbers, out);
	}
	fputc('\n', out);
}

static void print_test(const struct policy *p, const struct test *t, FILE *out)
{
	fputs("test ", out);
	print_text(t->name, out);
	fputc('\n', out);
	for (uint32_t i = 0; i < t->n_steps; i++) {
		const struct test_step *s = &t->steps[i];

		if (!s->is_packet) {
			print_expect(p, &s->expect, out);
			continue;
		}
		fputs("  packet ", out);
		for (uint32_t k = 0; k < s->len; k++)
			fprintf(out, "%02x", s->packet[k]);
		fputc('\n', out);
	}
}

static void print_pool(const struct pool *p, FILE *out)
{
	fprintf(out, "pool %s", p->name);
	for (uint32_t i = 0; i < p->n_cores; i++)
		fprintf(out, "%s%u", i ? "," : " cores ", p->cores[i]);
	for (uint32_t i = 0; !p->fixed && i < p->n_terms; i++) {
		const struct pool_term *t = &p->terms[i];
		const char *form = lang_pool_terms.rows[t->kind].form;

		/* The words of the form before its placeholder. */
		fprintf(out, "%s%.*s", i ? ", " : " ", (int)strcspn(form, "N"), form);
		if (t->kind != POOL_TERM_SMT)
			print_ranges(TYPE_NUMBER, &(struct range){ t->lo, t->hi }, 1, out);
	}
	fputs(p->fixed ? "\n" : ": resolved at load\n", out);
}

static void print_param(const struct param *p, FILE *out)
{
	fprintf(out, "param %s = ", p->name);
	print_number(p->type, p->value, out);
	fputs(", from ", out);
	print_number(p->type, p->min, out);
	if (p->max != UINT64_MAX) {
		fputs(" to ", out);
		print_number(p->type, p->max, out);
	}
	fputs(p->max == UINT64_MAX ? " on" : "", out);
	fputs(p->live ? ", live\n" : "\n", out);
}

/* All entries of a short one, the count of one that goes on. */
static void print_set(const struct set *s, FILE *out)
{
	const uint32_t most = 16;

	fprintf(out, "set %s : %s of %u", s->name, s->type == TYPE_ADDR ? "addr" : "number", s->n);
	for (uint32_t i = 0; i < s->n && i < most && s->type == TYPE_ADDR; i++) {
		fputs(i ? ", " : ": ", out);
		print_prefix(&s->prefixes[i], out);
	}
	if (s->type == TYPE_NUMBER) {
		fputs(": ", out);
		print_ranges(TYPE_NUMBER, s->ranges, s->n < most ? s->n : most, out);
	}
	fputs(s->n > most ? " …\n" : "\n", out);
}

void policy_print(const struct policy *p, FILE *out)
{
	fprintf(out, "policy %s\n", p->name);
	if (p->require_native_xdp)
		fputs("require native xdp\n", out);
	for (uint32_t i = 0; i < p->n_pools; i++)
		print_pool(p->pools[i], out);
	for (uint32_t i = 0; i < p->n_params; i++)
		print_param(p->params[i], out);
	for (uint32_t i = 0; i < p->n_sets; i++)
		print_set(p->sets[i], out);
	for (uint32_t i = 0; i < p->n_signals; i++)
		fprintf(out, "signal %s of %u bytes\n", p->signals[i]->name, p->signals[i]->width);
	for (uint32_t i = 0; i < p->n_headers; i++) {
		fprintf(out, "header %s\n", p->headers[i]->name);
		print_hfields(p->headers[i]->fields, p->headers[i]->n_fields, 2, out);
	}
	for (uint32_t i = 0; i < p->n_workloads; i++)
		print_workload(p->workloads[i], out);
	for (uint32_t i = 0; i < p->n_tests; i++)
		print_test(p, &p->tests[i], out);
}
