/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a source: through the parser, sema and the plan, each of whose
 * values can be printed; messages that have a place; and if it is a policy, its
 * tests and a few packets through the interpreter.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/source.h"
#include "interp/interp.h"
#include "plan/plan.h"
#include "sema/policy.h"
#include "syntax/ast.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The words of the language, as if `-dict=` had been given. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char dictionary[] = "-dict=" IOP_DICTIONARY;
	char **more = calloc((size_t)*argc + 2, sizeof(*more));

	if (!more)
		abort();
	memcpy(more, *argv, (size_t)*argc * sizeof(*more));
	more[(*argc)++] = dictionary;
	*argv = more; /* libFuzzer keeps it to its end */
	return 0;
}

/* Nobody reads what is printed; it has to be printable. */
static FILE *nowhere(char **text)
{
	size_t size;
	FILE *f = open_memstream(text, &size);

	if (!f)
		abort();
	return f;
}

/* A datagram or segment to the first port of a match, over the family of its addresses. */
static size_t packet(const struct match *m, const uint8_t *payload, size_t n, uint8_t *b)
{
	const struct prefix *any = m->n_to ? m->to : m->n_from ? m->from : NULL;
	bool six = any && any->family == 6, tcp = m->proto == PROTO_TCP;
	size_t ip = 14, l4 = ip + (six ? 40 : 20), header = tcp ? 20 : 8;
	size_t length = n + header + (six ? 0 : 20);

	memset(b, 0, l4 + header);
	b[12] = six ? 0x86 : 0x08;
	b[13] = six ? 0xdd : 0x00;
	b[ip] = six ? 0x60 : 0x45;
	b[ip + (six ? 4 : 2)] = (uint8_t)(length >> 8);
	b[ip + (six ? 5 : 3)] = (uint8_t)length;
	b[ip + (six ? 6 : 9)] = (uint8_t)m->proto;
	if (m->n_from)
		memcpy(b + ip + (six ? 8 : 12), m->from->addr, six ? 16 : 4);
	if (m->n_to)
		memcpy(b + ip + (six ? 24 : 16), m->to->addr, six ? 16 : 4);
	if (m->n_ports) {
		b[l4 + 2] = (uint8_t)(m->ports->lo >> 8);
		b[l4 + 3] = (uint8_t)m->ports->lo;
	}
	if (tcp) {
		b[l4 + 12] = 5 << 4;
	} else {
		b[l4 + 4] = (uint8_t)((n + 8) >> 8);
		b[l4 + 5] = (uint8_t)(n + 8);
	}
	memcpy(b + l4 + header, payload, n);
	return l4 + header + n;
}

static void decide(const struct policy *p, const uint8_t *data, size_t size)
{
	uint8_t frame[14 + 40 + 20 + 256];
	size_t n = size < 256 ? size : 256;
	uint32_t *workers = calloc(p->n_workloads + 1, sizeof(*workers));
	struct interp_env env = { .workers = workers };
	struct decision d;

	if (!workers)
		abort();
	interp_test_workers(p, workers);
	interp_decide(p, data, size, &env, &d);
	for (uint32_t i = 0; i < p->n_workloads; i++) {
		for (uint32_t k = 0; k < p->workloads[i]->n_matches; k++) {
			size_t len = packet(&p->workloads[i]->matches[k], data + size - n, n, frame);

			interp_decide(p, frame, len, &env, &d);
			/* A destination of one family and a source of the other are no packet. */
			if (d.workload != i && !(p->workloads[i]->matches[k].n_to &&
						 p->workloads[i]->matches[k].n_from))
				abort();
		}
	}
	free(workers);
}

static void check(struct arena *a, struct source_set *sources, const struct ast *ast,
		  struct diags *diags, const uint8_t *data, size_t size, FILE *out)
{
	const struct policy *policy = sema_check(a, ast, sources, diags);
	const struct plan *plan;
	uint32_t n;

	if (!policy != (diags_errors(diags) > 0))
		abort(); /* NULL exactly when there was an error */
	if (!policy)
		return;
	policy_print(policy, out);
	interp_tests(policy, out);
	decide(policy, data, size);
	plan = plan_make(a, policy, 0, diags);
	if (!plan != (diags_errors(diags) > 0))
		abort();
	if (!plan)
		return;
	plan_print(plan, out);
	plan_print_header(plan, out);
	(void)plan_describe(a, plan, "fuzz", &n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct source_set *sources = source_set_new(a);
	struct diags *diags = diags_new(a, sources);
	const struct source *source =
		source_add(sources, "fuzz.iop", "fuzz.iop", (const char *)data, size);
	const struct ast *ast = syntax_parse_source(a, sources, source, diags);
	char *text = NULL;
	FILE *out = nowhere(&text);

	if (!ast != (diags_errors(diags) > 0))
		abort();
	if (ast) {
		ast_print(ast, out);
		check(a, sources, ast, diags, data, size, out);
	}
	diags_render(diags, DIAG_TEXT, out);
	diags_render(diags, DIAG_JSON, out);
	(void)fclose(out);
	free(text);
	arena_free(a);
	return 0;
}
