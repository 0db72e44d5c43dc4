/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the scanner, which flex makes of grammar/iop.l, and the parser, which
 * bison makes of grammar/iop.y.
 */
#ifndef IOP_SYNTAX_TOKENS_H
#define IOP_SYNTAX_TOKENS_H

#include "iop.tab.h"

/* grammar/iop.l: p->scanner over the text of p->source; to go on at another place of it,
 * where `offset` is p->offset from then on; its next token, 0 at the end. False: no memory. */
bool scanner_open(struct parse *p);
void scanner_close(struct parse *p);
bool scanner_seek(struct parse *p, uint32_t offset);
int syntax_scan(IOP_YYSTYPE *value, struct span *at, void *scanner);

/* report.c: characters that begin no token; what other languages use, and what to
 * write here */
void report_unknown(struct parse *p, struct span at);
void report_foreign(struct parse *p, struct span at, const char *ours);

/* tokens.c: the parser's next token */
int iop_yylex(IOP_YYSTYPE *value, struct span *at, struct parse *p);

/* tokens.c: for report.c, which knows what is missing. The blocks are closed until only
 * `blocks` are left, or, if there are no more, the statement is ended; then reading goes
 * on at `at`. False if it cannot: then the rest of the statement is skipped, as ever. */
bool tokens_resume(struct parse *p, struct span at, unsigned blocks);

/* A keyword that can be a word as well; one that begins nothing but a declaration. */
bool is_keyword(int kind);
bool is_declaration(int kind);

/* Is there a line break between the two? */
bool breaks_between(const struct parse *p, struct span a, struct span b);

#endif
