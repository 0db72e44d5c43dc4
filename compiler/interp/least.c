/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which workers `least_loaded` and `min` may choose, where it is known what each has to do.
 * Of those that are equal any may be it: turns are not followed.
 */
#include "interp/model.h"

static bool weighed(const struct workload *w)
{
	for (uint32_t i = 0; i < w->n_classes; i++)
		if (w->classes[i].service)
			return true;
	return false;
}

/* It owes something for too long. A connection may be silent for as long as it likes. */
static bool owes(const struct interp_worker *worker, const struct workload *w)
{
	for (uint32_t i = 0; i < w->n_matches; i++)
		if (w->matches[i].proto == PROTO_TCP)
			return false;
	return worker->requests && worker->silent > w->stages[STAGE_SOCKET]->stuck;
}

static bool stuck(const struct interp_worker *worker, const struct workload *w)
{
	return owes(worker, w) && !worker->due;
}

/* What it is compared by; false: it has said nothing. */
static bool load_of(const struct workload *w, const struct selector *s,
		    const struct interp_worker *worker, uint64_t *load)
{
	if (owes(worker, w) && worker->due) {
		*load = 0; /* it has its turn, as if it had nothing to do */
		return true;
	}
	if (s->kind == SELECTOR_MIN) {
		*load = worker->signals[s->signal->id];
		return *load != UINT64_MAX;
	}
	*load = weighed(w) && worker->requests && worker->work ? worker->work : worker->requests;
	return true;
}

static bool add_least(const struct workload *w, const struct selector *s,
		      const struct interp_worker *workers, const uint32_t *numbers, uint32_t n,
		      bool of_the_stuck, struct targets *out)
{
	uint64_t least = UINT64_MAX, load;
	bool any = false;

	for (uint32_t i = 0; i < n; i++) {
		const struct interp_worker *worker = &workers[numbers[i]];

		if (worker->gone || stuck(worker, w) != of_the_stuck)
			continue;
		if (load_of(w, s, worker, &load) && load < least)
			least = load;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct interp_worker *worker = &workers[numbers[i]];

		if (worker->gone || stuck(worker, w) != of_the_stuck ||
		    (load_of(w, s, worker, &load) && load != least))
			continue;
		targets_add(out, numbers[i]);
		any = true;
	}
	return any;
}

enum least least_choose(const struct workload *w, const struct selector *s,
			const struct interp_worker *workers, const uint32_t *numbers, uint32_t n,
			struct targets *out)
{
	if (add_least(w, s, workers, numbers, n, false, out))
		return LEAST_FOUND;
	return add_least(w, s, workers, numbers, n, true, out) ? LEAST_STUCK : LEAST_NONE;
}
