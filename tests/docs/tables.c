/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of the documentation, made from what they describe: the vocabulary's rows, the
 * limits of sema, the counters and the structs of the object. In a file of docs/ one stands
 * between
 *
 *	<!-- table NAME -->
 *	<!-- end of table -->
 *
 * docs_tables FILE…           exits with 1 and says which tables are not as they should be
 * docs_tables --update FILE…  writes them anew
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/count.h"
#include "abi/stack.h"
#include "lang/lang.h"
#include "lang/protocols.h"
#include "sema/policy.h"
#include "structs.h"

#define BEGIN "<!-- table "
#define END "<!-- end of table -->\n"

/* --- parts of a row --- */

/* A cell: `|` would end it. */
static void cell(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

static void code(FILE *out, const char *text)
{
	fputc('`', out);
	cell(out, text);
	fputc('`', out);
}

static void stages(FILE *out, unsigned set)
{
	const char *sep = "";

	for (int i = 0; i < STAGE_COUNT; i++)
		if (set >> i & 1) {
			fprintf(out, "%s`%s`", sep, lang_stages.rows[i].word);
			sep = ", ";
		}
}

/* The row's form and meaning, if it is of this age. */
static void rows(FILE *out, const struct lang_table *t, enum lang_since since)
{
	fputs("| form | meaning |\n| --- | --- |\n", out);
	for (size_t i = 0; i < t->n; i++) {
		if (t->rows[i].since != since)
			continue;
		fputs("| ", out);
		code(out, t->rows[i].form);
		fputs(" | ", out);
		cell(out, t->rows[i].doc);
		fputs(" |\n", out);
	}
}

/* --- the tables --- */

static void fields(FILE *out)
{
	fputs("| field | type | seen at | meaning |\n| --- | --- | --- | --- |\n", out);
	for (int i = 0; i < FIELD_COUNT; i++) {
		const struct lang_field_row *f = &lang_fields[i];

		if (!f->stages)
			continue;
		fprintf(out, "| `%s` | ", f->name);
		if (f->type == TYPE_NUMBER)
			fprintf(out, "%u bit%s", f->bits, f->bits == 1 ? "" : "s");
		else if (f->type == TYPE_MAC)
			fputs("MAC address", out);
		else
			fputs(f->type == TYPE_ADDR ? "address" : "bytes", out);
		fputs(" | ", out);
		stages(out, f->stages);
		fputs(" | ", out);
		cell(out, f->doc);
		fputs(" |\n", out);
	}
}

static void stage_table(FILE *out)
{
	fputs("| stage | kernel hook | what it hands out | today |\n| --- | --- | --- | --- |\n", out);
	for (size_t i = 0; i < lang_stages.n; i++) {
		const struct lang_row *r = &lang_stages.rows[i];

		fprintf(out, "| `%s` | %s | %s | %s |\n", r->word, r->form, r->doc,
			r->since == LANG_NOW ? "works" : "refused");
	}
}

/* Actions and selectors: with the stages where they may stand. */
static void placed(FILE *out, const struct lang_table *t, bool with_end)
{
	fprintf(out, "| %s | stages | meaning |%s\n| --- | --- | --- |%s\n", t->what,
		with_end ? " then |" : "", with_end ? " --- |" : "");
	for (size_t i = 0; i < t->n; i++) {
		const struct lang_row *r = &t->rows[i];

		if (r->since != LANG_NOW)
			continue;
		fputs("| ", out);
		code(out, r->form);
		fputs(" | ", out);
		stages(out, r->stages);
		fputs(" | ", out);
		cell(out, r->doc);
		fprintf(out, "%s |\n", !with_end ? "" : r->ends ? " | the stage ends" : " | next rule");
	}
}

static void actions(FILE *out)
{
	placed(out, &lang_actions, true);
}

static void selectors(FILE *out)
{
	placed(out, &lang_selectors, false);
}

static void workload(FILE *out)
{
	rows(out, &lang_workload_stmts, LANG_NOW);
}

static void owners(FILE *out)
{
	rows(out, &lang_owners, LANG_NOW);
}

static void pool_terms(FILE *out)
{
	rows(out, &lang_pool_terms, LANG_NOW);
}

static void header_types(FILE *out)
{
	rows(out, &lang_header_types, LANG_NOW);
}

static void expectations(FILE *out)
{
	rows(out, &lang_expects, LANG_NOW);
}

static void features(FILE *out)
{
	fputs("| feature | Linux | what needs it |\n| --- | --- | --- |\n", out);
	for (size_t i = 0; i < lang_features.n; i++) {
		const struct lang_row *r = &lang_features.rows[i];

		fprintf(out, "| %s | %u.%u | %s |\n", r->word, r->number >> 16, r->number & 0xffff,
			r->doc);
	}
}

static void protocols(FILE *out)
{
	fputs("| protocol | described in |\n| --- | --- |\n", out);
	for (const struct lang_protocol *p = lang_protocols; p->name; p++)
		fprintf(out, "| `%s` | `grammar/%s` |\n", p->name, p->file);
}

/* All that is recognised and refused. */
static void later(FILE *out)
{
	fputs("| what | form | meaning |\n| --- | --- | --- |\n", out);
	for (const struct lang_table *const *t = lang_tables; *t; t++)
		for (size_t i = 0; i < (*t)->n; i++) {
			const struct lang_row *r = &(*t)->rows[i];

			if (r->since != LANG_LATER)
				continue;
			fprintf(out, "| %s | ", (*t)->what);
			code(out, *t == &lang_stages ? r->word : r->form);
			fputs(" | ", out);
			cell(out, r->doc);
			fputs(" |\n", out);
		}
	for (int i = 0; i < FIELD_COUNT; i++)
		if (!lang_fields[i].stages)
			fprintf(out, "| field | `%s` | %s |\n", lang_fields[i].name, lang_fields[i].doc);
}

static void limits(FILE *out)
{
	static const struct {
		const char *what;
		unsigned long most;
	} list[] = {
		{ "workloads of a policy", POLICY_MAX_WORKLOADS },
		{ "classes of a workload", POLICY_MAX_CLASSES_PER_WORKLOAD },
		{ "numbers of cores", POLICY_MAX_CORES },
		{ "numbers of workers", POLICY_MAX_WORKERS },
		{ "keys of a `hash`", POLICY_MAX_HASH_KEYS },
		{ "bytes of a field that a `hash` or a limit's key takes", POLICY_MAX_KEY_BYTES },
		{ "cores of a pool that is known at load only", IOP_POOL_CORES },
		{ "bytes of a header's field, and of one element", POLICY_MAX_HEADER_BYTES },
		{ "elements of a `repeat` or `seek`", POLICY_MAX_REPEAT },
		{ "digits of a `decimal`", POLICY_MAX_DIGITS },
		{ "delimiters of a field", POLICY_MAX_DELIMITERS },
		{ "bytes of a `text`", POLICY_MAX_TEXT },
		{ "bytes that `contains` looks through", POLICY_MAX_CONTAINS },
	};

	fputs("| limit | most |\n| --- | --- |\n", out);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		fprintf(out, "| %s | %lu |\n", list[i].what, list[i].most);
}

#define ROW(id, name, doc) fprintf(out, "| %d | `%s` | %s |\n", number++, name, doc);

static void counters(FILE *out)
{
	int number = 0;

	fputs("| index | counter | meaning |\n| --- | --- | --- |\n", out);
	IOP_COUNTERS(ROW)
}

static void path_counters(FILE *out)
{
	int number = 0;

	fputs("| index | counter | meaning |\n| --- | --- | --- |\n", out);
	IOP_PATH_COUNTERS(ROW)
}

static void stack_counters(FILE *out)
{
	int number = 0;

	fputs("| index | counter | meaning |\n| --- | --- | --- |\n", out);
	IOP_STACK_COUNTERS(ROW)
}

static const struct table {
	const char *name;
	void (*print)(FILE *out);
} tables[] = {
	{ "fields", fields },
	{ "stages", stage_table },
	{ "actions", actions },
	{ "selectors", selectors },
	{ "workload", workload },
	{ "owners", owners },
	{ "pool-terms", pool_terms },
	{ "header-types", header_types },
	{ "protocols", protocols },
	{ "expectations", expectations },
	{ "features", features },
	{ "later", later },
	{ "limits", limits },
	{ "counters", counters },
	{ "path-counters", path_counters },
	{ "stack-counters", stack_counters },
};

/* False: there is no such table. */
static bool print_table(const char *name, FILE *out)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (strcmp(tables[i].name, name) == 0) {
			tables[i].print(out);
			return true;
		}
	return structs_print(name, out);
}

