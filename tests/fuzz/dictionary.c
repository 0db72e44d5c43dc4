/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of the language as a libFuzzer dictionary: each field, and each
 * word and whole form of the vocabulary's rows; then what the grammar has by
 * itself and what literals look like.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lang/lang.h"
#include "lang/protocols.h"

static const char *const others[] = {
	"policy ",     "include ",   "pool ",      "param ",      " live",      "header ",
	"signal ",     "cache ",     "workload ",  "class ",      "priority ",  "stage ",
	"set ",        " : addr ",   " : number ", "from file ", "test ",       "require ",   "packet ",    " when ",      " until ",    " and ",
	" or ",        "not ",       " in ",       " starts ",    " contains ", " within ",
	"expect ",     "all -> ",    "payload hex ", "payload text ", "flow",   "none",
	" { ",         " }",         " -> ",       " > ",         "..",         "==",
	"!=",          "<=",         ">=",         "<<",          ">>",         "10.0.0.0/8",
	"10.0.0.1:53", "fd00::/16",  "[fd00::1]:53", "02:00:00:00:00:01", "1k/s", "10mbit",
	"50us",        "99.5%",      "0xffffffffffffffff", "4Ki",  "0-3,8",      "\\xff",
	"\\r\\n",      "#",          "native xdp", "udp 10.0.0.2:4000 -> 10.0.0.1:53 ",
};

/* A word is written whole, with what would end it escaped. */
static void say(const char *word, size_t n)
{
	if (!n)
		return;
	putchar('"');
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)word[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (isprint(c))
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	puts("\"");
}

static void say_row(const struct lang_row *row)
{
	const char *form = row->form ? row->form : "";

	if (row->word)
		say(row->word, strlen(row->word));
	say(form, strlen(form));
	while (*form) {
		size_t n = strcspn(form, " []().,");

		if (n && islower((unsigned char)*form))
			say(form, n);
		form += n + (form[n] != '\0');
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		say(others[i], strlen(others[i]));
	for (int i = 0; i < FIELD_COUNT; i++)
		say(lang_fields[i].name, strlen(lang_fields[i].name));
	for (const struct lang_protocol *p = lang_protocols; p->name; p++)
		say(p->name, strlen(p->name));
	for (const struct lang_table *const *t = lang_tables; *t; t++) {
		for (size_t i = 0; i < (*t)->n; i++)
			say_row(&(*t)->rows[i]);
	}
	return 0;
}
