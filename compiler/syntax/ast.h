/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The syntax tree. It knows shapes, not words: what a phrase such as
 * `limit 1k/s per ip.src burst 100` means is decided by the rows of lang/ when
 * sema matches it. So a new action, selector, knob or field type changes
 * neither the lexer nor the grammar nor this file.
 *
 * All nodes live in the arena of the compilation. Lists are singly linked, in
 * source order.
 */
#ifndef IOP_SYNTAX_AST_H
#define IOP_SYNTAX_AST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/source.h"

struct arena;
struct diags;

struct name {
	const char *text;
	struct span at;
};

/* What a literal is. Numbers keep their unit apart from their size. */
enum lit_kind {
	LIT_NUMBER,   /* 53  0x35  4k  2Mi */
	LIT_DURATION, /* 50us; value in ns */
	LIT_RATE,     /* 1k/s; value per second */
	LIT_BITRATE,  /* 10mbit; value in bit/s */
	LIT_PERCENT,  /* 99.5%; value in thousandths of a percent */
	LIT_ADDR,     /* 10.0.0.1  fd00::1  10.0.0.0/8 */
	LIT_MAC,      /* 00:11:22:33:44:55; value is its 48 bits */
	LIT_STRING,   /* "…"; escapes \" \\ \n \r \t \0 \xHH are resolved */
};

struct literal {
	enum lit_kind kind;
	uint64_t value;
	/* LIT_ADDR: network order; an IPv4 address is in addr[0..3] */
	uint8_t addr[16];
	uint8_t family;     /* 4 or 6 */
	uint8_t prefix_len; /* 0..32 or 0..128 */
	bool has_prefix;    /* written with a slash */
	/* LIT_STRING */
	const char *text; /* NUL-terminated; may hold NULs */
	uint32_t len;
};

enum item_kind {
	ITEM_WORD,     /* steer   all   app */
	ITEM_PATH,     /* ip.src   dns.qtype (two names or more) */
	ITEM_LITERAL,
	ITEM_RANGE,    /* 7000-7003: lo, hi literals */
	ITEM_BUDGET,   /* 2..5: lo, hi literals */
	ITEM_CALL,     /* hash(flow, ip.src): path and args */
	ITEM_SET,      /* { 80, 443 }: args */
	ITEM_ENDPOINT, /* 10.0.0.2:4000 or [fd00::1]:53: lo address, hi port */
};

struct item {
	enum item_kind kind;
	struct span at;
	struct name *path; /* WORD (1), PATH, CALL: n_path names */
	uint32_t n_path;
	struct literal *lo, *hi; /* LITERAL: lo */
	struct item *args;       /* CALL, SET */
	bool comma;              /* a comma stands before it: the 8 of `0-3,8` */
	struct item *next;
};

/* Words and operands up to a comma or semicolon. What follows a comma and starts
 * with a number goes on with the phrase before it (`workers 0,3 by random`): its
 * first item has `comma` set. */
struct phrase {
	struct span at;
	struct item *items; /* never NULL */
	struct phrase *next;
};

enum expr_kind {
	EXPR_OR,
	EXPR_AND,
	EXPR_NOT, /* lhs */
	EXPR_EQ,
	EXPR_NE,
	EXPR_LT,
	EXPR_LE,
	EXPR_GT,
	EXPR_GE,
	EXPR_IN,       /* lhs in item (literal, range or set) */
	EXPR_STARTS,   /* lhs starts item (string) */
	EXPR_CONTAINS, /* lhs contains item within `within` (NULL if not given) */
	EXPR_BIT_AND,
	EXPR_BIT_OR,
	EXPR_SHL,
	EXPR_SHR,
	EXPR_LEAF, /* item: word, path or literal */
};

struct expr {
	enum expr_kind kind;
	struct span at;
	struct expr *lhs, *rhs;
	struct item *item;
	struct literal *within;
	struct span op_at;
};

/* name = number, in a header field or as an assignment in a test's packet */
struct enumerator {
	struct name name;
	struct literal *value;
	struct enumerator *next;
};

/*
 * key bytes klen max 64;
 * opcode bits 4 { QUERY = 0 };
 * qname repeat max 64 join "." until len == 0 { len u8; label bytes len max 63; };
 * skip 4;          (name.text is NULL: the first word is the type)
 */
struct field_decl {
	struct name name;
	struct span at;
	struct phrase *type; /* NULL: fields behind `when` */
	struct expr *until;
	struct expr *when;
	struct enumerator *enums;
	struct field_decl *fields;
	struct field_decl *next;
};

enum stmt_kind {
	STMT_PHRASE,   /* match udp port 53;  payload dns;  cores 0-3;  slice 50us; */
	STMT_CLASS,    /* class NAME [when EXPR] attributes; */
	STMT_PRIORITY, /* priority a > b > c; */
	STMT_STAGE,    /* stage NAME { … } */
	STMT_RULE,     /* a, b -> phrase, phrase; */
	STMT_PACKET,   /* packet PHRASE [-> PHRASE] [{ assignments }]; */
};

struct stmt {
	enum stmt_kind kind;
	struct span at;
	struct name name;         /* CLASS, STAGE */
	struct expr *when;        /* CLASS */
	struct phrase *phrases;   /* PHRASE: one; CLASS: attributes or NULL; RULE: actions;
				     PACKET: what stands before the arrow, `packet` left out */
	struct phrase *to;        /* PACKET: behind the arrow, or NULL */
	struct phrase *sets;      /* PACKET: one phrase an assignment: name value */
	struct item *names;       /* PRIORITY, RULE: words */
	struct stmt *body;        /* STAGE */
	struct stmt *next;
};

enum decl_kind {
	DECL_POLICY,
	DECL_INCLUDE,
	DECL_POOL,
	DECL_PARAM,
	DECL_HEADER,
	DECL_SIGNAL,
	DECL_CACHE,
	DECL_WORKLOAD,
	DECL_PRIORITY,
	DECL_TEST,
	DECL_REQUIRE,
	DECL_SET,
};

struct decl {
	enum decl_kind kind;
	struct span at;            /* the whole declaration */
	struct name name;          /* POLICY POOL PARAM HEADER SIGNAL SET CACHE WORKLOAD; TEST and
				      INCLUDE: the string */
	struct item *value;        /* PARAM: literal */
	bool live;                 /* PARAM */
	struct span live_at;
	struct field_decl *fields; /* HEADER */
	struct stmt *body;         /* POOL CACHE WORKLOAD TEST; SIGNAL, SET, REQUIRE: one STMT_PHRASE */
	struct item *names;        /* PRIORITY */
	struct decl *next;
};

/* One file, or several joined by include: the included file's declarations
 * stand where the include stood, behind the DECL_INCLUDE itself. */
struct ast {
	struct decl *decls;
	const struct source_set *sources;
};

/*
 * Reads and parses `path` and all that it includes. Errors of reading, lexing
 * and parsing are added to `diags`; an include that cannot be read or that
 * closes a cycle is an error at the include. The parser goes on behind a
 * mistake at the next `;` or `}`. NULL exactly when there was an error.
 */
struct ast *syntax_parse(struct arena *a, struct source_set *sources, const char *path,
			 struct diags *diags);

/* The same for one source that is in the set already (protocol files, tests). */
struct ast *syntax_parse_source(struct arena *a, struct source_set *sources,
				const struct source *source, struct diags *diags);

/* The tree as indented text, a node a line; for --emit=ast and the tests. */
void ast_print(const struct ast *ast, FILE *out);

#endif
