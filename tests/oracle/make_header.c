/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random headers: each kind of field, in every order in which they may stand.
 */
#include "make_policy.h"

#include <string.h>

struct making {
	struct rng *r;
	FILE *out;
	struct made_header *h;
	const char *indent;
	char sizes[8][24]; /* numbers so far that can size what follows */
	unsigned n_sizes;
	struct {
		char name[24];
		unsigned bits;
	} numbers[8]; /* so far, for conditions */
	unsigned n_numbers;
	unsigned n_named; /* names are f0, f1, … */
	unsigned depth;   /* of `when` and `peek` */
	bool element, peek;
};

static const char *new_name(struct making *m, char buf[24])
{
	snprintf(buf, 24, "%c%u", m->element ? 'e' : 'f', m->n_named++);
	return buf;
}

static void remember(struct making *m, const char *name, enum made_kind kind, unsigned bits,
		     unsigned max, unsigned fixed)
{
	struct made_field *f;

	if (m->element || m->h->n == MADE_FIELDS_MAX)
		return;
	f = &m->h->fields[m->h->n++];
	*f = (struct made_field){ .kind = kind, .bits = bits, .max = max, .fixed = fixed };
	snprintf(f->name, sizeof(f->name), "%s", name);
}

static void remember_size(struct making *m, const char name[24])
{
	if (m->n_sizes < sizeof(m->sizes) / sizeof(m->sizes[0]))
		memcpy(m->sizes[m->n_sizes++], name, sizeof(m->sizes[0]));
}

static void remember_number(struct making *m, const char name[24], unsigned bits)
{
	if (m->n_numbers == sizeof(m->numbers) / sizeof(m->numbers[0]))
		return;
	memcpy(m->numbers[m->n_numbers].name, name, 24);
	m->numbers[m->n_numbers++].bits = bits;
}

static void make_number(struct making *m)
{
	static const unsigned bits[] = { 8, 8, 8, 16, 16, 32, 64 };
	unsigned b = bits[rng_below(m->r, 7)];
	bool little = rng_percent(m->r, 30);
	char name[24];

	fprintf(m->out, "%s%s %su%u;\n", m->indent, new_name(m, name), little ? "le " : "", b);
	remember(m, name, MADE_NUMBER, b, 0, 0);
	remember_number(m, name, b);
	if (b <= 16)
		remember_size(m, name);
}

/* Numbers whose size the packet says, or that no packet says. */
static void make_odd_number(struct making *m)
{
	static const struct {
		unsigned digits, bits;
	} decimals[] = { { 1, 4 }, { 2, 7 }, { 3, 10 }, { 5, 17 }, { 14, 47 } };
	unsigned which = rng_below(m->r, 10), i = rng_below(m->r, 5);
	char name[24];

	fprintf(m->out, "%s%s ", m->indent, new_name(m, name));
	if (which < 2) {
		fprintf(m->out, "given %u;\n", rng_below(m->r, 20));
		remember(m, name, MADE_NUMBER, 16, 0, 0);
	} else if (which < 5) {
		fprintf(m->out, "varint;\n");
		remember(m, name, MADE_NUMBER, 62, 0, 0);
	} else {
		static const char *const ends[] = { "\" \"", "\"\\r\\n\"", "{ \"a\", \"b\", \" \" }" };

		fprintf(m->out, "decimal max %u until %s;\n", decimals[i].digits, ends[rng_below(m->r, 3)]);
		remember(m, name, MADE_NUMBER, decimals[i].bits, 0, 0);
	}
	remember_size(m, name);
	remember_number(m, name, 4);
}

/* A run that fills 1, 2, 4 or 8 bytes. */
static void make_bits(struct making *m)
{
	unsigned left = 8u << rng_below(m->r, 4);

	while (left) {
		unsigned most = left < 32 ? left : 32, b = rng_in(m->r, 1, most);
		char name[24];

		fprintf(m->out, "%s%s bits %u;\n", m->indent, new_name(m, name), b);
		remember(m, name, MADE_NUMBER, b, 0, 0);
		if (b <= 8 && rng_percent(m->r, 40))
			remember_size(m, name);
		left -= b;
	}
}

