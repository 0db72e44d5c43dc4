/* SPDX-License-Identifier: BSD-2-Clause */
/* From bytes of unknown origin to characters that are shown as they are meant. */
#include "cli/shown.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Code points that show nothing or change how their neighbours are shown: C1
 * controls, zero-width and directional marks, line separators, tags. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x7f, 0x9f },     { 0xad, 0xad },       { 0x61c, 0x61c },   { 0x180e, 0x180e },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
	{ 0xfff0, 0xfffb }, { 0xe0000, 0xe0fff },
};

/* Bytes of the UTF-8 sequence at `s` and its code point; 0 if it is none. A string's NUL is no
 * continuation byte, so a sequence that is cut is none. */
static unsigned decode(const char *s, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	unsigned length = u[0] < 0x80    ? 1
			  : u[0] >= 0xf8 ? 0
			  : u[0] >= 0xf0 ? 4
			  : u[0] >= 0xe0 ? 3
			  : u[0] >= 0xc0 ? 2
					 : 0;
	uint32_t c = length == 1 ? u[0] : u[0] & (0xffu >> (length + 1));

	for (unsigned i = 1; i < length; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (!length || c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return length;
}

static bool is_hidden(uint32_t c)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	return c < 0x20;
}

/* One character of `s` as it is shown, at most 15 bytes; returns how many of `s` it is. */
static unsigned shown_one(const char *s, enum shown_for how, char out[16])
{
	uint32_t code;
	unsigned bytes = decode(s, &code);

	if (!bytes && how == SHOWN_JSON) {
		(void)snprintf(out, 16, "%s", REPLACEMENT);
	} else if (!bytes) {
		(void)snprintf(out, 16, "\\x%02x", (unsigned char)*s);
	} else if (how != SHOWN_JSON && is_hidden(code) &&
		   !(how == SHOWN_TEXT && (code == '\n' || code == '\t'))) {
		(void)snprintf(out, 16, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
	} else {
		memcpy(out, s, bytes);
		out[bytes] = '\0';
	}
	return bytes ? bytes : 1;
}

void shown_write(FILE *f, const char *s, enum shown_for how)
{
	char one[16];

	while (*s) {
		s += shown_one(s, how, one);
		(void)fputs(one, f); /* the stream remembers errors, and its owner asks */
	}
}

size_t shown_columns(const char *s)
{
	size_t columns = 0;
	char one[16];

	while (*s) {
		s += shown_one(s, SHOWN_LINE, one);
		/* What is not an escape is one character, however many bytes. */
		columns += one[0] == '\\' ? strlen(one) : 1;
	}
	return columns;
}

char *shown_copy(const char *s, enum shown_for how)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	shown_write(f, s, how);
	if (ferror(f) | fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
