/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the scanner, which flex makes of grammar/iop.l, and the parser, which
 * bison makes of grammar/iop.y.
 */
#ifndef IOP_SYNTAX_TOKENS_H
#define IOP_SYNTAX_TOKENS_H

#include "iop.tab.h"

/* grammar/iop.l: a scanner over the text of p->source, NULL without memory; and
 * its next token, 0 at the end */
void *scanner_new(struct parse *p);
void scanner_free(void *scanner);
int syntax_scan(IOP_YYSTYPE *value, struct span *at, void *scanner);

/* report.c: characters that begin no token, and what other languages use */
void report_unknown(struct parse *p, struct span at);
void report_foreign(struct parse *p, struct span at);

/* tokens.c: the parser's next token */
int iop_yylex(IOP_YYSTYPE *value, struct span *at, struct parse *p);

#endif
