/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checked policy: what sema makes of the tree, and all that later rooms
 * know. Names are resolved to ids and pointers, types agree, constants fit; no
 * string is compared behind this point. Strings that are left are for people.
 *
 * Everything lives in the arena of the compilation and is const once made.
 */
#ifndef IOP_SEMA_POLICY_H
#define IOP_SEMA_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/source.h"
#include "lang/lang.h"

struct arena;
struct diags;
struct ast;

/* Limits of a policy; each is an error with its line when it is passed. */
#define POLICY_MAX_NAME 63 /* bytes of a name that the object carries */
#define POLICY_MAX_CLASSES_PER_WORKLOAD 64
#define POLICY_MAX_WORKLOADS 4096
#define POLICY_MAX_CLASSES 16384
#define POLICY_MAX_MATCHES 256 /* statements of one workload */
#define POLICY_MAX_POOLS 256
#define POLICY_MAX_PARAMS 1024
#define POLICY_MAX_HEADERS 256
#define POLICY_MAX_SIGNALS 32
#define POLICY_MAX_FIELDS 256  /* of one header, or of one repeated element */
#define POLICY_MAX_ENUMS 1024  /* named values of one field */
#define POLICY_MAX_ACTIONS 16384
#define POLICY_MAX_LIST 4096   /* prefixes, ranges or strings in one set */
/* Of all classes, each prefix, range and 8 bytes of a string for itself: compiling takes
 * seconds by then, and the kernel follows a million instructions at most. */
#define POLICY_MAX_COMPARISONS 16384
#define POLICY_MAX_SETS 256    /* under a name */
#define POLICY_MAX_SET 100000 /* entries of one of them */
#define POLICY_MAX_STEPS 65536 /* packets and expectations of all tests */
#define POLICY_MAX_CORES 1024
#define POLICY_MAX_WORKERS 1024
#define POLICY_MAX_HASH_KEYS 8
#define POLICY_MAX_STACKS 64       /* stack stages */
#define POLICY_MAX_STACK_CORES 64  /* of one of them */
#define POLICY_MIN_QUEUE 64        /* packets that a device brings at once */
#define POLICY_MAX_QUEUE 16384     /* the kernel's limit */
#define POLICY_MAX_BANDS 8 /* that `order by priority` tells apart */
#define POLICY_MAX_KEY_BYTES 64     /* bytes of one field that a hash or a limit's key takes */
#define POLICY_MAX_HEADER_BYTES 4096 /* greatest position of a field in a header */
#define POLICY_MAX_REPEAT 128
#define POLICY_MAX_TEXT 512
#define POLICY_MAX_CONTAINS 512
#define POLICY_MAX_DELIMITERS 8 /* of one field */
#define POLICY_MAX_DIGITS 14    /* of a decimal number: with its place, it fits 64 bits */
/* Rates and bursts whose cost and tolerance fit 64 bits (abi/object.h: iop_rate_cost). */
#define POLICY_MAX_RATE 1000000000ULL        /* a second */
#define POLICY_MIN_BITRATE 1000ULL           /* bit/s */
#define POLICY_MAX_BITRATE 1000000000000ULL
#define POLICY_MAX_BURST UINT32_MAX          /* requests */
#define POLICY_MAX_BURST_BYTES (16u << 20)

/* --- pools and params --- */

struct pool_term {
	enum lang_pool_term kind;
	uint32_t lo, hi; /* CORES NUMA LLC EXCEPT: inclusive */
	struct span at;
};

struct pool {
	uint32_t id;
	const char *name;
	struct span at;
	struct pool_term *terms;
	uint32_t n_terms;
	/* All terms are `cores` or `except`: the cores are known now. */
	bool fixed;
	uint16_t *cores; /* ascending; fixed pools only */
	uint32_t n_cores;
	uint64_t guaranteed; /* sum of the budgets' guarantees so far */
	bool used;           /* something needs it */
	bool steered;        /* a rule steers to all of it, not to a stack stage's cores */
	uint32_t n_stacks;   /* stack stages that have */
};

struct param {
	uint32_t id;
	const char *name;
	struct span at;
	enum lang_type type; /* NUMBER, RATE, BITRATE, DURATION */
	uint64_t value;
	uint64_t min, max; /* what the uses of it allow */
	bool live;         /* may change while the policy runs */
};

/* --- signals --- */

