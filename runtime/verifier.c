/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log at level 1 is, for each instruction that was looked at, a line
 *
 *	; the source's text @ file:line		(only where it changes)
 *	12: (71) r1 = *(u8 *)(r1 +0)		; the state afterwards
 *
 * then what is wrong, then "processed N insns …". What is wrong is a line or a few; some
 * kinds of it are followed by states.
 */
#include "verifier.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool starts(struct verifier_text line, const char *with)
{
	size_t n = strlen(with);

	return (size_t)line.length >= n && !memcmp(line.at, with, n);
}

/* "12: (71) …" and "12: R1=…" */
static bool is_instruction(struct verifier_text line)
{
	int i = 0;

	while (i < line.length && isdigit((unsigned char)line.at[i]))
		i++;
	return i > 0 && i < line.length && line.at[i] == ':';
}

/* Registers after a jump, and what a message about loops prints behind itself. */
static bool is_state(struct verifier_text line)
{
	return starts(line, "cur state:") || starts(line, "old state:") || starts(line, "from ") ||
	       starts(line, "caller:") || starts(line, "callee:") ||
	       (starts(line, " ") && memchr(line.at, '=', (size_t)line.length)) ||
	       (starts(line, "R") && line.length > 2 && isdigit((unsigned char)line.at[1]) &&
		memchr(line.at, '=', (size_t)line.length < 6 ? (size_t)line.length : 6));
}

/* "; text @ file:line" or "; text" */
static void read_source(struct verifier_text line, struct verifier_verdict *v)
{
	const char *at = line.at + 2, *end = line.at + line.length, *colon, *mark;

	v->source = (struct verifier_text){ at, (int)(end - at) };
	v->file = (struct verifier_text){ "", 0 };
	v->line = 0;
	for (colon = end; colon > at && isdigit((unsigned char)colon[-1]); colon--)
		;
	if (colon == end || colon == at || *--colon != ':')
		return;
	for (mark = colon; mark > at && (mark[0] != '@' || mark[1] != ' '); mark--)
		;
	if (mark[0] != '@')
		return;
	v->file = (struct verifier_text){ mark + 2, (int)(colon - mark) - 2 };
	v->line = (uint32_t)strtoul(colon + 1, NULL, 10);
	while (mark > at && mark[-1] == ' ')
		mark--;
	v->source.length = (int)(mark - at);
}

/* Lines that follow each other are one sentence. */
static void read_sentence(struct verifier_text line, struct verifier_verdict *v)
{
	if (v->sentence.length && v->sentence.at + v->sentence.length + 1 == line.at)
		v->sentence.length += 1 + line.length;
	else
		v->sentence = line;
}

struct verifier_verdict verifier_read(const char *log)
{
	struct verifier_verdict v = { { "", 0 }, { "", 0 }, { "", 0 }, 0, -1 };
	const char *next;

	for (const char *at = log; *at; at = next) {
		struct verifier_text line = { at, (int)strcspn(at, "\n") };

		next = at + line.length + (at[line.length] == '\n');
		if (starts(line, "; "))
			read_source(line, &v);
		else if (starts(line, "processed ") || starts(line, "verification time ") ||
			 starts(line, "stack depth "))
			continue;
		else if (is_instruction(line))
			v.instruction = strtoll(line.at, NULL, 10);
		else if (line.length && !is_state(line))
			read_sentence(line, &v);
	}
	return v;
}

const char *verifier_tail(const char *log, unsigned lines)
{
	const char *at = log + strlen(log);

	if (at > log && at[-1] == '\n')
		at--;
	while (at > log && (at[-1] != '\n' || --lines))
		at--;
	return at;
}
