/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers with units, addresses and strings: from the characters of a token to
 * a value. Nothing is rounded, cut or guessed; what does not fit is an error
 * that says what would.
 */
#include <arpa/inet.h>
#include <string.h>

#include "syntax/ast_make.h"

#define MAX_FRACTION 9 /* digits behind the point */

struct unit {
	const char *name;
	enum lit_kind kind;
	uint64_t size;
};

static const struct unit units[] = {
	{ "", LIT_NUMBER, 1 },
	{ "k", LIT_NUMBER, 1000 },
	{ "M", LIT_NUMBER, 1000000 },
	{ "G", LIT_NUMBER, 1000000000 },
	{ "Ki", LIT_NUMBER, 1 << 10 },
	{ "Mi", LIT_NUMBER, 1 << 20 },
	{ "Gi", LIT_NUMBER, 1 << 30 },
	{ "ns", LIT_DURATION, 1 },
	{ "us", LIT_DURATION, 1000 },
	{ "ms", LIT_DURATION, 1000000 },
	{ "s", LIT_DURATION, 1000000000 },
	{ "/s", LIT_RATE, 1 },
	{ "k/s", LIT_RATE, 1000 },
	{ "M/s", LIT_RATE, 1000000 },
	{ "G/s", LIT_RATE, 1000000000 },
	{ "Ki/s", LIT_RATE, 1 << 10 },
	{ "Mi/s", LIT_RATE, 1 << 20 },
	{ "Gi/s", LIT_RATE, 1 << 30 },
	{ "kbit", LIT_BITRATE, 1000 },
	{ "mbit", LIT_BITRATE, 1000000 },
	{ "gbit", LIT_BITRATE, 1000000000 },
	{ "%", LIT_PERCENT, 1000 },
};

#define N_UNITS (sizeof(units) / sizeof(units[0]))
#define UNITS_HELP "units are k M G Ki Mi Gi, ns us ms s, /s k/s M/s, kbit mbit gbit and %%"