/* A number that the application writes for each worker, in the machine's byte order. */
struct signal {
	uint32_t id;
	const char *name;
	struct span at;
	uint8_t width; /* bytes: 1, 2, 4, 8 */
	bool used;     /* a rule reads it */
};

/* --- application headers --- */

struct enum_value {
	const char *name;
	uint64_t value;
};

/*
 * A field of a header. Its position is `offset` bytes behind the end of
 * `anchor`, the nearest field before it whose size is not fixed (NULL: the
 * start of the payload, or of the element for a field of a REPEAT). Where an
 * anchor's end cannot be told, because the packet ends or a bound is passed,
 * this field and all behind it are missing.
 */
struct hfield {
	const char *name; /* NULL: SKIP */
	struct span at;
	enum lang_header_type kind;
	const struct hfield *anchor;
	uint32_t offset;

	/* U8..U64: 1, 2, 4, 8. BITS: bytes of the big-endian unit of 1, 2, 4 or 8 bytes from
	 * `offset` on that holds it; `shift` and `bits` cut it out. */
	uint8_t width;
	bool little;
	uint8_t shift, bits;

	/* BYTES, SKIP: either `fixed_size`, or as many as `size_from` says; more than `max` means
	 * missing. TEXT: at most `max` before the delimiter; without delimiter (delim_len 0) the
	 * rest of the payload, missing if that is more than `max`. REPEAT: at most `max` elements. */
	uint32_t fixed_size;
	const struct hfield *size_from;
	uint32_t max;
	const uint8_t *delim; /* DECIMAL, too: 1 + more_delims of delim_len bytes each */
	uint32_t delim_len;
	uint32_t more_delims;
	bool nocase; /* BYTES, TEXT: letters are the same in both cases; strings are lower case */

	/* REPEAT: the fields of one element, the condition over them that ends it (the element
	 * that meets it is the last one and belongs to the field), and how a string is split.
	 * SEEK: elements in front of the first that meets the condition, which need not be whole. */
	struct hfield *const *fields;
	uint32_t n_fields;
	const struct cond *until;
	const char *join; /* one character, or NULL */

	/* WHEN: where fields begin that are there if `when` is true; or (`begin`) where they end.
	 * If it is false, they are missing and take no room; if it is unknown, all that is placed
	 * behind their end is missing, too. PEEK: back where the fields before it began. */
	const struct cond *when;
	const struct hfield *begin;
	bool peeked; /* one of the fields in front of a PEEK */

	uint64_t number; /* GIVEN: the value */

	struct enum_value *enums;
	uint32_t n_enums;

	uint32_t max_end; /* greatest possible end, from the start of the payload or element */
	const struct header *header;
	uint32_t index;   /* in header->fields, or in the REPEAT's */
};

/* Is the size of this field known without looking at the packet? */
static inline bool hfield_fixed(const struct hfield *f)
{
	return f->kind <= HTYPE_GIVEN ||
	       ((f->kind == HTYPE_BYTES || f->kind == HTYPE_SKIP) && !f->size_from);
}

/* Is its value a number? Else it is bytes, or has no name. */
static inline bool hfield_number(const struct hfield *f)
{
	return f->kind <= HTYPE_DECIMAL;
}

struct decl;

struct header {
	uint32_t id;
	const char *name;
	struct span at;
	bool builtin; /* from grammar/protocols */
	const struct decl *decl; /* sema's own */
	bool sound;              /* no mistake in it */
	struct hfield *const *fields;
	uint32_t n_fields;
	bool used;
};

/* --- conditions --- */

/* A field of the packet: one of the vocabulary's, or one of the workload's header. */
struct field_ref {
	const struct hfield *hfield; /* NULL: `field` */
	enum lang_field field;
	struct span at;
};

enum value_kind {
	VALUE_CONST,
	VALUE_PARAM,
	VALUE_FIELD,
	VALUE_AND, /* of a and b, all 64 bits wide */
	VALUE_OR,
	VALUE_SHL,
	VALUE_SHR,
};

/* A number (NUMBER, MAC, DURATION …) of 64 bits, unsigned. */
struct value {
	enum value_kind kind;
	struct span at;
	enum lang_type type;
	uint64_t number;           /* CONST */
	const struct param *param; /* PARAM */
	struct field_ref field;    /* FIELD */
	const struct value *a, *b; /* AND OR SHL SHR; shifts by 64 or more are refused */
};

