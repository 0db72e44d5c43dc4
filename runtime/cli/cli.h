/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A verb of iopctl is one record in one file, cli/<verb>.c: its options as rows,
 * and a function that does it. main.c has the list of records; help, checks of
 * the command line and suggestions come from the rows.
 */
#ifndef IOP_CLI_CLI_H
#define IOP_CLI_CLI_H

#include <stdbool.h>

#include "cli/output.h"
#include "iop.h"

/* What iopctl exits with. errno is never an exit code. */
enum cli_exit {
	CLI_FINE = 0,
	CLI_REJECTED = 1,    /* the policy, or an expectation of its tests */
	CLI_USAGE = 2,
	CLI_ENVIRONMENT = 3, /* file, privilege, device, machine */
	CLI_KERNEL = 4,      /* the kernel refused */
	CLI_BUG = 70,        /* ours */
};

struct cli_option {
	const char *name;     /* "dev": --dev; NULL ends the list */
	const char *argument; /* "DEVICE", for help; NULL: takes none */
	const char *doc;
	bool many;            /* may be given more than once */
};

struct cli;

struct cli_verb {
	const char *name;
	const char *arguments; /* "FILE", for help */
	const char *doc;       /* one line */
	const char *more;      /* paragraphs for `iopctl VERB --help`, or NULL */
	const struct cli_option *options; /* besides --json and --help; NULL: none */
	unsigned min_arguments, max_arguments;
	int (*run)(struct cli *c); /* returns enum cli_exit */
};

/* One word of the command line that is an option, as it was given. */
struct cli_given {
	const struct cli_option *option;
	const char *value; /* NULL: takes none */
};

struct cli {
	const struct cli_verb *verb;
	struct output *out;
	const char *const *arguments;
	unsigned n_arguments;
	const struct cli_given *given;
	unsigned n_given;
};

bool cli_has(const struct cli *c, const char *option);
/* The value of an option, the last one if there are more; NULL: not given. */
const char *cli_value(const struct cli *c, const char *option);
/* The values of an option that may be given more than once: *cursor is 0 at first; NULL at
 * the end. */
const char *cli_next(const struct cli *c, const char *option, unsigned *cursor);

/* Says all that libiop reported; returns the exit code that the first error stands for,
 * CLI_FINE if there is none. */
int cli_report(struct cli *c, const struct iop_report *report);

/* What an object that object_open() refused exits with, by errno. */
enum cli_exit cli_object_exit(void);

/* Reports an error and returns `code`, for `return cli_fail(c, CLI_KERNEL, …);`. */
int cli_fail(struct cli *c, enum cli_exit code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The word among `words` that is nearest to what was written, NULL if none is near. `word`
 * gives the i-th, NULL at the end. */
const char *cli_suggest(const char *written, const char *(*word)(const void *words, unsigned i),
			const void *words);

extern const struct cli_verb verb_load, verb_unload, verb_list, verb_set, verb_status, verb_stats,
	verb_inspect, verb_test;

/* Reads the command line, runs the verb, prints; main() without the process. */
int cli_main(int argc, char **argv, FILE *out, FILE *err);

#endif
