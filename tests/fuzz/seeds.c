/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_seeds FOLDER: random policies of the oracle's generator as files, so that
 * the fuzzer begins with each construct of the language in valid sources.
 */
#include <stdio.h>

#include "../oracle/make_policy.h"

#define SEEDS 60

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
		return 2;
	}
	for (unsigned i = 0; i < SEEDS; i++) {
		struct make_options options = { .for_sockets = i % 4 == 3 };
		struct rng r = rng_split(i, 1);
		char path[512];
		FILE *out;

		snprintf(path, sizeof(path), "%s/random_%u.iop", argv[1], i);
		out = fopen(path, "w");
		if (!out) {
			perror(path);
			return 3;
		}
		make_policy(&r, &options, out);
		if (fclose(out)) {
			perror(path);
			return 3;
		}
	}
	return 0;
}
