/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random policies: pools, params, headers, workloads with their classes, and
 * rules with each action and selector.
 */
#include "make_policy.h"

#include <inttypes.h>
#include <string.h>

#include "lang/lang.h"
#include "sema/policy.h"

#define WORKLOADS_MAX 6
#define CLASSES_MAX 6
#define HEADERS_MAX 3

struct made_workload {
	struct made_scope scope;
	unsigned n_classes;
	bool has_rest; /* the last class takes what is left */
	bool only_all; /* no rule names a class */
	int stack;     /* pool of its stack stage; -1: it has none */
	bool joined;   /* a rule steers there */
	bool serves;   /* classes have a service time */
};

struct making {
	struct rng *r;
	const struct make_options *options;
	FILE *out;
	unsigned n_pools;
	unsigned cores[3], guaranteed[3]; /* of pools; 0 cores: not known */
	unsigned n_rates, n_bitrates; /* params r0 …, b0 … */
	bool udp_only; /* as most policies are */
	bool signals;  /* s0, s1; classes may have a service time */
	struct made_params params;
	struct made_header headers[HEADERS_MAX];
	unsigned n_headers;
	/* Of workloads that are alike: what all but their matches is made from, and how much their
	 * numbers differ. */
	const struct rng *like;
	unsigned vary;
	bool by_address; /* most of many are told by addresses */
};

/* --- what is declared first --- */

static void make_pools(struct making *m)
{
	m->n_pools = rng_in(m->r, 1, 3);
	for (unsigned i = 0; i < m->n_pools; i++) {
		unsigned lo = rng_below(m->r, MAKE_CORES), hi = rng_in(m->r, lo, MAKE_CORES - 1);

		fprintf(m->out, "pool c%u { ", i);
		if (rng_percent(m->r, 15)) {
			fputs("numa 0; ", m->out);
			if (rng_percent(m->r, 50))
				fputs("smt off; ", m->out);
		} else if (rng_percent(m->r, 50)) {
			/* the cores that every machine has */
			m->cores[i] = rng_in(m->r, 0, 3) + 1;
			fprintf(m->out, "cores 0-%u; ", m->cores[i] - 1);
		} else if (hi > lo && rng_percent(m->r, 40)) {
			fprintf(m->out, "cores %u-%u; except %u; ", lo, hi, rng_in(m->r, lo, hi));
		} else {
			fprintf(m->out, "cores %u,%u; ", lo, hi);
		}
		fputs("}\n", m->out);
	}
}

/* Few a second: whether a packet is over does not depend on the machine's speed. */
static void make_rate(struct making *m)
{
	static const char *const rates[] = { "1/s", "2/s", "10/s", "1G/s", "100k/s", "1000/s" };

	fputs(rates[(rng_below(m->r, 6) + m->vary) % 6], m->out);
}

static void make_bitrate(struct making *m)
{
	static const char *const rates[] = { "1kbit", "8kbit", "64kbit", "100gbit", "1mbit" };

	fputs(rates[(rng_below(m->r, 5) + m->vary) % 5], m->out);
}

/* A live one is in another section, and known to no one when the program is loaded. */
static const char *end_param(struct making *m)
{
	return rng_percent(m->r, 40) ? " live;\n" : ";\n";
}

static void make_params(struct making *m)
{
	m->params.n = rng_below(m->r, 4);
	for (unsigned i = 0; i < m->params.n; i++) {
		m->params.value[i] =
			rng_percent(m->r, 70) ? rng_below(m->r, 8) : rng_below(m->r, 256);
		fprintf(m->out, "param p%u = %" PRIu64 "%s", i, m->params.value[i], end_param(m));
	}
	m->n_rates = rng_below(m->r, 3);
	for (unsigned i = 0; i < m->n_rates; i++) {
		fprintf(m->out, "param r%u = ", i);
		make_rate(m);
		fputs(end_param(m), m->out);
	}
	m->n_bitrates = rng_below(m->r, 2);
	for (unsigned i = 0; i < m->n_bitrates; i++) {
		fprintf(m->out, "param b%u = ", i);
		make_bitrate(m);
		fputs(end_param(m), m->out);
	}
}

