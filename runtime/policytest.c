/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the tests of a policy one after the other. Each begins with programs and maps
 * loaded afresh; its packets meet the rx stage back to back, as if they came at one
 * moment (limits are of time), and then the sockets, those that were not dropped.
 */
#include "policytest.h"

#include <errno.h>
#include <string.h>

#include "load.h"
#include "policytest_fate.h"
#include "probe.h"
#include "words.h"

#define MAX_WORKERS 1024 /* what a policy can name */

/* What all tests share. */
struct bench {
	const struct iop_object *object;
	struct machine *machine;
	struct core_list *pools;
	__u32 *workers;
	struct record record;
	bool poor;
	char missing[256]; /* privilege, "": none */
};

static void bench_free(struct bench *b)
{
	machine_close(b->machine);
	for (__u32 i = 0; b->pools && i < object_count(b->object, IOP_TABLE_POOLS); i++)
		free(b->pools[i].cores);
	free(b->pools);
	free(b->workers);
	record_close(&b->record);
}

DEFINE_CLEANUP(cleanup_report, struct iop_report *, iop_report_free)

/* --- the bench --- */

/*
 * The cores of a pool, or those of them that this machine has: a policy for a larger
 * machine can be tested, but for what needs its cores. The others' place is in the
 * code, so they are left out from the end only where they are the last.
 */
static int take_pool(struct bench *b, __u32 i, struct iop_report *report)
{
	_cleanup_(cleanup_report) struct iop_report *ignored = iop_report_new();
	struct core_list *list = &b->pools[i];
	__u32 n = 0;
	int err;

	if (!ignored)
		return report_no_memory(report);
	err = machine_pool(b->machine, b->object, i, list, ignored);
	if (err != -ENOTSUP)
		return err ? report_no_memory(report) : 0;
	b->poor = true;
	free(list->cores);
	*list = (struct core_list){ 0 };
	if (machine_pool_is_fixed(b->object, i)) {
		if (machine_fixed_pool(b->object, i, list))
			return report_no_memory(report);
		while (n < list->n && machine_online(b->machine, list->cores[n]))
			n++;
		list->n = n;
		return 0;
	}
	list->cores = calloc(1, sizeof(*list->cores));
	list->n = 1; /* a program wants one at least, and core 0 there always is */
	return list->cores ? 0 : report_no_memory(report);
}

static int take_pools(struct bench *b, struct iop_report *report)
{
	__u32 n = object_count(b->object, IOP_TABLE_POOLS);

	b->pools = calloc(n + 1ul, sizeof(*b->pools));
	if (!b->pools)
		return report_no_memory(report);
	for (__u32 i = 0; i < n; i++) {
		int err = take_pool(b, i, report);

		if (err)
			return err;
	}
	return 0;
}

static __u32 at_least(__u32 n, __u64 wanted)
{
	if (wanted > MAX_WORKERS)
		wanted = MAX_WORKERS;
	return wanted > n ? (__u32)wanted : n;
}

static __u32 at_least_ranges(const struct iop_object *o, __u32 n, __u32 first, __u32 n_ranges)
{
	for (__u32 i = 0; i < n_ranges; i++)
		n = at_least(n, (__u64)object_range(o, first + i)->hi + 1);
	return n;
}

/*
 * How many workers each workload has: as `iopc --test` reckons, enough for each number
 * that a rule or a test names, and for `last N` to differ from `all`.
 */
static int count_workers(struct bench *b, struct iop_report *report)
{
	const struct iop_object *o = b->object;
	__u32 n = object_count(o, IOP_TABLE_WORKLOADS), least = 1;

	b->workers = calloc(n + 1ul, sizeof(*b->workers));
	if (!b->workers)
		return report_no_memory(report);
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_STEPS); i++) {
		const struct iop_desc_step *s = object_step(o, i);

		if (s->kind == IOP_EXPECT_SOCKET_WORKERS)
			least = at_least_ranges(o, least, s->first_range, s->n_ranges);
	}
	for (__u32 i = 0; i < n; i++)
		b->workers[i] = least;
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_TARGETS); i++) {
		const struct iop_desc_target *t = object_target(o, i);
		__u32 *workers = &b->workers[object_class(o, t->class)->workload];

		if (t->hook != IOP_HOOK_SOCKET)
			continue;
		if (t->workers_kind == IOP_WORKERS_LIST)
			*workers = at_least_ranges(o, *workers, t->first_range, t->n_ranges);
		else if (t->workers_kind != IOP_WORKERS_ALL)
			*workers = at_least(*workers, (__u64)t->workers_n + 1);
	}
	return 0;
}

