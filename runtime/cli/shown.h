/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strings of objects, kernels and command lines, made fit to be shown: what is
 * not UTF-8 and what would steer a terminal is written as an escape.
 */
#ifndef IOP_CLI_SHOWN_H
#define IOP_CLI_SHOWN_H

#include <stddef.h>
#include <stdio.h>

enum shown_for {
	SHOWN_LINE, /* people, within a line: newline and tab are escapes, too */
	SHOWN_TEXT, /* people, several lines */
	SHOWN_JSON, /* valid UTF-8 and nothing else; the JSON library does the rest */
};

void shown_write(FILE *f, const char *s, enum shown_for how);
size_t shown_columns(const char *s); /* that shown_write(…, SHOWN_LINE) takes */
char *shown_copy(const char *s, enum shown_for how); /* malloc; NULL: no memory */

#endif