/* Short ones, which become code, and long ones, which become bits, a hash or a trie. */
static void make_address_set(struct making *m, unsigned number)
{
	unsigned n = rng_percent(m->r, 30) ? rng_in(m->r, 1, 10) : rng_in(m->r, 40, 90);
	bool hosts = rng_percent(m->r, 40);

	fprintf(m->out, "set a%u : addr { ", number);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			fputs(", ", m->out);
		if (hosts || rng_percent(m->r, 60))
			make_address(m->r, rng_percent(m->r, 60) ? 4 : 6, false, m->out);
		else if (rng_percent(m->r, 60))
			fprintf(m->out, "10.%u.%u.0/%u", rng_below(m->r, 4), 4 * rng_below(m->r, 64),
				rng_in(m->r, 22, 32));
		else
			fprintf(m->out, "fd00:%x:%x::/%u", rng_below(m->r, 4), 16 * rng_below(m->r, 16),
				rng_in(m->r, 44, 128));
	}
	fputs(" };\n", m->out);
}

static void make_number_set(struct making *m, unsigned number)
{
	static const unsigned widths[] = { 2, 8, 16, 20, 32, 64 };
	unsigned bits = widths[rng_below(m->r, 6)];
	unsigned n = rng_percent(m->r, 30) ? rng_in(m->r, 1, 10) : rng_in(m->r, 70, 200);
	uint64_t most = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
	bool single = rng_percent(m->r, 40);

	m->params.bits[number] = bits;
	fprintf(m->out, "set n%u : number { ", number);
	for (unsigned i = 0; i < n; i++) {
		uint64_t a = rng_next(m->r) & most & (rng_percent(m->r, 50) ? most : 0x1ff), b = a;

		if (!single && rng_percent(m->r, 40))
			b = most - a > 5 ? a + rng_below(m->r, 6) : most;
		fprintf(m->out, i ? ", %" PRIu64 : "%" PRIu64, a);
		if (b > a)
			fprintf(m->out, "-%" PRIu64, b);
	}
	fputs(" };\n", m->out);
}

static void make_sets(struct making *m)
{
	if (rng_percent(m->r, 50))
		return;
	m->params.n_addrs = rng_below(m->r, 3);
	m->params.n_numbers = rng_below(m->r, 4);
	for (unsigned i = 0; i < m->params.n_addrs; i++)
		make_address_set(m, i);
	for (unsigned i = 0; i < m->params.n_numbers; i++)
		make_number_set(m, i);
}

/* --- workloads --- */

static void make_set(struct making *m, const char *word, unsigned version, bool prefix)
{
	unsigned n = rng_in(m->r, 1, 3);

	fprintf(m->out, " %s ", word);
	if (n == 1) {
		make_address(m->r, version, prefix, m->out);
		return;
	}
	fputs("{ ", m->out);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			fputs(", ", m->out);
		make_address(m->r, rng_percent(m->r, 80) ? version : 10 - version, prefix, m->out);
	}
	fputs(" }", m->out);
}

