/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grammar knows shapes: declarations, statements, phrases, conditions. What
 * the words of a phrase mean is decided by the tables of compiler/lang. One
 * constructor a production (compiler/syntax/ast_make.h); iop.ebnf is the same
 * for people.
 *
 * Behind a mistake parsing goes on at the next `;` of the same block, or at the
 * block's end: compiler/syntax/tokens.c takes care that a brace which belongs to
 * the mistake is not taken for it.
 */
%require "3.8"
%expect 0
%define api.prefix {iop_yy}
%define api.pure full
%define api.token.prefix {TOK_}
%define api.value.type union
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%locations
%param {struct parse *p}

%code requires {
#include "syntax/ast_make.h"
}

%code {
#include "syntax/tokens.h"

#define YYLLOC_DEFAULT(all, rhs, n)                                              \
	((all).begin = (n) ? YYRHSLOC(rhs, 1).begin : YYRHSLOC(rhs, 0).end,      \
	 (all).end = (n) ? YYRHSLOC(rhs, n).end : YYRHSLOC(rhs, 0).end)

static void iop_yyerror(struct span *at, struct parse *p, const char *exhausted);
}

%initial-action { @$ = (struct span){ p->offset, p->offset }; }

%token POLICY "policy" INCLUDE "include" POOL "pool" PARAM "param" LIVE "live"
%token HEADER "header" SIGNAL "signal" CACHE "cache" WORKLOAD "workload"
%token CLASS "class" PRIORITY "priority" STAGE "stage" TEST "test"
%token REQUIRE "require" SET "set" PACKET "packet"
%token WHEN "when" UNTIL "until" AND "and" OR "or" NOT "not" IN "in"
%token STARTS "starts" CONTAINS "contains" WITHIN "within"
%token WORD "a word"
%token OPEN "{" CLOSE "}" SET_CLOSE "} of a set" LPAREN "(" RPAREN ")"
%token SEMICOLON ";" COMMA "," COLON ":" DOT "." DOTDOT ".." ARROW "->" DASH "-"
%token ASSIGN "=" EQ "==" NE "!=" LT "<" LE "<=" GT ">" GE ">="
%token BIT_AND "&" BIT_OR "|" SHL "<<" SHR ">>"
%token <struct literal *> NUMBER "a number" ADDRESS "an address" STRING "a string"
%token <struct item *> ENDPOINT "an endpoint"
%token END 0 "the end of the file"

%nterm <struct decls> decls
%nterm <struct decl *> decl
%nterm <struct span> live
%nterm <bool> close
%nterm <struct fields> fields
%nterm <struct field_decl *> field plain_field
%nterm <struct enums> values enums
%nterm <struct enumerator *> enum
%nterm <struct stmts> knobs parts rules checks
%nterm <struct stmt *> knob part rule check
%nterm <struct phrases> knob_phrase phrases shape to destination attributes assignment assignments
%nterm <struct items> ranks args members
%nterm <struct item *> rank item plain value set path constant
%nterm <struct literal *> literal
%nterm <struct expr *> until when expr conjunction negation comparison contains
%nterm <struct expr *> bits mask shift leaf
%nterm <struct item *> range_or_set text
%nterm <struct name> word segment

%%

file:
	decls			{ p->decls = $1.first; }
;
decls:
	%empty			{ $$ = (struct decls){ NULL, NULL }; }
|	decls decl		{ $$ = decls_add($1, $2); }
|	decls ";"		{ $$ = $1; empty_statement(p, @2); }
|	decls error ";"		{ $$ = $1; yyerrok; }
|	decls error "}"		{ $$ = $1; yyerrok; }
;

/* Declarations */

decl:
	"policy" word ";"			{ $$ = decl_named(p, DECL_POLICY, @$, $2, (struct stmts){ NULL, NULL }); }
