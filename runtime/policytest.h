/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tests that a policy carries, run by this machine's kernel: the rx stage with
 * BPF_PROG_TEST_RUN, the socket stage with sockets in a network namespace of its own.
 * Nothing is attached to the machine, nothing is pinned, and nothing is left behind,
 * however it ends. `iopc --test` runs the same tests through its interpreter; the
 * two must agree.
 */
#ifndef IOP_RUNTIME_POLICYTEST_H
#define IOP_RUNTIME_POLICYTEST_H

#include <stddef.h>

#include "object.h"
#include "report.h"

enum policytest_outcome { POLICYTEST_OK, POLICYTEST_FAILED, POLICYTEST_SKIPPED };

/* An expectation that did not hold. */
struct policytest_failure {
	struct report_place place;
	char *expected, *got; /* "class rest", "rx steer to net, core 0" */
};

struct policytest_result {
	const char *name;
	struct report_place place;
	enum policytest_outcome outcome;
	struct policytest_failure *failures;
	size_t n_failures;
	char *reason; /* why it was skipped, NULL otherwise */
};

/* Strings of places and names are the object's. */
struct policytest_results {
	size_t n;
	struct policytest_result *results; /* in the order of the policy */
};

/*
 * Runs them all; `settings` as in struct iop_load_options. 0 when each has a result,
 * whatever it is. A test that this machine or this user cannot run is skipped with its
 * reason. Negative errno, with the reason in the report: -EINVAL for a setting, -EACCES
 * if the verifier refuses a program …
 */
int policytest_run(const struct iop_object *o, const char *const *settings, size_t n_settings,
		   struct policytest_results **out, struct iop_report *report);
void policytest_free(struct policytest_results *r); /* NULL allowed */

#endif