/* Ports of its own, or those of all and an address of its own. */
static void make_match(struct making *m, unsigned number, bool shared, unsigned proto)
{
	unsigned base = 1000 + 100 * number, version = rng_percent(m->r, 60) ? 4 : 6;

	if (shared) {
		fprintf(m->out, "    match %s port 53 to { 10.9.%u.0/24", lang_protos.rows[proto].form,
			number);
		if (rng_percent(m->r, 30))
			fprintf(m->out, ", fd09:%x::/32", number);
		if (rng_percent(m->r, 30))
			fprintf(m->out, ", 10.9.%u.7, 10.10.%u.0/25", number, number);
		fputs(" };\n", m->out);
		return;
	}
	fprintf(m->out, "    match %s port ", lang_protos.rows[proto].form);
	switch (rng_below(m->r, 4)) {
	case 0: fprintf(m->out, "%u", base); break;
	case 1: fprintf(m->out, "%u-%u", base, base + rng_in(m->r, 1, 30)); break;
	case 2: fprintf(m->out, "{ %u, %u }", base, base + rng_in(m->r, 2, 30)); break;
	default:
		fprintf(m->out, "{ %u-%u, %u, %u-%u }", base, base + 3, base + 5, base + 7,
			base + rng_in(m->r, 8, 60));
	}
	if (rng_percent(m->r, 30))
		make_set(m, "to", version, rng_percent(m->r, 70));
	if (m->params.n_addrs && rng_percent(m->r, 20))
		fprintf(m->out, " from a%u", rng_below(m->r, m->params.n_addrs));
	else if (rng_percent(m->r, 30))
		make_set(m, "from", version, rng_percent(m->r, 70));
	fputs(";\n", m->out);
}

static void make_classes(struct making *m, struct made_workload *w)
{
	w->n_classes = rng_in(m->r, 1, CLASSES_MAX);
	w->serves = m->signals && !(w->scope.protos >> lang_find(&lang_protos, "tcp", 0) & 1) &&
		    rng_percent(m->r, 40);
	w->has_rest = m->options->for_replies || rng_percent(m->r, 60);
	for (unsigned i = 0; i < w->n_classes; i++) {
		fprintf(m->out, "    class k%u", i);
		if (i < w->n_classes - 1 || !w->has_rest) {
			fputs(" when ", m->out);
			make_cond(m->r, &w->scope, rng_below(m->r, 4), m->out);
		}
		if (w->serves && rng_percent(m->r, 60))
			fprintf(m->out, " service %uus", rng_in(m->r, 1, 4) * 100);
		fputs(";\n", m->out);
	}
}

/* --- rules --- */

/* What a reply has, for a key. */
static void make_reply_key(struct making *m, const struct made_workload *w)
{
	static const char *const fields[] = { "ip.src",  "ip.dst",     "ip4.src",  "ip6.src",
					      "ip4.dst", "ip.version", "ip.proto", "sport",
					      "dport" };
	unsigned i = rng_below(m->r, 9);
	bool tcp = w->scope.protos >> lang_find(&lang_protos, "tcp", 0) & 1;

	fprintf(m->out, "%s%s", i < 7 ? "" : tcp ? "tcp." : "udp.", fields[i]);
}

static void make_selector(struct making *m, const struct made_workload *w)
{
	static const char *const others[] = { "round_robin", "random", "local" };
	static const char *const least[] = { "least_loaded", "min(s0)", "min(s1)" };
	bool comma = false;
	unsigned n;

	if (m->signals && rng_percent(m->r, 60)) {
		fputs(least[rng_below(m->r, 3)], m->out);
		return;
	}
	if (rng_percent(m->r, 25)) {
		fputs(others[rng_below(m->r, w->stack < 0 ? 3 : 2)], m->out);
		return;
	}
	fputs("hash(", m->out);
	if (rng_percent(m->r, 40)) {
		fputs("flow", m->out);
		comma = true;
	}
	n = rng_in(m->r, !comma, rng_percent(m->r, 90) ? 2 : POLICY_MAX_HASH_KEYS);
	while (n--) {
		if (comma)
			fputs(", ", m->out);
		comma = true;
		make_key(m->r, &w->scope, m->out);
	}
	fputs(")", m->out);
}

static void make_steer(struct making *m, struct made_workload *w)
{
	unsigned pool = rng_below(m->r, m->n_pools);

	w->joined |= (int)pool == w->stack;
	fprintf(m->out, "steer to c%u by ", pool);
	make_selector(m, w);
}

