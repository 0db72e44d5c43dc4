/* SPDX-License-Identifier: BSD-2-Clause */
#include "plan/plan.h"
void plan_print(const struct plan *plan, FILE *out)
{
	fprintf(out, "plan of policy %s\n", plan->policy->name);
}