/* ` f1 max 20` or ` 20`; returns the most bytes, and `fixed` if they are the only ones. */
static unsigned make_size(struct making *m, unsigned *fixed)
{
	unsigned n = rng_percent(m->r, 10) ? rng_in(m->r, 17, 80) : rng_in(m->r, 1, 16);

	*fixed = 0;
	if (m->n_sizes && rng_percent(m->r, 65)) {
		fprintf(m->out, " %s max %u;\n", m->sizes[rng_below(m->r, m->n_sizes)], n);
	} else {
		fprintf(m->out, " %u;\n", n);
		*fixed = n;
	}
	return n;
}

static void make_bytes(struct making *m)
{
	unsigned max, fixed;
	char name[24];

	if (rng_percent(m->r, 20)) {
		fprintf(m->out, "%sskip", m->indent);
		make_size(m, &fixed);
		return;
	}
	fprintf(m->out, "%s%s%s bytes", m->indent, new_name(m, name),
		rng_percent(m->r, 25) ? " nocase" : "");
	max = make_size(m, &fixed);
	remember(m, name, MADE_BYTES, 0, max, fixed);
}

static void make_text(struct making *m, bool last)
{
	static const char *const delimiters[] = { "\" \"",           "\"\\r\\n\"", "\"a\"",
						  "\"ab\"",          "\"\\0\"",    "\"aab\"",
						  "\"\\r\\n\\r\\n\"",  "{ \" \", \"a\" }",
						  "{ \"ab\", \"\\r\\n\", \"  \" }" };
	unsigned max = rng_percent(m->r, 15) ? rng_in(m->r, 30, 300) : rng_in(m->r, 1, 24);
	char name[24];

	fprintf(m->out, "%s%s%s text max %u", m->indent, new_name(m, name),
		rng_percent(m->r, 25) ? " nocase" : "", max);
	if (!last)
		fprintf(m->out, " until %s", delimiters[rng_below(m->r, 9)]);
	fputs(";\n", m->out);
	remember(m, name, MADE_BYTES, 0, max, 0);
}

static void make_labels(struct making *m)
{
	unsigned elements = rng_in(m->r, 1, 12), label = rng_in(m->r, 2, 20);
	char name[24];

	fprintf(m->out,
		"%s%s repeat max %u join \".\" until len == 0 {\n"
		"        len u8;\n"
		"        label bytes len max %u;\n"
		"    };\n",
		m->indent, new_name(m, name), elements, label);
	remember(m, name, MADE_JOINED, 0, label, elements);
}

static void make_field(struct making *m, bool last);

/* A list of any elements: it can be walked, and hashed, but no string stands for it. */
static void make_list(struct making *m)
{
	static const char *const ends[] = {
		"e0 == 0",          "e0 >= 0x80", "e0 & 1 == 1",        "not (e0 > 3)",
		"e0 in { 1, 5-9 }", "e0 != 2",    "e0 > 250 or e0 < 2", "e0 >> 7 == 0",
	};
	struct making inner = {
		.r = m->r, .out = m->out, .h = m->h, .element = true, .indent = "        "
	};
	unsigned n = rng_below(m->r, 3);
	bool seek = rng_percent(m->r, 50);
	char name[24];

	if (seek)
		fprintf(m->out, "%sseek max %u until %s {\n", m->indent, rng_in(m->r, 1, 10),
			ends[rng_below(m->r, 8)]);
	else
		fprintf(m->out, "%s%s repeat max %u until %s {\n", m->indent, new_name(m, name),
			rng_in(m->r, 1, 10), ends[rng_below(m->r, 8)]);
	fprintf(m->out, "        e0 u8;\n");
	inner.n_named = 1;
	remember_size(&inner, (const char[24]){ "e0" });
	inner.depth = 1;
	remember_number(&inner, (const char[24]){ "e0" }, 8);
	while (n--)
		make_field(&inner, false);
	fprintf(m->out, "    };\n");
	if (!seek)
		remember(m, name, MADE_LIST, 0, 0, 0);
}