static void make_limit(struct making *m, struct made_workload *w, const char *word)
{
	bool bits = rng_percent(m->r, 35), replies = m->options->for_replies;

	fprintf(m->out, "%s ", word);
	if (bits && m->n_bitrates && rng_percent(m->r, 50))
		fprintf(m->out, "b%u", rng_below(m->r, m->n_bitrates));
	else if (!bits && m->n_rates && rng_percent(m->r, 50))
		fprintf(m->out, "r%u", rng_below(m->r, m->n_rates));
	else if (bits)
		make_bitrate(m);
	else
		make_rate(m);
	if (rng_percent(m->r, m->like ? 10 : 60)) {
		fputs(" per ", m->out);
		if (rng_percent(m->r, 25))
			fputs("flow", m->out);
		else if (replies)
			make_reply_key(m, w);
		else
			make_key(m->r, &w->scope, m->out);
	}
	if (*word == 'p')
		return; /* `pace` has no more */
	if (bits && rng_percent(m->r, 70))
		fprintf(m->out, " burst %u", rng_in(m->r, 40, 4000) + 100 * m->vary);
	else if (!bits && rng_percent(m->r, 70))
		fprintf(m->out, " burst %u", rng_in(m->r, 1, 30) + m->vary);
	else if (rng_percent(m->r, 10))
		fprintf(m->out, " burst %u", bits ? POLICY_MAX_BURST_BYTES : POLICY_MAX_BURST);
	if (rng_percent(m->r, 35)) {
		fputs(" else ", m->out);
		switch (rng_below(m->r, replies ? 2 : 4)) {
		case 0: fputs("pass", m->out); break;
		case 1: fputs("drop", m->out); break;
		default: make_steer(m, w);
		}
	}
}

static void make_workers(struct making *m, const struct made_workload *w)
{
	unsigned a = rng_below(m->r, MAKE_WORKERS), b = rng_in(m->r, a, MAKE_WORKERS - 1);

	if (rng_percent(m->r, 25)) {
		fprintf(m->out, "worker %u", a);
		return;
	}
	fputs("workers ", m->out);
	switch (rng_below(m->r, 5)) {
	case 0: fputs("all", m->out); break;
	case 1: fprintf(m->out, "last %u", rng_in(m->r, 1, MAKE_WORKERS)); break;
	case 2: fprintf(m->out, "all but last %u", rng_in(m->r, 1, MAKE_WORKERS)); break;
	case 3: fprintf(m->out, "%u-%u", a, b); break;
	default:
		/* in an order of its own */
		if (a == 0 || b == a)
			fprintf(m->out, "%u", a);
		else
			fprintf(m->out, "%u-%u,%u", a, b, rng_below(m->r, a));
	}
	fputs(" by ", m->out);
	make_selector(m, w);
}

/* What a reply meets and goes on from. */
static void make_reply_action(struct making *m, struct made_workload *w)
{
	switch (rng_below(m->r, 8)) {
	case 0:
	case 1: make_limit(m, w, "limit"); break;
	case 2:
	case 3: make_limit(m, w, "pace"); break;
	case 4:
	case 5: fprintf(m->out, "mark %u", rng_below(m->r, 4)); break;
	case 6: fputs("order by priority", m->out); break;
	default: fputs("count", m->out);
	}
}

static void make_end(struct making *m, struct made_workload *w, enum lang_stage stage)
{
	uint32_t which = rng_below(m->r, stage == STAGE_TX ? 35 : 100);

	if (which < 15)
		fputs("pass", m->out);
	else if (which < 35)
		fputs("drop", m->out);
	else if (stage == STAGE_SOCKET)
		make_workers(m, w);
	else
		make_steer(m, w);
}

/* Classes for which no earlier rule ends the stage, at least one of them; as bits. */
static unsigned make_names(struct making *m, const struct made_workload *w, unsigned ended)
{
	unsigned all = (1u << w->n_classes) - 1, chosen = (unsigned)rng_next(m->r) & all & ~ended;
	bool comma = false;

	if (w->only_all || rng_percent(m->r, 30)) {
		fputs("all", m->out);
		return all;
	}
	while (!chosen)
		chosen = 1u << rng_below(m->r, w->n_classes) & ~ended;
	if (rng_percent(m->r, 20))
		chosen |= (unsigned)rng_next(m->r) & ended;
	for (unsigned i = 0; i < w->n_classes; i++) {
		if (!(chosen >> i & 1))
			continue;
		fprintf(m->out, "%sk%u", comma ? ", " : "", i);
		comma = true;
	}
	return chosen;
}

