/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What diag.c collects and diag_render.c shows; nobody else looks inside.
 */
#ifndef IOP_BASE_DIAG_MODEL_H
#define IOP_BASE_DIAG_MODEL_H

#include "base/arena.h"
#include "base/diag.h"

/* Warnings have a limit of their own, so that a hostile text cannot make the
 * search for repetitions slow. */
#define DIAG_MAX_WARNINGS 100

struct diag_note {
	struct span at;
	const char *text;
};

struct diag {
	struct diags *owner; /* NULL: the scratch one, which takes nothing */
	enum diag_level level;
	struct span at;
	const char *text;
	vec(struct diag_note) notes;
	vec(const char *) help;
};

struct diags {
	struct arena *arena;
	const struct source_set *sources;
	vec(struct diag *) kept; /* in the order of report */
	unsigned errors, warnings;             /* all that were reported */
	unsigned kept_errors, kept_warnings;   /* of them, those in `kept` */
	struct diag scratch;
};

#endif