/* --- files --- */

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int c;

	if (!in || !out) {
		fprintf(stderr, "docs_tables: %s: %s\n", path, strerror(errno));
		exit(3);
	}
	while ((c = getc(in)) != EOF)
		fputc(c, out);
	(void)fclose(in);
	(void)fclose(out);
	return text;
}

/* The text with its tables as they should be; names of tables that differ go to stderr. */
static char *renew(const char *path, const char *text, bool *same)
{
	char *renewed = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&renewed, &size);
	const char *begin;

	while ((begin = strstr(text, BEGIN))) {
		const char *line = strchr(begin, '\n'), *end = strstr(begin, END);
		char name[64] = "", *table = NULL;
		size_t table_size = 0;
		FILE *f = open_memstream(&table, &table_size);

		if (!line || !end || sscanf(begin, BEGIN "%63[a-z0-9_-] -->", name) != 1 ||
		    !print_table(name, f)) {
			fprintf(stderr, "docs_tables: %s: there is no table \"%s\", or it has no end\n",
				path, name);
			exit(1);
		}
		(void)fclose(f);
		line++;
		fwrite(text, 1, (size_t)(line - text), out);
		fwrite(table, 1, table_size, out);
		if ((size_t)(end - line) != table_size || memcmp(line, table, table_size) != 0) {
			fprintf(stderr, "%s: table \"%s\" is not what it describes\n", path, name);
			*same = false;
		}
		free(table);
		text = end;
		fwrite(END, 1, strlen(END), out);
		text += strlen(END);
	}
	fputs(text, out);
	(void)fclose(out);
	return renewed;
}

static bool handle(const char *path, bool update)
{
	char *text = read_file(path), *renewed;
	bool same = true;
	FILE *out;

	renewed = renew(path, text, &same);
	if (!same && update) {
		out = fopen(path, "w");
		if (!out || fputs(renewed, out) < 0 || fclose(out)) {
			fprintf(stderr, "docs_tables: %s: %s\n", path, strerror(errno));
			exit(3);
		}
	}
	free(text);
	free(renewed);
	return same || update;
}

int main(int argc, char **argv)
{
	bool update = argc > 1 && strcmp(argv[1], "--update") == 0, fine = structs_are_complete();

	for (int i = 1 + update; i < argc; i++)
		fine = handle(argv[i], update) && fine;
	if (!fine)
		fputs("docs_tables --update FILE… writes the tables anew; read the difference\n",
		      stderr);
	return fine ? 0 : 1;
}
