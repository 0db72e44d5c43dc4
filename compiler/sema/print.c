/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checked policy as text: what the names and defaults of the source have
 * become. For --emit=policy and the tests.
 */
#include <inttypes.h>

#include "sema/sema.h"

static void print_prefix(const struct prefix *p, FILE *out)
{
	if (p->family == 4) {
		fprintf(out, "%u.%u.%u.%u/%u", p->addr[0], p->addr[1], p->addr[2], p->addr[3], p->len);
		return;
	}
	for (int i = 0; i < 16; i += 2)
		fprintf(out, "%s%x", i ? ":" : "", p->addr[i] << 8 | p->addr[i + 1]);
	fprintf(out, "/%u", p->len);
}

static void print_ranges(const struct range *r, uint32_t n, FILE *out)
{
	for (uint32_t i = 0; i < n; i++) {
		fprintf(out, "%s%" PRIu64, i ? "," : "", r[i].lo);
		if (r[i].hi != r[i].lo)
			fprintf(out, "-%" PRIu64, r[i].hi);
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
	case VALUE_CONST:
		fprintf(out, "%" PRIu64, v->number);
		break;
	case VALUE_PARAM:
		fprintf(out, "param %s", v->param->name);
		break;
	case VALUE_FIELD:
		print_field(&v->field, out);
		break;
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
		if (b->data[i] >= ' ' && b->data[i] < 127 && b->data[i] != '"' && b->data[i] != '\\')
			fputc(b->data[i], out);
		else
			fprintf(out, "\\x%02x", b->data[i]);
	fputc('"', out);
}

static void print_cond(const struct cond *c, FILE *out)
{
	static const char *const ops[] = {
		[COND_AND] = "and", [COND_OR] = "or", [COND_EQ] = "==", [COND_NE] = "!=",
		[COND_LT] = "<", [COND_LE] = "<=", [COND_GT] = ">", [COND_GE] = ">=",
		[COND_BYTES] = "is", [COND_STARTS] = "starts", [COND_CONTAINS] = "contains",
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
		print_ranges(c->ranges, c->n, out);
		break;
	case COND_PREFIXES:
		print_field(&c->field, out);
		fputs(" in", out);
		for (uint32_t i = 0; i < c->n; i++) {
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

		fprintf(out, "%*s%s: ", indent, "", f->name ? f->name : "-");
		if (f->anchor)
			fprintf(out, "end of %s + ", f->anchor->name ? f->anchor->name : "-");
		fprintf(out, "%u, ", f->offset);
		if (f->kind == HTYPE_BITS)
			fprintf(out, "%u bits of %u bytes >> %u", f->bits, f->width, f->shift);
		else if (f->kind < HTYPE_BITS)
			fprintf(out, "%u bytes%s", f->width, f->little ? " little-endian" : "");
		else if (f->size_from)
			fprintf(out, "%s bytes, at most %u", f->size_from->name, f->max);
		else if (f->kind == HTYPE_REPEAT)
			fprintf(out, "at most %u elements", f->max);
		else
			fprintf(out, "%s%u bytes", f->kind == HTYPE_TEXT ? "at most " : "", f->max);
		if (f->delim_len) {
			fputs(" until ", out);
			print_bytes(&(struct bytes){ f->delim, f->delim_len }, out);
		}
		if (f->until) {
			fputs(" until ", out);
			print_cond(f->until, out);
		}
		fputc('\n', out);
		if (f->kind == HTYPE_REPEAT)
			print_hfields(f->fields, f->n_fields, indent + 2, out);
	}
}

static void print_selector(const struct selector *s, FILE *out)
{
	fprintf(out, " by %.*s", (int)strcspn(lang_selectors.rows[s->kind].form, "("),
		lang_selectors.rows[s->kind].form);
	if (s->flow)
		fputs(" flow", out);
	for (uint32_t i = 0; i < s->n_keys; i++) {
		fputc(' ', out);
		print_field(&s->keys[i], out);
	}
}

static void print_action(const struct action *a, FILE *out)
{
	fprintf(out, "%.*s", (int)strcspn(lang_actions.rows[a->kind].form, " "),
		lang_actions.rows[a->kind].form);
	switch (a->kind) {
	case ACTION_LIMIT:
		if (a->param)
			fprintf(out, " param %s", a->param->name);
		else
			fprintf(out, " %" PRIu64 "%s", a->rate, a->rate_type == TYPE_RATE ? "/s" : "bit");
		if (a->per_flow)
			fputs(" per flow", out);
		if (a->per) {
			fputs(" per ", out);
			print_field(a->per, out);
		}
		fprintf(out, " burst %" PRIu64, a->burst);
		if (a->otherwise) {
			fputs(" else ", out);
			print_action(a->otherwise, out);
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
			print_ranges(a->workers.ranges, a->workers.n_ranges, out);
		else
			fprintf(out, "%s", a->workers.kind == WORKERS_ALL ? "all"
					   : a->workers.kind == WORKERS_LAST ? "last" : "all but last");
		if (a->workers.kind > WORKERS_ALL)
			fprintf(out, " %u", a->workers.n);
		if (a->kind == ACTION_WORKERS)
			print_selector(&a->selector, out);
		break;
	default:
		break;
	}
}

static void print_workload(const struct workload *w, FILE *out)
{
	fprintf(out, "workload %u %s rank %u\n", w->id, w->name, w->rank);
	for (uint32_t i = 0; i < w->n_matches; i++) {
		const struct match *m = &w->matches[i];

		fprintf(out, "  match %u port ", (unsigned)m->proto);
		print_ranges(m->ports, m->n_ports, out);
		for (uint32_t k = 0; k < m->n_to; k++) {
			fputs(" to ", out);
			print_prefix(&m->to[k], out);
		}
		for (uint32_t k = 0; k < m->n_from; k++) {
			fputs(" from ", out);
			print_prefix(&m->from[k], out);
		}
		fputc('\n', out);
	}
	if (w->payload)
		fprintf(out, "  payload %s\n", w->payload->name);
	for (uint32_t i = 0; i < w->n_owners; i++)
		fprintf(out, "  threads %s \"%s\"\n", lang_owners.rows[w->owners[i].kind].form,
			w->owners[i].text);
	for (uint32_t i = 0; i < w->n_classes; i++) {
		const struct class *c = &w->classes[i];

		fprintf(out, "  class %u (%u) %s rank %u", c->id, c->gid, c->name, c->rank);
		if (c->when) {
			fputs(" when ", out);
			print_cond(c->when, out);
		}
		fputc('\n', out);
	}
	for (int i = 0; i < STAGE_COUNT; i++) {
		const struct stage *st = w->stages[i];

		if (!st)
			continue;
		fprintf(out, "  stage %s\n", lang_stages.rows[i].word);
		for (uint32_t k = 0; k < st->n_rules; k++) {
			fprintf(out, "    classes 0x%" PRIx64 ":", st->rules[k].classes);
			for (uint32_t n = 0; n < st->rules[k].n_actions; n++) {
				fputs(n ? ", " : " ", out);
				print_action(st->rules[k].actions[n], out);
			}
			fputc('\n', out);
		}
	}
}

void policy_print(const struct policy *p, FILE *out)
{
	fprintf(out, "policy %s\n", p->name);
	if (p->require_native_xdp)
		fputs("require native xdp\n", out);
	for (uint32_t i = 0; i < p->n_pools; i++) {
		fprintf(out, "pool %s", p->pools[i]->name);
		for (uint32_t k = 0; k < p->pools[i]->n_cores; k++)
			fprintf(out, "%s%u", k ? "," : " cores ", p->pools[i]->cores[k]);
		fputs(p->pools[i]->fixed ? "\n" : " resolved at load\n", out);
	}
	for (uint32_t i = 0; i < p->n_params; i++)
		fprintf(out, "param %s %s = %" PRIu64 " in %" PRIu64 "..%" PRIu64 "\n",
			p->params[i]->name, lang_type_name(p->params[i]->type), p->params[i]->value,
			p->params[i]->min, p->params[i]->max);
	for (uint32_t i = 0; i < p->n_headers; i++) {
		fprintf(out, "header %s\n", p->headers[i]->name);
		print_hfields(p->headers[i]->fields, p->headers[i]->n_fields, 2, out);
	}
	for (uint32_t i = 0; i < p->n_workloads; i++)
		print_workload(p->workloads[i], out);
	for (uint32_t i = 0; i < p->n_tests; i++)
		fprintf(out, "test \"%s\" %u steps\n", p->tests[i].name, p->tests[i].n_steps);
}