/* Without privilege there is nothing to be run, which is no error of the policy. */
static int check_privilege(struct bench *b, struct iop_report *report)
{
	struct probe_capabilities needs = {
		.namespaces = program_stage(b->object, IOP_HOOK_SOCKET) != NULL,
	};
	_cleanup_(cleanup_report) struct iop_report *found = iop_report_new();
	int err;

	if (!found)
		return report_no_memory(report);
	err = probe_capabilities(&needs, found);
	if (err && err != -EPERM)
		return report_error(report, err, IOP_CAUSE_ENVIRONMENT,
				    "cannot tell what this user may do: %s", strerror(-err));
	if (err)
		(void)snprintf(b->missing, sizeof(b->missing), "%s",
			       iop_report_message(found, 0)->text);
	return 0;
}

static int bench_open(struct bench *b, const struct iop_object *o, const char *const *settings,
		      size_t n_settings, struct iop_report *report)
{
	int err;

	*b = (struct bench){ .object = o, .record = RECORD_EMPTY };
	err = params_read(o, settings, n_settings, &b->record, report);
	if (err)
		return err;
	b->machine = machine_open(report);
	if (!b->machine)
		return -ENOTSUP;
	err = take_pools(b, report);
	if (!err)
		err = count_workers(b, report);
	return err ? err : check_privilege(b, report);
}

/* --- results --- */

void policytest_free(struct policytest_results *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct policytest_result *t = &r->results[i];

		for (size_t k = 0; k < t->n_failures; k++) {
			free(t->failures[k].expected);
			free(t->failures[k].got);
		}
		free(t->failures);
		free(t->reason);
	}
	free(r->results);
	free(r);
}

DEFINE_CLEANUP(cleanup_results, struct policytest_results *, policytest_free)

static int skip(struct policytest_result *r, const char *reason)
{
	if (r->reason)
		return 0;
	r->reason = strdup(reason);
	return r->reason ? 0 : -ENOMEM;
}

static int add_failure(const struct policytest *t, struct policytest_result *r,
		       const struct iop_desc_step *expected, const struct fate *fate)
{
	struct policytest_failure *f =
		reallocarray(r->failures, r->n_failures + 1, sizeof(*r->failures));
	char *texts[2] = { NULL, NULL };

	if (!f)
		return -ENOMEM;
	r->failures = f;
	for (int i = 0; i < 2; i++) {
		size_t size;
		FILE *text = open_memstream(&texts[i], &size);

		if (text && i == 0)
			words_expectation(text, t->object, expected);
		else if (text)
			expectation_got(text, t, expected, fate);
		if (!text || ferror(text) | fclose(text)) {
			free(texts[0]);
			free(texts[1]);
			return -ENOMEM;
		}
	}
	f[r->n_failures++] = (struct policytest_failure){
		.place = report_place(t->object, &expected->place),
		.expected = texts[0],
		.got = texts[1],
	};
	return 0;
}

/* --- a test --- */

/* Each packet's fate; *n of them. NULL: no memory. */
static struct fate *packets_of(const struct iop_object *o, const struct iop_desc_test *test,
			       size_t *n)
{
	struct fate *fates = calloc(test->n_steps + 1ul, sizeof(*fates));

	*n = 0;
	for (__u32 i = 0; fates && i < test->n_steps; i++) {
		const struct iop_desc_step *s = object_step(o, test->first_step + i);
		struct fate *f = &fates[*n];

		if (s->kind != IOP_STEP_PACKET)
			continue;
		f->packet = s;
		f->class = f->workload = IOP_NONE;
		f->datagram_kind = datagram_read(object_row(o, IOP_TABLE_BLOBS, s->blob), s->n_blob,
						 &f->datagram);
		if (f->datagram_kind == DATAGRAM_WHOLE)
			f->workload = policytest_match(o, &f->datagram);
		/* What belongs to no workload has no class, and no stage will say so. */
		f->classed = f->datagram_kind != DATAGRAM_OPAQUE && f->workload == IOP_NONE;
		++*n;
	}
	return fates;
}

/* Sockets take time: they are asked where an expectation is about them, or where the
 * driver stage has not told the class. */
