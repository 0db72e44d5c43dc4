/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of this room know of each other.
 */
#ifndef IOP_INTERP_MODEL_H
#define IOP_INTERP_MODEL_H

#include "interp/interp.h"

/* --- dissect.c: where things lie in a frame --- */

struct packet {
	const uint8_t *eth;  /* the frame */
	const uint8_t *vlan; /* TCI of the outer tag, or NULL */
	uint16_t eth_type;   /* behind the tags */
	unsigned version;    /* 4 or 6 */
	const uint8_t *ip;
	uint32_t ip_len;     /* bytes from the IP header on, as IP says */
	enum lang_proto proto;
	const uint8_t *l4;   /* UDP or TCP header */
	const uint8_t *payload;
	uint32_t payload_len; /* as UDP says, or TCP and IP; all of it lies in the frame */
};

/* False: not a whole UDP datagram or TCP segment, so of no workload. `reassembled`: see struct interp_env. */
bool dissect(const uint8_t *frame, size_t len, bool reassembled, struct packet *pk);

/* Only so far as a program on the way out looks: up to the ports, whatever lengths say. */
bool dissect_headers(const uint8_t *frame, size_t len, struct packet *pk);

static inline uint16_t be16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* The number of `n` bytes, at most 8. */
static inline uint64_t big_endian(const uint8_t *b, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | b[i];
	return v;
}

/* --- header.c: where the fields of an application's header lie --- */

struct place {
	bool there;
	bool started; /* `start` is known */
	uint32_t start, end; /* what the field is: payload[start … end) */
	uint32_t next;       /* where the field behind it starts */
};

/* One list of fields, laid over the payload: a header's, or those of one element. */
struct layout {
	const struct hfield *const *fields;
	uint32_t n_fields;
	struct place *places;
	const struct layout *outer; /* around an element; NULL: the header itself */
};

struct facts;

/* Lays the header of the facts' workload over the payload; layout_free() afterwards. */
void layout_make(struct layout *l, const struct facts *facts);
void layout_free(struct layout *l);

/* --- field.c: what a field is in this packet --- */

/* All that conditions, keys and rules may look at. */
struct facts {
	const struct packet *packet;
	const struct header *header;  /* of the workload, or NULL */
	const struct layout *layout;  /* the innermost one, or NULL */
	const struct interp_env *env;
	bool reply; /* the packet is a reply: fields are those of what it answers (reply.c) */
};

enum datum_kind { DATUM_MISSING, DATUM_NUMBER, DATUM_ADDR, DATUM_BYTES };

struct datum {
	enum datum_kind kind;
	uint64_t number;
	uint8_t family;      /* ADDR: 4 or 6 */
	const uint8_t *data; /* ADDR, BYTES */
	uint32_t len;
	bool nocase;         /* BYTES: letters are the same in both cases */
};

struct datum field_read(const struct field_ref *f, const struct facts *facts);
struct datum hfield_read(const struct hfield *f, const struct facts *facts);
struct datum addr_read(const struct packet *pk, bool source);

/* --- cond.c --- */

enum truth { NO, YES, UNKNOWN };

enum truth cond_eval(const struct cond *c, const struct facts *facts);
bool prefix_holds(const struct prefix *p, const struct datum *addr);
bool set_has_address(const struct set *s, const struct datum *addr);
uint64_t param_value(const struct param *p, const struct interp_env *env);

/* --- limit.c --- */

/* A key as the words of abi/hash.h: those of a field, or of the flow and some fields. */
#define KEY_WORDS_MAX (4 + 1 + POLICY_MAX_HASH_KEYS * (POLICY_MAX_KEY_BYTES / 8 + 1))
struct key {
	uint64_t words[KEY_WORDS_MAX];
	unsigned n;
};

void key_add_flow(struct key *k, const struct packet *pk);
void key_add_field(struct key *k, const struct field_ref *f, const struct facts *facts);
uint32_t key_hash(const struct key *k);

/* When the packet leaves, and what is counted about that. */
void pace(const struct action *a, const struct facts *facts, struct outcome *out, unsigned *unsure);

/* Is the packet within the limit? If it is, that much of the limit is used up. A decision
 * that depends on the moment is taken as the guess says, and counted in `unsure`. */
bool limit_conforms(const struct action *a, const struct facts *facts, unsigned *unsure);

/* --- reply.c --- */

struct datum reply_read(enum lang_field f, const struct packet *pk);
/* Does the worker that sends it tell the class of such a reply? */
bool reply_by_worker(const struct workload *w, const struct packet *pk);
/* What becomes of the reply to a packet that a stage socket, if there is one, has decided about. */
void reply_decide(const struct policy *p, const struct workload *w, const uint8_t *frame,
		  size_t len, const struct facts *facts, struct decision *d);

/* --- least.c --- */

enum least { LEAST_NONE, LEAST_FOUND, LEAST_STUCK };

/* Adds those of `numbers` that the selector may choose. STUCK: all that are there are stuck. */
enum least least_choose(const struct workload *w, const struct selector *s,
			const struct interp_worker *workers, const uint32_t *numbers, uint32_t n,
			struct targets *out);

/* --- rules.c --- */

/* Runs a stage's rules for a class; `unsure` goes on counting. */
void rules_run(const struct workload *w, const struct class *c, enum lang_stage stage,
	       const struct facts *facts, struct outcome *out, unsigned *unsure);

#endif