|	"include" STRING ";"			{ $$ = decl_text(p, DECL_INCLUDE, @$, @2, $2, (struct stmts){ NULL, NULL }); }
|	"param" word "=" constant live ";"	{ $$ = decl_param(p, @$, $2, $4, $5); }
|	"signal" word ":" knob_phrase ";"	{ $$ = decl_phrase(p, DECL_SIGNAL, @$, $2, @4, $4); }
|	"set" word ":" knob_phrase ";"		{ $$ = decl_phrase(p, DECL_SET, @$, $2, @4, $4); }
|	"require" knob_phrase ";"		{ $$ = decl_phrase(p, DECL_REQUIRE, @$, (struct name){ NULL, @1 }, @2, $2); }
|	"priority" ranks ";"			{ $$ = decl_priority(p, @$, $2); }
|	"pool" word open knobs close		{ $$ = decl_named(p, DECL_POOL, @$, $2, $4); }
|	"cache" word open knobs close		{ $$ = decl_named(p, DECL_CACHE, @$, $2, $4); }
|	"header" word open fields close		{ $$ = decl_header(p, @$, $2, $4); }
|	"header" word open close		{ $$ = decl_header(p, @$, $2, no_fields(p, @3, $4)); }
|	"workload" word open parts close		{ $$ = decl_named(p, DECL_WORKLOAD, @$, $2, $4); }
|	"test" STRING open checks close		{ $$ = decl_text(p, DECL_TEST, @$, @2, $2, $4); }
;
live:
	%empty			{ $$ = SPAN_NONE; }
|	"live"			{ $$ = @1; }
;
ranks:
	rank			{ $$ = items_one($1); }
|	ranks ">" rank		{ $$ = items_add($1, $3); }
;
rank:
	word			{ $$ = item_path(p, $1); }
;

/* A block's braces. Nothing that is optional may stand behind the closing one: the
 * parser must be done with the block before it looks at the next token. So the
 * semicolon that is allowed there is a statement of its own. */
open:
	"{"			{ block_opened(p); }
;
close:
	"}"			{ $$ = block_closed(p, true); }
|	error "}"		{ $$ = block_closed(p, false); yyerrok; }
;

/* Headers */

fields:
	field			{ $$ = fields_one($1); }
|	fields field		{ $$ = fields_add($1, $2); }
|	fields ";"		{ $$ = $1; empty_statement(p, @2); }
|	error ";"		{ $$ = (struct fields){ NULL, NULL }; yyerrok; }
|	fields error ";"	{ $$ = $1; yyerrok; }
;
field:
	plain_field ";"				{ $$ = $1; }
|	plain_field values ";"			{ $$ = field_with_enums($1, @$, $2); }
|	plain_field open fields close		{ $$ = field_with_fields($1, @$, $3); }
|	plain_field open close			{ $$ = field_with_fields($1, @$, no_fields(p, @2, $3)); }
|	"when" expr open fields close		{ $$ = field_group(p, @$, $2, $4); }
|	"when" expr open close			{ $$ = field_group(p, @$, $2, no_fields(p, @3, $4)); }
;
plain_field:
	shape until when	{ $$ = field_make(p, @$, $1, $2, $3); }
;
until:
	%empty			{ $$ = NULL; }
|	"until" expr		{ $$ = $2; }
|	"until" set		{ $$ = expr_leaf(p, $2); }
;
when:
	%empty			{ $$ = NULL; }
|	"when" expr		{ $$ = $2; }
;
values:
	open enums close	{ $$ = $2; }
;
enums:
	enum			{ $$ = enums_one($1); }
|	enums "," enum		{ $$ = enums_add($1, $3); }
|	enums ","		{ $$ = $1; }
;
enum:
	word "=" NUMBER		{ $$ = enumerator_make(p, $1, @3, $3); }
;

/* What stands in a pool or a cache, a workload, a stage, a test */

knobs:
	%empty			{ $$ = (struct stmts){ NULL, NULL }; }
|	knobs knob		{ $$ = stmts_add($1, $2); }
|	knobs error ";"		{ $$ = $1; yyerrok; }
;
knob:
	knob_phrase ";"		{ $$ = stmt_phrase(p, @$, $1); }
;
parts:
	%empty			{ $$ = (struct stmts){ NULL, NULL }; }
|	parts part		{ $$ = stmts_add($1, $2); }
|	parts ";"		{ $$ = $1; empty_statement(p, @2); }
|	parts error ";"		{ $$ = $1; yyerrok; }
;
part:
	knob
