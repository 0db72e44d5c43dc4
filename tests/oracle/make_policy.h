/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random policies, as text: what a person might write and what nobody would.
 * Nearly all are valid; a few are refused for what only the whole shows (a
 * class that cannot be reached).
 */
#ifndef IOP_TESTS_MAKE_POLICY_H
#define IOP_TESTS_MAKE_POLICY_H

#include <stdio.h>

#include "rng.h"

/* Greatest core and worker that a policy names. */
#define MAKE_CORES 8
#define MAKE_WORKERS 10
#define MAKE_ROWS 64 /* of workers: those of a group, and what stands before them */

struct make_options {
	/* Each workload has one port and addresses in 10.0.0.0/8 and fd00::/8 only, a socket
	 * stage, and no driver stage. */
	bool for_sockets;
	/* Each workload has a stage tx, no driver stage, and a class for all that is left. */
	bool for_replies;
};

void make_policy(struct rng *r, const struct make_options *o, FILE *out);

/* --- make_header.c, make_cond.c: parts of it --- */

/* A LIST can be a key; no string stands for it. */
enum made_kind { MADE_NUMBER, MADE_BYTES, MADE_JOINED, MADE_LIST };

/* A field that conditions and keys can name. */
struct made_field {
	char name[24];
	enum made_kind kind;
	unsigned bits; /* NUMBER */
	unsigned max;   /* BYTES: most bytes; JOINED: of a label */
	unsigned fixed; /* BYTES: exactly so many, or 0; JOINED: most elements */
};

#define MADE_FIELDS_MAX 24
struct made_header {
	char name[16];
	struct made_field fields[MADE_FIELDS_MAX];
	unsigned n;
};

void make_header(struct rng *r, unsigned number, FILE *out, struct made_header *h);
/* The built-in description of DNS, for conditions. */
void make_dns(struct made_header *h);

struct made_params {
	unsigned n;
	uint64_t value[8]; /* of param p0, p1, … */
	unsigned n_addrs;     /* sets a0, a1, … of addresses */
	unsigned n_numbers;   /* sets n0, n1, … of numbers */
	unsigned bits[4];     /* of their greatest */
};

/* A condition over what the stages of the workload can see. */
struct made_scope {
	const struct made_header *header; /* or NULL */
	const struct made_params *params;
	bool socket; /* only what both stages see */
	bool no_payload; /* neither it nor its header: TCP's socket stage */
	unsigned protos; /* bit per row of lang_protos: what the workload matches */
};

void make_cond(struct rng *r, const struct made_scope *s, unsigned depth, FILE *out);
/* A field for a key. */
void make_key(struct rng *r, const struct made_scope *s, FILE *out);
/* A literal string of at most `max` bytes (exactly `fixed`, if that is not 0); its length. */
unsigned make_string(struct rng *r, unsigned max, unsigned fixed, FILE *out);
void make_address(struct rng *r, unsigned version, bool prefix, FILE *out);

#endif