static bool needs_sockets(const struct iop_object *o, const struct iop_desc_test *test,
			  const struct fate *fates)
{
	const struct fate *fate = fates;

	for (__u32 i = 0; i < test->n_steps; i++) {
		const struct iop_desc_step *s = object_step(o, test->first_step + i);

		if (s->kind == IOP_STEP_PACKET)
			fate = i ? fate + 1 : fate;
		else if (s->kind >= IOP_EXPECT_SOCKET_PASS ||
			 (s->kind == IOP_EXPECT_CLASS && !fate->classed))
			return true;
	}
	return false;
}

static bool needs_replies(const struct iop_object *o, const struct iop_desc_test *test)
{
	for (__u32 i = 0; i < test->n_steps; i++)
		if (object_step(o, test->first_step + i)->kind >= IOP_EXPECT_TX_PASS)
			return true;
	return false;
}

static int judge(const struct policytest *t, const struct iop_desc_test *test,
		 const struct fate *fates, struct policytest_result *r)
{
	const struct fate *fate = fates;
	int err = 0;

	for (__u32 i = 0; i < test->n_steps && !err; i++) {
		const struct iop_desc_step *s = object_step(t->object, test->first_step + i);

		if (s->kind == IOP_STEP_PACKET) {
			fate = i ? fate + 1 : fate;
			continue;
		}
		switch (expectation_judge(t, s, fate)) {
		case VERDICT_HOLDS: break;
		case VERDICT_FAILS: err = add_failure(t, r, s, fate); break;
		case VERDICT_UNKNOWN: err = skip(r, expectation_unknown(t, s, fate)); break;
		}
	}
	return err;
}

static int meet_stages(const struct policytest *t, const struct iop_desc_test *test,
		       struct fate *fates, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = policytest_rx(t, &fates[i]);
	if (!err && needs_sockets(t->object, test, fates))
		err = policytest_socket(t, fates, n);
	if (!err && needs_replies(t->object, test))
		err = policytest_tx(t, fates, n);
	return err;
}

static int run_test(const struct bench *b, const struct iop_desc_test *test,
		    struct policytest_result *r, struct iop_report *report)
{
	struct policytest t = {
		.object = b->object,
		.values = { .object = b->object,
			    .machine = b->machine,
			    .pools = b->pools,
			    .record = &b->record },
		.workers = b->workers,
		.poor = b->poor,
		.report = report,
	};
	_cleanup_bpf_object_ struct bpf_object *policy = NULL;
	_cleanup_free_ struct fate *fates = NULL;
	size_t n;
	int err;

	if (*b->missing)
		return skip(r, b->missing);
	fates = packets_of(b->object, test, &n);
	if (!fates)
		return -ENOMEM;
	err = program_load_policy(&t.values, &policy, report);
	if (err)
		return err;
	t.policy = policy;
	err = meet_stages(&t, test, fates, n);
	return err ? err : judge(&t, test, fates, r);
}

/* Errors that nobody has put into words yet. */
static int explain(struct iop_report *report, int err)
{
	if (iop_report_cause(report) != IOP_CAUSE_NONE)
		return err;
	if (err == -ENOMEM)
		return report_no_memory(report);
	if (err == -EBADMSG)
		return report_error(report, err, IOP_CAUSE_POLICY,
				    "the object's counters are not as its description says");
	return report_error(report, err, IOP_CAUSE_ENVIRONMENT, "the tests cannot be run: %s",
			    strerror(-err));
}

int policytest_run(const struct iop_object *o, const char *const *settings, size_t n_settings,
		   struct policytest_results **out, struct iop_report *report)
{
	_cleanup_(cleanup_results) struct policytest_results *r = calloc(1, sizeof(*r));
	_cleanup_(bench_free) struct bench b = { .object = o, .record = RECORD_EMPTY };
	__u32 n = object_count(o, IOP_TABLE_TESTS);
	int err;

	if (r)
		r->results = calloc(n + 1ul, sizeof(*r->results));
	if (!r || !r->results)
		return report_no_memory(report);
	err = bench_open(&b, o, settings, n_settings, report);
	for (; !err && r->n < n; r->n++) {
		const struct iop_desc_test *test = object_test(o, (__u32)r->n);
		struct policytest_result *t = &r->results[r->n];

		t->name = object_string(o, test->name);
		t->place = report_place(o, &test->place);
		err = run_test(&b, test, t, report);
		t->outcome = t->n_failures ? POLICYTEST_FAILED
			     : t->reason   ? POLICYTEST_SKIPPED
					   : POLICYTEST_OK;
	}
	if (err)
		return explain(report, err);
	*out = TAKE_PTR(r);
	return 0;
}