|	"class" word when attributes ";"	{ $$ = stmt_class(p, @$, $2, $3, $4); }
|	"priority" ranks ";"			{ $$ = stmt_priority(p, @$, $2); }
|	"stage" word open rules close		{ $$ = stmt_stage(p, @$, $2, $4); }
;
attributes:
	%empty			{ $$ = (struct phrases){ NULL, NULL, NULL }; }
|	phrases
;
rules:
	%empty			{ $$ = (struct stmts){ NULL, NULL }; }
|	rules rule		{ $$ = stmts_add($1, $2); }
|	rules error ";"		{ $$ = $1; yyerrok; }
;
rule:
	phrases ";"		{ $$ = stmt_phrase(p, @$, $1); }
|	phrases "->" phrases ";"	{ $$ = stmt_rule(p, @$, $1, $3); }
;
checks:
	%empty			{ $$ = (struct stmts){ NULL, NULL }; }
|	checks check		{ $$ = stmts_add($1, $2); }
|	checks ";"		{ $$ = $1; empty_statement(p, @2); }
|	checks error ";"	{ $$ = $1; yyerrok; }
;
check:
	knob
|	"packet" shape to ";"				{ $$ = stmt_packet(p, @$, $2, $3, (struct phrases){ NULL, NULL, NULL }); }
|	"packet" shape to open assignments close		{ $$ = stmt_packet(p, @$, $2, $3, $5); }
;
to:
	%empty			{ $$ = (struct phrases){ NULL, NULL, NULL }; }
|	"->" destination	{ $$ = $2; }
;
destination:
	plain			{ $$ = phrases_one(p, $1); }
|	destination plain	{ $$ = phrases_add($1, $2); }
;
assignments:
	%empty				{ $$ = (struct phrases){ NULL, NULL, NULL }; }
|	assignments assignment ";"	{ $$ = sets_add(p, $1, $2); }
|	assignments error ";"		{ $$ = $1; yyerrok; }
;
assignment:
	path			{ $$ = phrases_one(p, $1); }
|	assignment plain	{ $$ = phrases_add($1, $2); }
;

/* Phrases: of a knob, whose first word is no keyword; of a rule; without sets */

knob_phrase:
	WORD			{ $$ = phrases_one(p, item_path(p, name_at(p, @1))); }
|	knob_phrase item	{ $$ = phrases_add($1, $2); }
|	knob_phrase "," item	{ $$ = phrases_comma(p, $1, $3); }
;
phrases:
	path			{ $$ = phrases_one(p, $1); }
|	phrases item		{ $$ = phrases_add($1, $2); }
|	phrases "," item	{ $$ = phrases_comma(p, $1, $3); }
;
shape:
	word			{ $$ = phrases_one(p, item_path(p, $1)); }
|	shape plain		{ $$ = phrases_add($1, $2); }
;

/* Items */

item:
	plain
|	set
;
plain:
	value
|	ENDPOINT
|	path "(" args ")"	{ $$ = item_call($1, @$, $3); }
;
value:
	path
|	constant
|	NUMBER "-" NUMBER	{ $$ = item_pair(p, ITEM_RANGE, @$, $1, $3); }
|	NUMBER ".." NUMBER	{ $$ = item_pair(p, ITEM_BUDGET, @$, $1, $3); }
;
constant:
	literal			{ $$ = item_literal(p, @1, $1); }
;
literal:
	NUMBER | ADDRESS | STRING
;
args:
	value			{ $$ = items_one($1); }
|	args "," value		{ $$ = items_add($1, $3); }
;
set:
	"{" members SET_CLOSE		{ $$ = item_set(p, @$, $2); }
|	"{" members "," SET_CLOSE	{ $$ = item_set(p, @$, $2); }
|	"{" SET_CLOSE			{ $$ = item_set(p, @$, (struct items){ NULL, NULL }); }
;
members:
	value			{ $$ = items_one($1); }
|	members "," value	{ $$ = items_add($1, $3); }
;
path:
	word			{ $$ = item_path(p, $1); }
