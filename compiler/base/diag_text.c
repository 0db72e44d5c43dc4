/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes of unknown origin to characters that a terminal or a JSON reader
 * takes as they are meant.
 */
#include "base/diag_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct range {
	uint32_t first, last;
};

/* Code points that show nothing or change how their neighbours are shown: C1
 * controls, zero-width and directional marks, line separators, surrogates. */
static const struct range hidden[] = {
	{ 0x80, 0x9f },     { 0xad, 0xad },       { 0x61c, 0x61c },   { 0x180e, 0x180e },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
	{ 0xfff0, 0xfffb }, { 0xe0000, 0xe0fff },
};

/* Code points that take no column or two; the rest takes one. */
static const struct range combining[] = {
	{ 0x300, 0x36f },   { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
	{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};
static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },   { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static bool is_in(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

#define IS_IN(c, ranges) is_in((c), (ranges), sizeof(ranges) / sizeof((ranges)[0]))

/* Length of the UTF-8 sequence at `s` and its code point; 0 if it is none. */
static unsigned decode(const unsigned char *s, size_t n, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned length;
	uint32_t c;

	if (s[0] < 0x80) {
		*code = s[0];
		return 1;
	}
	length = s[0] >= 0xf8 ? 0 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
	if (length == 0 || length > n)
		return 0;
	c = s[0] & (0xffU >> (length + 1));
	for (unsigned i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return length;
}

struct glyph glyph_at(const char *s, size_t n)
{
	struct glyph g = { "", 0, 1 };
	uint32_t code = 0;

	g.bytes = decode((const unsigned char *)s, n, &code);
	if (g.bytes == 0) {
		g.bytes = 1;
		g.columns = (unsigned)snprintf(g.shown, sizeof(g.shown), "\\x%02x",
					       (unsigned char)s[0]);
	} else if (code == '\t') {
		g.shown[0] = ' ';
	} else if (code < 0x20 || code == 0x7f) {
		g.columns = (unsigned)snprintf(g.shown, sizeof(g.shown), "\\x%02x", code);
	} else if (IS_IN(code, hidden)) {
		g.columns = (unsigned)snprintf(g.shown, sizeof(g.shown), "\\u{%x}", code);
	} else {
		memcpy(g.shown, s, g.bytes);
		if (code >= 0x300)
			g.columns = IS_IN(code, combining) ? 0 : IS_IN(code, wide) ? 2 : 1;
	}
	return g;
}

void print_shown(FILE *out, const char *s)
{
	for (size_t left = strlen(s); left > 0;) {
		struct glyph g = glyph_at(s, left);

		fputs(g.shown, out);
		s += g.bytes;
		left -= g.bytes;
	}
}

void print_json(FILE *out, const char *s)
{
	size_t left;

	if (!s) {
		fputs("null", out);
		return;
	}
	fputc('"', out);
	for (left = strlen(s); left > 0;) {
		uint32_t code = 0;
		unsigned bytes = decode((const unsigned char *)s, left, &code);

		if (bytes == 0)
			fputs("\\ufffd", out);
		else if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (char)code);
		else if (code < 0x20 || code == 0x7f)
			fprintf(out, "\\u%04x", code);
		else
			fwrite(s, 1, bytes, out);
		bytes += bytes == 0;
		s += bytes;
		left -= bytes;
	}
	fputc('"', out);
}