/* A pool with a core that is guaranteed to nobody yet. */
static void choose_stack(struct making *m, struct made_workload *w)
{
	unsigned pool = rng_below(m->r, m->n_pools);

	if (rng_percent(m->r, 25) && m->guaranteed[pool] < m->cores[pool])
		w->stack = (int)pool;
}

/* Where every class has ended elsewhere, it would be an error. */
static void make_stack(struct making *m, struct made_workload *w, bool open)
{
	unsigned left, least, most;

	if (w->stack < 0 || !(open || w->joined))
		return;
	left = m->cores[w->stack] - m->guaranteed[w->stack];
	least = rng_in(m->r, 1, left);
	most = rng_in(m->r, least, m->cores[w->stack]);
	m->guaranteed[w->stack] += least;
	fprintf(m->out, "    stage stack { cores %u..%u of c%d; }\n", least, most, w->stack);
}

static void make_stage(struct making *m, struct made_workload *w, enum lang_stage stage)
{
	unsigned all = (1u << w->n_classes) - 1, ended = 0, n = rng_in(m->r, 1, 6);

	fprintf(m->out, "    stage %s {\n", lang_stages.rows[stage].word);
	while (n-- && ended != all) {
		unsigned chosen, non_ending = rng_below(m->r, 3);
		bool ends = non_ending == 0 || rng_percent(m->r, 60), comma = false;

		fputs("        ", m->out);
		chosen = make_names(m, w, ended);
		fputs(" -> ", m->out);
		while (non_ending--) {
			if (comma)
				fputs(", ", m->out);
			comma = true;
			if (stage == STAGE_TX)
				make_reply_action(m, w);
			else if (stage == STAGE_RX && rng_percent(m->r, 60))
				make_limit(m, w, "limit");
			else
				fputs("count", m->out);
		}
		if (ends) {
			if (comma)
				fputs(", ", m->out);
			make_end(m, w, stage);
			ended |= chosen;
		}
		fputs(";\n", m->out);
	}
	fputs("    }\n", m->out);
	if (stage == STAGE_RX)
		make_stack(m, w, ended != all);
}

static void make_matches(struct making *m, unsigned number, unsigned n, const unsigned proto[2])
{
	bool sockets = m->options->for_sockets, shared = !sockets && rng_percent(m->r, m->by_address ? 85 : 15);

	if (sockets) {
		fprintf(m->out, "    match %s port %u", lang_protos.rows[proto[0]].form, 5000 + number);
		if (rng_percent(m->r, m->like ? 5 : 30))
			make_set(m, "to", 4, true);
		if (rng_percent(m->r, m->like ? 5 : 30))
			make_set(m, "from", 4, true);
		fputs(";\n", m->out);
	}
	for (unsigned i = 0; i < n && !sockets; i++)
		make_match(m, i ? number + 50 : number, shared && !i, proto[i]);
}

static void make_replies(struct making *m, struct made_workload *w)
{
	unsigned first = rng_below(m->r, w->n_classes), second = rng_below(m->r, w->n_classes);

	if (first != second && rng_percent(m->r, 70))
		fprintf(m->out, "    priority k%u > k%u;\n", first, second);
	make_stage(m, w, STAGE_TX);
}

