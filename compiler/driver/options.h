/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the command line asks for.
 */
#ifndef IOP_DRIVER_OPTIONS_H
#define IOP_DRIVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes; the same for all programs of the project. */
enum exit_code {
	EXIT_FINE = 0,
	EXIT_REJECTED = 1,    /* the policy is wrong, or one of its tests failed */
	EXIT_USAGE = 2,
	EXIT_ENVIRONMENT = 3, /* a file, or what the machine lacks */
	EXIT_BUG = 70,        /* ours */
};

/* In the order of the passes that make them. */
enum emit {
	EMIT_AS_AST,
	EMIT_AS_POLICY,
	EMIT_AS_PLAN,
	EMIT_AS_HEADER,
	EMIT_AS_IR,
	EMIT_AS_ASM,
	EMIT_AS_OBJ,
	EMIT_AS_COUNT
};

struct options {
	const char *const *files;
	size_t n_files;
	const char *out;  /* -o; NULL: not given */
	enum emit emit;
	bool emit_given;
	bool check;       /* stop behind the plan, write nothing */
	bool test;        /* run the policy's tests */
	bool json;        /* diagnostics */
	unsigned target;  /* KERNEL(major, minor); 0: none given */
	bool help, version;
};

/* Reads the arguments. Complains on stderr and returns false when they make no sense. `o`
 * points into argv, which loses what is no file. */
bool options_read(struct options *o, int argc, char **argv);

void options_help(void);

/* "text goes to the terminal": everything but an object. */
bool emit_is_text(enum emit e);

#endif
