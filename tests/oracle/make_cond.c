/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random conditions: every comparison with every field it goes with, constants
 * near the bounds of their field.
 */
#include "make_policy.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "lang/lang.h"

static uint64_t width_max(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

/* A number of at most `max`, where something may happen. */
static uint64_t constant(struct rng *r, uint64_t max)
{
	uint64_t n;

	switch (rng_below(r, 6)) {
	case 0: n = rng_below(r, 4); break;
	case 1: n = max - rng_below(r, 3); break;
	case 2: n = max / 2 + rng_below(r, 2); break;
	case 3: n = (uint64_t)1 << rng_below(r, 64); break;
	case 4: n = rng_below(r, 32); break;
	default: n = rng_next(r); break;
	}
	return n <= max ? n : max == UINT64_MAX ? n : n % (max + 1);
}

static void say_number(struct rng *r, uint64_t n, FILE *out)
{
	fprintf(out, rng_percent(r, 25) ? "0x%" PRIx64 : "%" PRIu64, n);
}

/* --- fields --- */

struct chosen {
	char name[48];
	enum lang_type type;
	enum made_kind kind;
	unsigned bits, max, fixed;
};

static bool choose_made(struct rng *r, const struct made_scope *s, struct chosen *c)
{
	const struct made_field *f;

	if (!s->header || !s->header->n || s->no_payload || rng_percent(r, 45))
		return false;
	f = &s->header->fields[rng_below(r, s->header->n)];
	*c = (struct chosen){ .type = f->kind == MADE_NUMBER ? TYPE_NUMBER : TYPE_BYTES,
			      .kind = f->kind,
			      .bits = f->bits,
			      .max = f->max,
			      .fixed = f->fixed };
	snprintf(c->name, sizeof(c->name), "%s.%s", s->header->name, f->name);
	return true;
}

static struct chosen choose(struct rng *r, const struct made_scope *s)
{
	unsigned seen = s->socket ? SEEN_SOCKET : SEEN_RX;
	const struct lang_field_row *row;
	struct chosen c;
	int f, proto;

	if (choose_made(r, s, &c))
		return c;
	do {
		f = (int)rng_below(r, FIELD_COUNT);
		row = &lang_fields[f];
		proto = lang_field_proto(f);
	} while (!(row->stages & seen) ||
		 (s->no_payload && (f == FIELD_PAYLOAD || f == FIELD_PAYLOAD_LEN)) || (proto >= 0 && !(s->protos >> proto & 1)));
	c = (struct chosen){ .type = row->type, .kind = MADE_BYTES, .bits = row->bits, .max = 40 };
	if (row->type == TYPE_NUMBER)
		c.kind = MADE_NUMBER;
	snprintf(c.name, sizeof(c.name), "%s", row->name);
	return c;
}

static struct chosen choose_number(struct rng *r, const struct made_scope *s)
{
	struct chosen c;

	do
		c = choose(r, s);
	while (c.type != TYPE_NUMBER);
	return c;
}

static struct chosen choose_comparable(struct rng *r, const struct made_scope *s)
{
	struct chosen c;

	do
		c = choose(r, s);
	while (c.kind == MADE_LIST);
	return c;
}

void make_key(struct rng *r, const struct made_scope *s, FILE *out)
{
	fputs(choose(r, s).name, out);
}

/* --- literals --- */

unsigned make_string(struct rng *r, unsigned max, unsigned fixed, FILE *out)
{
	static const char *const alphabet[] = { "a",     "b",    "a",    "b", "c",
						"\\0",   "\\r",  "\\n",  " ", "\\xff",
						"\\x80", "\\\"", "\\\\", "1", "." };
	unsigned n = fixed;

	if (!n)
		n = rng_percent(r, 70) ? rng_in(r, 1, max < 4 ? max : 4) : rng_in(r, 1, max);
	fputc('"', out);
	for (unsigned i = 0; i < n; i++)
		fputs(alphabet[rng_below(r, 15)], out);
	fputc('"', out);
	return n;
}

/* Labels with points between them; returns the bytes of their form in the packet. */
static unsigned make_name(struct rng *r, unsigned label, unsigned elements, bool whole, FILE *out)
{
	unsigned most = elements - whole < 4 ? elements - whole : 4;
	unsigned n = rng_in(r, whole ? 0 : 1, most), total = whole;

	fputc('"', out);
	for (unsigned i = 0; i < n; i++) {
		unsigned bytes = rng_in(r, 1, rng_percent(r, 80) && label > 3 ? 3 : label);

		if (i)
			fputc('.', out);
		total += bytes + 1;
		while (bytes--)
			fputc("abc"[rng_below(r, 3)], out);
	}
	if (n && whole && rng_percent(r, 20))
		fputc('.', out);
	fputc('"', out);
	return total;
}

static void mask_addr(uint8_t *addr, unsigned bytes, unsigned len)
{
	for (unsigned bit = len; bit < 8 * bytes; bit++)
		addr[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

/* Few addresses, so that they meet. */
void make_address(struct rng *r, unsigned version, bool prefix, FILE *out)
{
	static const unsigned lens4[] = { 0, 1, 7, 8, 9, 15, 16, 23, 24, 25, 30, 31, 32 };
	static const unsigned lens6[] = { 8, 16, 47, 48, 63, 64, 65, 96, 97, 120, 126, 127, 128 };
	unsigned bytes = version == 4 ? 4 : 16;
	unsigned len = (version == 4 ? lens4 : lens6)[rng_below(r, 13)];
	uint8_t a[16] = { version == 4 ? 10 : 0xfd };
	char text[INET6_ADDRSTRLEN];

	if (rng_percent(r, 20))
		a[rng_in(r, 1, bytes - 1)] = (uint8_t)rng_next(r);
	if (rng_percent(r, 10) && version == 4)
		a[0] = (uint8_t)rng_in(r, 1, 223);
	a[bytes / 2] ^= (uint8_t)rng_below(r, 3);
	a[bytes - 1] ^= (uint8_t)rng_below(r, 4);
	if (prefix)
		mask_addr(a, bytes, len);
	inet_ntop(version == 4 ? AF_INET : AF_INET6, a, text, sizeof(text));
	fputs(text, out);
	if (prefix)
		fprintf(out, "/%u", len);
}

/* --- comparisons --- */

static void compare_constant(struct rng *r, uint64_t max, FILE *out)
{
	static const char *const ops[] = { "==", "==", "!=", "<=", ">=", "<", ">" };
	const char *op = ops[rng_below(r, 7)];
	uint64_t n = constant(r, max);

	/* What is never true is refused. */
	if (op[0] == '<' && !op[1] && n == 0)
		n = 1;
	if (op[0] == '>' && !op[1] && n == max)
		n = max - 1;
	if (max == 0) {
		op = "==";
		n = 0;
	}
	fprintf(out, "%s ", op);
	say_number(r, n, out);
}

static void make_in(struct rng *r, uint64_t max, FILE *out)
{
	unsigned n = rng_in(r, 1, 6);

	fputs("in ", out);
	if (n > 1)
		fputs("{ ", out);
	for (unsigned i = 0; i < n; i++) {
		uint64_t a = constant(r, max), b = constant(r, max);

		if (i)
			fputs(", ", out);
		say_number(r, a < b ? a : b, out);
		if (a != b && rng_percent(r, 50)) {
			fputc('-', out);
			say_number(r, a < b ? b : a, out);
		}
	}
	if (n > 1)
		fputs(" }", out);
}

/* `ip.ttl & 3`, `udp.sport >> 4`, …: something with a greatest value. */
static uint64_t make_sum(struct rng *r, const struct made_scope *s, const struct chosen *c,
			 FILE *out)
{
	uint64_t max = width_max(c->bits), m;
	struct chosen other;

	switch (rng_below(r, 5)) {
	case 0:
		m = constant(r, max);
		if (m == 0)
			m = 1;
		fprintf(out, "%s & ", c->name);
		say_number(r, m, out);
		return m;
	case 1:
		m = rng_below(r, c->bits);
		fprintf(out, "%s >> %" PRIu64, c->name, m);
		return max >> m;
	case 2:
		m = rng_below(r, c->bits == 64 ? 64 : 64 - c->bits + 1);
		fprintf(out, "%s << %" PRIu64, c->name, m);
		/* Bits that are shifted out are gone. */
		return c->bits == 64 ? UINT64_MAX : max << m;
	case 3:
		fprintf(out, "%s | ", c->name);
		say_number(r, constant(r, max), out);
		return max;
	default:
		other = choose_number(r, s);
		fprintf(out, "%s %c %s", c->name, "&|"[rng_below(r, 2)], other.name);
		return other.bits < c->bits ? width_max(other.bits) : max;
	}
}

static void make_number_cond(struct rng *r, const struct made_scope *s, const struct chosen *c,
			     FILE *out)
{
	static const char *const ops[] = { "==", "!=", "<", "<=", ">", ">=" };
	uint32_t which = rng_below(r, 100), set = rng_below(r, 4);

	if (set < s->params->n_numbers && s->params->bits[set] <= c->bits && rng_percent(r, 60)) {
		fprintf(out, "%s in n%u", c->name, set);
	} else if (which < 50) {
		fprintf(out, "%s ", c->name);
		compare_constant(r, width_max(c->bits), out);
	} else if (which < 65) {
		fprintf(out, "%s ", c->name);
		make_in(r, width_max(c->bits), out);
	} else if (which < 80) {
		uint64_t max;

		max = make_sum(r, s, c, out);
		fputc(' ', out);
		if (rng_percent(r, 80))
			compare_constant(r, max, out);
		else
			make_in(r, max, out);
	} else if (which < 90 && s->params->n && c->bits >= 8) {
		fprintf(out, "%s %s p%u", c->name, ops[rng_below(r, 6)],
			rng_below(r, s->params->n));
	} else if (which < 93) {
		/* a constant on the left */
		say_number(r, constant(r, width_max(c->bits)), out);
		fprintf(out, " == %s", c->name);
	} else {
		struct chosen other = choose_number(r, s);

		if (strcmp(other.name, c->name) == 0)
			fprintf(out, "%s != 0", c->name);
		else
			fprintf(out, "%s %s %s", c->name, ops[rng_below(r, 6)], other.name);
	}
}

static unsigned family_of(struct rng *r, const char *name)
{
	return name[2] == '4' ? 4 : name[2] == '6' ? 6 : rng_percent(r, 60) ? 4 : 6;
}

static void make_addr_cond(struct rng *r, const struct made_scope *s, const struct chosen *c,
			   FILE *out)
{
	unsigned n;

	fprintf(out, "%s ", c->name);
	if (s->params->n_addrs && rng_percent(r, 50)) {
		fprintf(out, "in a%u", rng_below(r, s->params->n_addrs));
		return;
	}
	if (rng_percent(r, 40)) {
		fputs(rng_percent(r, 70) ? "== " : "!= ", out);
		make_address(r, family_of(r, c->name), false, out);
		return;
	}
	if (rng_percent(r, 50)) {
		fputs("in ", out);
		make_address(r, family_of(r, c->name), true, out);
		return;
	}
	n = rng_in(r, 1, 7);
	fputs("in { ", out);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			fputs(", ", out);
		make_address(r, family_of(r, c->name), rng_percent(r, 60), out);
	}
	fputs(" }", out);
}

static void make_mac(struct rng *r, FILE *out)
{
	fprintf(out, "02:00:00:00:00:%02x", rng_below(r, 4));
}

static void make_mac_cond(struct rng *r, const struct chosen *c, FILE *out)
{
	fprintf(out, "%s ", c->name);
	if (rng_percent(r, 70)) {
		fputs(rng_percent(r, 70) ? "== " : "!= ", out);
		make_mac(r, out);
		return;
	}
	fputs("in { ", out);
	make_mac(r, out);
	fputs(", ", out);
	make_mac(r, out);
	fputs(" }", out);
}

static unsigned make_bytes_literal(struct rng *r, const struct chosen *c, bool whole, FILE *out)
{
	if (c->kind == MADE_JOINED)
		return make_name(r, c->max, c->fixed, whole, out);
	return make_string(r, c->max, whole ? c->fixed : 0, out);
}

static void make_bytes_cond(struct rng *r, const struct chosen *c, FILE *out)
{
	uint32_t which = rng_below(r, 100);
	unsigned n = rng_in(r, 2, 4);

	fprintf(out, "%s ", c->name);
	if (which < 35) {
		fputs(rng_percent(r, 75) ? "== " : "!= ", out);
		make_bytes_literal(r, c, true, out);
	} else if (which < 50) {
		fputs("in { ", out);
		while (n--) {
			make_bytes_literal(r, c, true, out);
			fputs(n ? ", " : " }", out);
		}
	} else if (which < 75) {
		fputs("starts ", out);
		make_bytes_literal(r, c, false, out);
	} else {
		fputs("contains ", out);
		n = make_bytes_literal(r, c, false, out);
		fprintf(out, " within %u", rng_in(r, n, n + (rng_percent(r, 20) ? 200 : 20)));
	}
}

static void make_comparison(struct rng *r, const struct made_scope *s, FILE *out)
{
	struct chosen c = choose_comparable(r, s);

	switch (c.type) {
	case TYPE_NUMBER: make_number_cond(r, s, &c, out); break;
	case TYPE_ADDR: make_addr_cond(r, s, &c, out); break;
	case TYPE_MAC: make_mac_cond(r, &c, out); break;
	default: make_bytes_cond(r, &c, out); break;
	}
}

void make_cond(struct rng *r, const struct made_scope *s, unsigned depth, FILE *out)
{
	uint32_t which = rng_below(r, 100);

	if (depth == 0 || which < 45) {
		make_comparison(r, s, out);
	} else if (which < 60) {
		fputs("not (", out);
		make_cond(r, s, depth - 1, out);
		fputc(')', out);
	} else {
		fputc('(', out);
		make_cond(r, s, depth - 1, out);
		fputs(which < 80 ? ") and (" : ") or (", out);
		make_cond(r, s, depth - 1, out);
		fputc(')', out);
	}
}