static const char *const smallest[] = {
	[LIT_NUMBER] = "a whole number",
	[LIT_DURATION] = "a whole number of nanoseconds",
	[LIT_RATE] = "a whole number per second",
	[LIT_BITRATE] = "a whole number of bits per second",
	[LIT_PERCENT] = "a whole number of thousandths of a percent",
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static struct literal *literal_new(struct parse *p, enum lit_kind kind)
{
	struct literal *l = arena_new_of(p->arena, struct literal);

	l->kind = kind;
	return l;
}

static const struct unit *unit_of(const char *name)
{
	for (size_t i = 0; i < N_UNITS; i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

static void report_unit(struct parse *p, struct span at, const char *name)
{
	struct span unit = { at.end - (uint32_t)strlen(name), at.end };
	struct diag *g = parse_error(p, at, "%s is not a number: there is no unit %s",
				     shown_at(p, at), shown_at(p, unit));

	for (size_t i = 0; i < N_UNITS; i++) {
		if (strcasecmp(units[i].name, name) == 0) {
			diag_help(g, "did you mean `%s`?", units[i].name);
			return;
		}
	}
	diag_help(g, UNITS_HELP);
}

static struct literal *hex_number(struct parse *p, struct span at, const char *text)
{
	struct literal *l = literal_new(p, LIT_NUMBER);
	const char *s = text + 2;

	for (; hex_value(*s) >= 0; s++) {
		if (l->value >> 60) {
			parse_error(p, at, "%s is too large: 64 bits are the most",
				    shown_at(p, at));
			return l;
		}
		l->value = l->value << 4 | (uint64_t)hex_value(*s);
	}
	if (*s || s == text + 2)
		parse_error(p, at, "%s is not a number: `0x` stands before hexadecimal digits",
			    shown_at(p, at));
	return l;
}

struct literal *literal_number(struct parse *p, struct span at)
{
	const char *text = text_at(p, at), *s = text;
	unsigned __int128 value = 0, scale = 1;
	const struct unit *unit;
	struct literal *l;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return hex_number(p, at, text);
	l = literal_new(p, LIT_NUMBER);
	for (; is_digit(*s); s++)
		if (value <= UINT64_MAX)
			value = value * 10 + (unsigned)(*s - '0');
	if (text[0] == '0' && s > text + 1) {
		parse_error(p, at, "%s is not a number: it begins with 0", shown_at(p, at));
		return l;
	}
	if (value > UINT64_MAX) {
		parse_error(p, at, "%s is too large: 64 bits are the most", shown_at(p, at));
		return l;
	}
	if (*s == '.') {
		for (s++; is_digit(*s) && scale <= 100000000; s++, scale *= 10)
			value = value * 10 + (unsigned)(*s - '0');
		if (is_digit(*s)) {
			parse_error(p, at, "%s has more than %d digits behind the point",
				    shown_at(p, at), MAX_FRACTION);
			return l;
		}
	}
	unit = unit_of(s);
	if (!unit) {
		report_unit(p, at, s);
		return l;
	}
	l->kind = unit->kind;
	if (value * unit->size % scale != 0)
		parse_error(p, at, "%s is not %s", shown_at(p, at), smallest[unit->kind]);
	else if (value * unit->size / scale > UINT64_MAX)
		parse_error(p, at, "%s is too large: 64 bits are the most", shown_at(p, at));
	else
		l->value = (uint64_t)(value * unit->size / scale);
	return l;
}

/* Decimal, without a sign or a leading zero, up to `max`; or -1. */
static int small_number(const char *s, int max)
{
	int value = 0;

	if (!is_digit(s[0]) || (s[0] == '0' && s[1]))
		return -1;
	for (; is_digit(*s); s++) {
		value = value * 10 + (*s - '0');
		if (value > max)
			return -1;
	}
	return *s ? -1 : value;
}

static bool read_mac(const char *s, uint64_t *value)
{
	*value = 0;
	for (int i = 0; i < 6; i++, s += 3) {
		if (hex_value(s[0]) < 0 || hex_value(s[1]) < 0 || s[2] != (i < 5 ? ':' : '\0'))
			return false;
		*value = *value << 8 | (uint64_t)(hex_value(s[0]) << 4 | hex_value(s[1]));
	}
	return true;
}

static bool read_host(struct literal *l, const char *host)
{
	l->kind = LIT_ADDR;
	l->family = strchr(host, ':') ? 6 : 4;
	l->prefix_len = l->family == 6 ? 128 : 32;
	return inet_pton(l->family == 6 ? AF_INET6 : AF_INET, host, l->addr) == 1;
}

/* Clears what lies behind the prefix; was anything set there? */
static bool clear_host_bits(struct literal *l)
{
	bool any = false;

	for (unsigned bit = l->prefix_len; bit < (l->family == 6 ? 128U : 32U); bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		any |= (l->addr[bit / 8] & mask) != 0;
		l->addr[bit / 8] &= (uint8_t)~mask;
	}
	return any;
}

static void read_prefix(struct parse *p, struct span at, struct literal *l, const char *length)
{
	int most = l->family == 6 ? 128 : 32, n = small_number(length, most);
	char network[INET6_ADDRSTRLEN] = "";
	struct diag *g;

	l->has_prefix = true;
	if (n < 0) {
		parse_error(p, at, "%s: the prefix of an IPv%d address has 0 to %d bits",
			    shown_at(p, at), l->family, most);
		return;
	}
	l->prefix_len = (uint8_t)n;
	if (!clear_host_bits(l))
		return;
	inet_ntop(l->family == 6 ? AF_INET6 : AF_INET, l->addr, network, sizeof(network));
	g = parse_error(p, at, "%s has bits set behind its prefix", shown_at(p, at));
	diag_help(g, "the network is %s/%d", network, n);
}

struct literal *literal_address(struct parse *p, struct span at)
{
	const char *text = text_at(p, at), *slash = strchr(text, '/');
	const char *host = slash ? arena_strndup(p->arena, text, (size_t)(slash - text)) : text;
	struct literal *l = literal_new(p, LIT_MAC);

	if (!slash && strlen(text) == 17 && read_mac(text, &l->value))
		return l;
	l->value = 0;
	if (!read_host(l, host))
		parse_error(p, at, "%s is not an %s address", shown_at(p, at),
			    l->family == 6 ? "IPv6 or MAC" : "IPv4");
	else if (slash)
		read_prefix(p, at, l, slash + 1);
	return l;
}

struct item *literal_endpoint(struct parse *p, struct span at)
{
	struct literal *address = literal_new(p, LIT_ADDR), *port = literal_new(p, LIT_NUMBER);
	const char *text = text_at(p, at), *colon = strrchr(text, ':');
	size_t bracket = text[0] == '[';
	const char *host =
		arena_strndup(p->arena, text + bracket, (size_t)(colon - text) - 2 * bracket);
	int n = small_number(colon + 1, 65535);

	if (!read_host(address, host) || (address->family == 6) != (bracket == 1))
		parse_error(p, at, "%s is not an address and a port", shown_at(p, at));
	else if (n < 0)
		parse_error(p, at, "%s: a port is a number from 0 to 65535", shown_at(p, at));
	else
		port->value = (uint64_t)n;
	return item_pair(p, ITEM_ENDPOINT, at, address, port);
}

/* One escape at `s`; its byte goes to *out. Returns its length in the source, 0 if
 * there is no such escape. */
static unsigned read_escape(const char *s, size_t n, char *out)
{
	static const char letters[] = "\"\\nrt0", values[] = "\"\\\n\r\t";
	const char *letter = n > 1 ? memchr(letters, s[1], sizeof(letters) - 1) : NULL;

	if (letter) {
		*out = values[letter - letters];
		return 2;
	}
	if (n < 4 || s[1] != 'x' || hex_value(s[2]) < 0 || hex_value(s[3]) < 0)
		return 0;
	*out = (char)(hex_value(s[2]) << 4 | hex_value(s[3]));
	return 4;
}

static void report_escape(struct parse *p, struct span at, char letter)
{
	struct diag *g = parse_error(p, at, "unknown escape in a string");

	if (letter == 'x')
		diag_help(g, "`\\x` stands before two hexadecimal digits");
	else
		diag_help(g, "escapes are \\\" \\\\ \\n \\r \\t \\0 and \\xHH");
}

struct literal *literal_string(struct parse *p, struct span at, bool terminated)
{
	const char *s = p->source->text + (at.begin - p->source->base) + 1;
	size_t n = at.end - at.begin - 1 - terminated;
	struct literal *l = literal_new(p, LIT_STRING);
	char *out = arena_alloc(p->arena, n + 1);
	struct span here;

	if (!terminated) {
		if (n && s[n - 1] == '\r')
			n--;
		here = (struct span){ at.begin, at.begin + 1 + (uint32_t)n };
		parse_error(p, here, "the string is not closed before the end of the line");
		p->cut_string = at.end;
	}
	for (size_t i = 0, took; i < n; i += took) {
		here.begin = at.begin + 1 + (uint32_t)i;
		here.end = here.begin + 1;
		took = 1;
		if (s[i] == '\\' && (took = read_escape(s + i, n - i, &out[l->len])) == 0) {
			took = n - i > 1 ? 2 : 1;
			here.end = here.begin + (uint32_t)took;
			if (terminated)
				report_escape(p, here, n - i > 1 ? s[i + 1] : '\0');
			continue;
		}
		if (s[i] != '\\') {
			out[l->len] = s[i];
			if (terminated && ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) &&
			    s[i] != '\t')
				parse_error(p, here,
					    "a control byte in a string is written \\x%02x",
					    (unsigned char)s[i]);
		}
		l->len++;
	}
	l->text = out;
	return l;
}