enum cond_kind {
	COND_AND,      /* a, b */
	COND_OR,       /* a, b */
	COND_NOT,      /* a */
	COND_EQ,       /* lhs, rhs: numbers */
	COND_NE,
	COND_LT,
	COND_LE,
	COND_GT,
	COND_GE,
	COND_RANGES,   /* lhs in ranges: sorted, disjoint, not adjacent */
	COND_PREFIXES, /* field (ADDR) in prefixes; also == and in of one address */
	COND_BYTES,    /* field (BYTES, TEXT, REPEAT, payload) equals one of strings */
	COND_STARTS,   /* field starts with one of strings */
	COND_CONTAINS, /* one of strings lies whole within the first `within` bytes of the field */
};

struct range {
	uint64_t lo, hi; /* inclusive */
};

struct prefix {
	uint8_t addr[16]; /* network order; IPv4 in addr[0..3] */
	uint8_t family;   /* 4 or 6 */
	uint8_t len;
};

struct bytes {
	const uint8_t *data;
	uint32_t len;
};

/* Addresses or numbers under a name; sorted, without overlap. */
struct set {
	uint32_t id;
	const char *name;
	struct span at;
	enum lang_type type; /* ADDR, NUMBER */
	struct prefix *prefixes; /* ADDR: by family and address */
	struct range *ranges;    /* NUMBER */
	uint32_t n;
	bool used; /* by a condition or a match */
};

/*
 * Three-valued: a comparison with a field that the packet does not have is
 * unknown; and, or, not follow Kleene. An address of the other family is not
 * missing: it is in no prefix of this one (ip4.src of an IPv6 packet is missing).
 */
struct cond {
	enum cond_kind kind;
	struct span at;
	const struct cond *a, *b;
	const struct value *lhs, *rhs;
	struct field_ref field;
	const struct range *ranges;
	const struct prefix *prefixes;
	const struct bytes *strings;
	uint32_t n; /* of ranges, prefixes or strings */
	const struct set *set; /* RANGES, PREFIXES: whose they are, or NULL */
	uint32_t within;
};

/* --- stack stages --- */

struct stack {
	uint32_t id;       /* among the policy's, from 0 */
	uint32_t workload;
	struct span at, cores_at, queue_at, target_at;
	struct pool *pool;
	uint32_t least, most; /* cores; `most` 0: nothing is known of them */
	uint32_t before;      /* sum of the guarantees of the pool's earlier stages */
	uint32_t order;       /* among the pool's stages */
	uint32_t queue;       /* packets */
	uint64_t target;      /* ns */
};

/* --- rules --- */

struct selector {
	enum lang_selector kind;
	struct span at;
	bool flow;               /* HASH: hash(flow), alone or with keys */
	struct field_ref *keys;  /* HASH */
	uint32_t n_keys;
	const struct signal *signal; /* MIN */
};

enum worker_set_kind {
	WORKERS_LIST,         /* ranges */
	WORKERS_ALL,
	WORKERS_LAST,         /* the last n */
	WORKERS_ALL_BUT_LAST, /* all but the last n */
};

struct worker_set {
	enum worker_set_kind kind;
	struct range *ranges; /* in the order written, disjoint */
	uint32_t n_ranges;
	uint32_t n;           /* LIST: how many in all; LAST, ALL_BUT_LAST */
	struct span at;
};

struct action {
	enum lang_action kind;
	struct span at;
	/* LIMIT. RATE counts requests, BITRATE the bits of the frame from the IP header on. */
	enum lang_type rate_type;
	uint64_t rate;             /* if param is NULL */
	const struct param *param;
	bool per_flow;             /* per flow */
	struct field_ref *per;     /* per FIELD, or NULL */
	uint64_t burst;            /* requests or bytes; at least 1 */
	const struct action *otherwise; /* `else`; NULL: drop */
	uint32_t mark; /* MARK */
	/* STEER, WORKERS */
	const struct pool *pool;
	const struct stack *stack; /* STEER: which of the cores are in use; NULL: all of the pool */
	struct selector selector;
	/* WORKER (a LIST of one), WORKERS */
	struct worker_set workers;
	uint32_t id;               /* among all actions of the policy, from 0 */
};

struct rule {
	struct span at;
	uint64_t classes; /* bit per class of the workload */
	const struct action *const *actions;
	uint32_t n_actions;
};

