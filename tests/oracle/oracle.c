/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver stage: random policies, compiled and loaded, met by random packets
 * through BPF_PROG_TEST_RUN; the program's decision against the interpreter's.
 * Any difference is a bug of one of them. Options: runner.h.
 */
#include "make_packet.h"
#include "runner.h"

/* Frames that are too short for the kernel: of no workload, whatever the policy. */
static bool short_frame(struct run *run, const struct compiled *c, struct kernel *k,
			const struct frame *f, FILE *out)
{
	struct decision d;

	run->tally.short_frames++;
	interp_decide(c->policy, f->bytes, f->len, &k->env, &d);
	if (d.workload == INTERP_NONE && d.rx.verdict == VERDICT_PASS)
		return true;
	say_decision(c->policy, &d, out);
	return false;
}

static bool run_packets(struct run *run, uint64_t seed, const struct compiled *c, struct kernel *k,
			FILE *out)
{
	struct rng r = rng_split(seed, 3);
	struct packet_maker maker;

	packet_maker_init(&maker, c->arena, c->policy);
	for (unsigned long i = 0; i < run->packets; i++) {
		struct frame_spec spec;
		struct frame f;
		bool same;

		make_packet(&maker, &r, &spec);
		frame_build(&spec, &f);
		same = f.len < 14 ? short_frame(run, c, k, &f, out)
				  : compare_rx(k, c, f.bytes, f.len, &run->tally, out);
		if (!same) {
			say_packet(&f, i, out);
			return false;
		}
	}
	return compare_rest(k, c, out);
}

static bool try_rx(struct run *run, uint64_t seed, const struct compiled *c, FILE *out)
{
	struct rng r = rng_split(seed, 2);
	enum loading loading;
	struct kernel k;
	bool good;

	if (!c->plan->hooks[IOP_HOOK_RX].used)
		return true;
	loading = run_load(run, &k, c, IOP_HOOK_RX, seed, &r, out);
	good = loading == LOADED ? run_packets(run, seed, c, &k, out) : loading == TOO_LARGE;
	kernel_unload(&k);
	return good;
}

int main(int argc, char **argv)
{
	struct run run = { .name = "oracle", .seed = 1, .policies = 420, .packets = 600 };

	return run_main(&run, argc, argv, try_rx);
}
