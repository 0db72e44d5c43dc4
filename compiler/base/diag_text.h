/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source text and names of files are not to be trusted on a terminal: they may
 * hold control bytes, bytes that are no UTF-8, and characters that turn the
 * direction of a line around. Here they become something that can be shown.
 */
#ifndef IOP_BASE_DIAG_TEXT_H
#define IOP_BASE_DIAG_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* One character of source, as it is shown. */
struct glyph {
	char shown[16];   /* NUL-terminated, printable */
	unsigned bytes;   /* taken from the source, 1 to 4 */
	unsigned columns; /* taken on the screen, 0 to 15 */
};

/* The character at `s`, of which `n` > 0 bytes may be read. A tab is one blank. */
struct glyph glyph_at(const char *s, size_t n);

/* `s` with what cannot be shown replaced. */
void print_shown(FILE *out, const char *s);

/* `s` as a JSON string with its quotes; what is no UTF-8 becomes U+FFFD. NULL is null. */
void print_json(FILE *out, const char *s);

#endif