|	path "." segment	{ $$ = path_add(p, $1, $3); }
;

/* Names. A keyword is a word where no other meaning is possible; behind a dot
 * each of them is. */

word:
	word_token		{ $$ = name_at(p, @1); }
;
segment:
	word_token		{ $$ = name_at(p, @1); }
|	reserved		{ $$ = name_at(p, @1); }
;
word_token:
	WORD | "policy" | "include" | "pool" | "param" | "live" | "header" | "signal" | "cache"
|	"workload" | "class" | "priority" | "stage" | "test" | "require" | "set"
|	"packet"
;
reserved:
	"when" | "until" | "and" | "or" | "not" | "in" | "starts" | "contains" | "within"
;

/* Conditions. Comparisons do not chain, and bits bind closer than they do. */

expr:
	conjunction
|	expr "or" conjunction		{ $$ = expr_binary(p, EXPR_OR, @$, $1, @2, $3); }
;
conjunction:
	negation
|	conjunction "and" negation	{ $$ = expr_binary(p, EXPR_AND, @$, $1, @2, $3); }
;
negation:
	comparison
|	"not" comparison		{ $$ = expr_not(p, @$, @1, $2); }
;
comparison:
	bits
|	bits "==" bits			{ $$ = expr_binary(p, EXPR_EQ, @$, $1, @2, $3); }
|	bits "!=" bits			{ $$ = expr_binary(p, EXPR_NE, @$, $1, @2, $3); }
|	bits "<" bits			{ $$ = expr_binary(p, EXPR_LT, @$, $1, @2, $3); }
|	bits "<=" bits			{ $$ = expr_binary(p, EXPR_LE, @$, $1, @2, $3); }
|	bits ">" bits			{ $$ = expr_binary(p, EXPR_GT, @$, $1, @2, $3); }
|	bits ">=" bits			{ $$ = expr_binary(p, EXPR_GE, @$, $1, @2, $3); }
|	bits "in" range_or_set		{ $$ = expr_match(p, EXPR_IN, @$, $1, @2, $3); }
|	bits "starts" text		{ $$ = expr_match(p, EXPR_STARTS, @$, $1, @2, $3); }
|	contains
|	contains "within" NUMBER	{ $$ = expr_within(p, $1, @3, $3); }
;
contains:
	bits "contains" text		{ $$ = expr_match(p, EXPR_CONTAINS, @$, $1, @2, $3); }
;
range_or_set:
	constant
|	NUMBER "-" NUMBER		{ $$ = item_pair(p, ITEM_RANGE, @$, $1, $3); }
|	set
|	word				{ $$ = item_path(p, $1); }
;
text:
	STRING				{ $$ = item_literal(p, @1, $1); }
;
bits:
	mask
|	bits "|" mask			{ $$ = expr_binary(p, EXPR_BIT_OR, @$, $1, @2, $3); }
;
mask:
	shift
|	mask "&" shift			{ $$ = expr_binary(p, EXPR_BIT_AND, @$, $1, @2, $3); }
;
shift:
	leaf
|	shift "<<" leaf			{ $$ = expr_binary(p, EXPR_SHL, @$, $1, @2, $3); }
|	shift ">>" leaf			{ $$ = expr_binary(p, EXPR_SHR, @$, $1, @2, $3); }
;
leaf:
	path				{ $$ = expr_leaf(p, $1); }
|	constant			{ $$ = expr_leaf(p, $1); }
|	"(" expr ")"			{ $$ = $2; }
;

%%

static int yyreport_syntax_error(const yypcontext_t *context, struct parse *p)
{
	yysymbol_kind_t kinds[YYNTOKENS];
	const char *expected[YYNTOKENS];
	int n = yypcontext_expected_tokens(context, kinds, YYNTOKENS);

	for (int i = 0; i < n; i++)
		expected[i] = yysymbol_name(kinds[i]);
	report_syntax_error(p, expected, n > 0 ? (size_t)n : 0);
	return 0;
}

static void iop_yyerror(struct span *at, struct parse *p, const char *exhausted)
{
	(void)exhausted; /* the only message that comes this way: of the parser's stack */
	report_too_deep(p, *at);
}