#define STAGE_STUCK_DEFAULT 1000000000ULL

struct stage {
	enum lang_stage kind;
	struct span at;
	uint64_t stuck;       /* SOCKET: ns */
	struct span stuck_at; /* where it was given; end 0: nowhere */
	struct rule *rules;
	uint32_t n_rules;
	bool anywhere; /* SOCKET: also what it matches where no socket is bound */
	struct span anywhere_at;
};

/* --- workloads --- */

/* All of proto, ports, to and from must hold; an empty list holds always. */
struct match {
	struct span at;
	enum lang_proto proto;
	struct range *ports; /* destination; sorted, disjoint */
	uint32_t n_ports;
	struct prefix *to, *from;
	uint32_t n_to, n_from;
	const struct set *to_set, *from_set; /* whose they are, or NULL */
};

struct owner {
	enum lang_owner kind;
	const char *text;
	struct span at;
};

struct class {
	uint32_t id;   /* within the workload, in source order */
	uint32_t gid;  /* within the policy */
	const char *name;
	struct span at;
	const struct cond *when; /* NULL: takes the rest */
	uint32_t rank; /* 0 is the most urgent; equal if `priority` leaves them out */
	uint32_t band; /* ORDER: among all classes that meet it; below policy.n_bands */
	uint64_t service; /* ns; 0: not given */
	struct span service_at;
};

struct workload {
	uint32_t id;
	const char *name;
	struct span at;
	struct match *matches;
	uint32_t n_matches;
	const struct header *payload; /* or NULL */
	struct owner *owners;
	uint32_t n_owners;
	/* First match wins. A packet of the workload that no class takes is of no class: no rule
	 * concerns it. A workload that declares no class has one that takes all, named like it. */
	struct class *classes;
	uint32_t n_classes;
	uint32_t rank;
	const struct stage *stages[STAGE_COUNT]; /* or NULL */
	struct stack *stack; /* of stage STACK, or NULL; rules of RX lead to it */
};

/* --- tests --- */

struct test_expect {
	enum lang_expect kind;
	struct span at;
	uint32_t workload; /* WORKLOAD, CLASS: id, UINT32_MAX for none */
	uint32_t class;    /* CLASS: gid */
	const struct pool *pool;
	struct range *numbers; /* RX_CORE, WORKER, WORKERS */
	uint32_t n_numbers;
};

struct test_step {
	struct span at;
	bool is_packet;
	const uint8_t *packet; /* a frame from the Ethernet header on */
	uint32_t len;
	struct test_expect expect;
};

struct test {
	const char *name;
	struct span at;
	struct test_step *steps;
	uint32_t n_steps;
};

struct policy {
	const char *name;
	struct span at;
	const struct source_set *sources;
	uint8_t digest[32]; /* SHA-256 over the names and texts of the sources */
	bool require_native_xdp;
	struct span require_native_xdp_at;
	struct pool *const *pools;
	uint32_t n_pools;
	struct param *const *params;
	uint32_t n_params;
	struct set *const *sets;
	uint32_t n_sets;
	struct signal *const *signals;
	uint32_t n_signals;
	struct header *const *headers; /* those that are used */
	uint32_t n_headers;
	struct workload *const *workloads;
	uint32_t n_workloads;
	uint32_t n_classes; /* of all workloads */
	uint32_t n_actions;
	uint32_t n_stacks;
	uint32_t n_bands; /* 0: no rule orders */
	struct test *tests;
	uint32_t n_tests;
};

/* Protocol headers that the policy names and no file declares are read from those compiled
 * in (lang/protocols.h), which is why `sources` is not const. NULL exactly when there was
 * an error. */
const struct policy *sema_check(struct arena *a, const struct ast *ast,
				struct source_set *sources, struct diags *diags);

/* --emit=policy and the tests' goldens. */
void policy_print(const struct policy *p, FILE *out);

/* Parts of it in the words of the source, for those who print plans and results. */
void action_print(const struct action *a, FILE *out);
void match_print(const struct match *m, FILE *out);

/* Can the comparison be made with what a reply tells of its request: addresses and ports? */
bool cond_of_addresses(const struct cond *c);

/* What a field is called in a message: "ip.src", "dns.qtype". In the arena. */
const char *field_ref_name(struct arena *a, const struct field_ref *f);

#endif