/* A condition over the numbers so far, or over what each packet has. */
static void make_when(struct making *m)
{
	static const char *const packet[] = { "ip.version == 4", "payload.len > 20", "ip.ttl & 1 == 0",
					      "not (ip4.id < 9)" };
	unsigned i, max;

	fprintf(m->out, "when ");
	if (!m->element && (!m->n_numbers || rng_percent(m->r, 20))) {
		fprintf(m->out, "%s", packet[rng_below(m->r, 4)]);
		return;
	}
	i = rng_below(m->r, m->n_numbers);
	max = m->numbers[i].bits < 4 ? (1u << m->numbers[i].bits) - 1 : 9;
	switch (rng_below(m->r, 5)) {
	case 0: fprintf(m->out, "%s == %u", m->numbers[i].name, rng_in(m->r, 0, max)); break;
	case 1: fprintf(m->out, "%s != %u", m->numbers[i].name, rng_in(m->r, 0, max)); break;
	case 2: fprintf(m->out, "%s & 1 == %u", m->numbers[i].name, rng_below(m->r, 2)); break;
	case 3:
		fprintf(m->out, "not (%s < %u) or %s == 0", m->numbers[i].name, rng_in(m->r, 1, max),
			m->numbers[i].name);
		break;
	default:
		fprintf(m->out, "%s > 0 and %s != %u", m->numbers[i].name,
			m->numbers[rng_below(m->r, m->n_numbers)].name, rng_in(m->r, 0, 1));
	}
}

/* Fields between braces: behind a condition, or looked at only. What they say is not used for
 * sizes behind them as often as it is missing there. */
static void make_group(struct making *m, bool when)
{
	unsigned n = rng_in(m->r, 1, 3), sizes = m->n_sizes;
	bool peek = m->peek;

	fprintf(m->out, "%s", m->indent);
	if (when)
		make_when(m);
	else
		fprintf(m->out, "peek");
	fprintf(m->out, " {\n");
	m->depth++;
	m->peek |= !when;
	while (n--)
		make_field(m, false);
	m->peek = peek;
	m->depth--;
	if (rng_percent(m->r, 60))
		m->n_sizes = sizes;
	fprintf(m->out, "%s}\n", m->indent);
}

static void make_field(struct making *m, bool last)
{
	uint32_t which = rng_below(m->r, 100);

	if (rng_percent(m->r, 22) && m->depth < 2) {
		bool when = rng_percent(m->r, 60) && (m->n_numbers || !m->element);

		make_group(m, when);
		return;
	}
	if (rng_percent(m->r, 12)) {
		make_odd_number(m);
		return;
	}
	if (which < 40)
		make_number(m);
	else if (which < 52)
		make_bits(m);
	else if (which < 75)
		make_bytes(m);
	else if (which < 88 || m->element)
		make_text(m, last);
	else if (which < 94)
		make_labels(m);
	else
		make_list(m);
}

void make_header(struct rng *r, unsigned number, FILE *out, struct made_header *h)
{
	struct making m = { .r = r, .out = out, .h = h, .indent = "    " };
	unsigned n = rng_in(r, 1, 9);

	*h = (struct made_header){ .n = 0 };
	snprintf(h->name, sizeof(h->name), "h%u", number);
	fprintf(out, "header %s {\n", h->name);
	for (unsigned i = 0; i < n; i++)
		make_field(&m, i == n - 1 && rng_percent(r, 50));
	fprintf(out, "}\n");
}

void make_dns(struct made_header *h)
{
	static const struct made_field fields[] = {
		{ "id", MADE_NUMBER, 16, 0, 0 },      { "qr", MADE_NUMBER, 1, 0, 0 },
		{ "opcode", MADE_NUMBER, 4, 0, 0 },   { "rd", MADE_NUMBER, 1, 0, 0 },
		{ "qdcount", MADE_NUMBER, 16, 0, 0 }, { "qname", MADE_JOINED, 0, 63, 40 },
		{ "qtype", MADE_NUMBER, 16, 0, 0 },   { "qclass", MADE_NUMBER, 16, 0, 0 },
	};

	*h = (struct made_header){ .n = sizeof(fields) / sizeof(fields[0]) };
	strcpy(h->name, "dns");
	memcpy(h->fields, fields, sizeof(fields));
}