/* All but the matches: these come between, and from numbers of their own. */
static void make_workload(struct making *m, unsigned number)
{
	struct made_workload w = { .scope = { .params = &m->params }, .stack = -1 };
	struct rng *r = m->r, like = m->like ? *m->like : *r, *own = m->like ? &like : r;
	bool sockets = m->options->for_sockets;
	bool replies = m->options->for_replies;
	bool rx = !sockets && !replies && (!number || m->like || rng_percent(own, 95));
	bool socket = sockets || rng_percent(own, 30);
	unsigned n_matches = rng_percent(own, 20) ? 2 : 1;
	struct made_header dns;
	int udp = lang_find(&lang_protos, "udp", 0), tcp = lang_find(&lang_protos, "tcp", 0);
	unsigned proto[2];
	enum lang_stage only;
	bool early;

	for (unsigned i = 0; i < 2; i++)
		proto[i] = (unsigned)(rng_percent(own, m->udp_only ? 0 : 45) ? tcp : udp);
	for (unsigned i = 0; i < (sockets ? 1 : n_matches); i++)
		w.scope.protos |= 1u << proto[i];
	w.scope.socket = socket;
	/* TCP picks its socket before any payload: a class that asks for it cannot be named. */
	early = socket && w.scope.protos >> tcp & 1;
	w.only_all = early && rng_percent(own, 30);
	w.scope.no_payload = early && !w.only_all;
	fprintf(m->out, "workload w%u {\n", number);
	make_matches(m, number, n_matches, proto);
	m->r = own;
	if (rng_percent(m->r, 8)) {
		make_dns(&dns);
		w.scope.header = &dns;
	} else if (m->n_headers && rng_percent(m->r, 80)) {
		w.scope.header = &m->headers[rng_below(m->r, m->n_headers)];
	}
	if (w.scope.header)
		fprintf(m->out, "    payload %s;\n", w.scope.header->name);
	if (rng_percent(m->r, 92)) {
		make_classes(m, &w);
		if (rx) {
			choose_stack(m, &w);
			make_stage(m, &w, STAGE_RX);
		}
		w.stack = -1;
		w.scope.no_payload = early;
		if (socket)
			make_stage(m, &w, STAGE_SOCKET);
		if (replies)
			make_replies(m, &w);
	} else {
		/* none declared: one, named like the workload */
		w.scope.no_payload = early;
		only = replies ? STAGE_TX : socket ? STAGE_SOCKET : STAGE_RX;
		fprintf(m->out, "    stage %s { all -> ", lang_stages.rows[only].word);
		make_end(m, &w, only);
		fputs("; }\n", m->out);
	}
	fputs("}\n", m->out);
	m->r = r;
}

/* So many that tables tell them, most of them alike. */
static void make_many(struct making *m)
{
	unsigned shapes = rng_in(m->r, 1, 3), number = 0;

	m->by_address = rng_percent(m->r, 40);
	for (unsigned i = 0; i < shapes; i++) {
		struct rng like = *m->r;
		unsigned n = rng_in(m->r, i ? 1 : 9, 12);

		m->like = &like;
		for (unsigned k = 0; k < n; k++) {
			m->vary = rng_percent(m->r, 30) ? 0 : k;
			make_workload(m, number++);
		}
		m->like = NULL;
		m->vary = 0;
		make_workload(m, number++);
	}
}

void make_policy(struct rng *r, const struct make_options *o, FILE *out)
{
	struct making m = { .r = r, .options = o, .out = out };
	unsigned n = o->for_sockets ? rng_in(r, 1, 2) : rng_in(r, 1, WORKLOADS_MAX);

	m.udp_only = rng_percent(r, 40);
	fputs("policy random;\n", out);
	make_pools(&m);
	make_params(&m);
	m.signals = o->for_sockets && rng_percent(r, 60);
	if (m.signals)
		fputs("signal s0 : u8 per worker;\nsignal s1 : u64 per worker;\n", out);
	make_sets(&m);
	m.n_headers = rng_below(r, HEADERS_MAX + 1);
	for (unsigned i = 0; i < m.n_headers; i++)
		make_header(r, i, out, &m.headers[i]);
	if (rng_percent(r, 15)) {
		make_many(&m);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		make_workload(&m, i);
}
