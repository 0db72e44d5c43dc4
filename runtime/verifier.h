/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel's verifier says, turned into words about the policy: its log
 * names the line of the source that it was at, and ends with one sentence.
 */
#ifndef IOP_RUNTIME_VERIFIER_H
#define IOP_RUNTIME_VERIFIER_H

#include <stddef.h>
#include <stdint.h>

/* Everything points into the log, or is "". Not NUL-terminated: lengths stand beside. */
struct verifier_text {
	const char *at;
	int length;
};

struct verifier_verdict {
	struct verifier_text sentence; /* "R1 invalid mem access 'scalar'"; may be several lines */
	struct verifier_text source; /* the source line that the log has last */
	struct verifier_text file; /* "" on kernels that do not say it (before 6.9) */
	uint32_t line;
	int64_t instruction; /* that it was at; -1: not said */
};

/* Reads a log; one without a sentence (cut, empty) gives empty texts. */
struct verifier_verdict verifier_read(const char *log);

/* The last `lines` lines of the log. */
const char *verifier_tail(const char *log, unsigned lines);

#endif
