/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the fixture's description to a file, which llvm-objcopy puts into the
 * object. A second word makes it a variant: `wrong` has a test that must fail, `far` is for
 * a machine with more cores than there are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "fixture.h"

/* What the policy does not do. */
static void add_wrong(struct describe *d)
{
	unsigned char frame[2048];
	size_t size = describe_frame(frame, "10.0.0.2", 4000, "10.0.0.1", FIXTURE_PORT, "first", 5);
	__u32 range = DESCRIBE(d, IOP_TABLE_RANGES, range, 0, 0);
	__u32 step = DESCRIBE(d, IOP_TABLE_STEPS, step, .kind = IOP_STEP_PACKET,
			      .place = describe_place(d, 101, 5),
			      .blob = describe_blob(d, frame, size), .n_blob = (__u32)size);

	DESCRIBE(d, IOP_TABLE_STEPS, step, .kind = IOP_EXPECT_CLASS, .a = FIXTURE_REST,
		 .place = describe_place(d, 102, 5));
	DESCRIBE(d, IOP_TABLE_STEPS, step, .kind = IOP_EXPECT_RX_DROP,
		 .place = describe_place(d, 103, 5));
	DESCRIBE(d, IOP_TABLE_STEPS, step, .kind = IOP_EXPECT_SOCKET_WORKERS,
		 .place = describe_place(d, 104, 5), .first_range = range, .n_ranges = 1);
	DESCRIBE(d, IOP_TABLE_TESTS, test, .name = describe_string(d, "wrong in three ways"),
		 .place = describe_place(d, 100, 1), .first_step = step, .n_steps = 4);
}

static void put_far_away(struct describe *d)
{
	struct iop_desc_term *terms = (struct iop_desc_term *)d->tables[IOP_TABLE_TERMS].bytes;

	terms[0].lo = 90000;
	terms[0].hi = 90001;
}

int main(int argc, char **argv)
{
	struct describe d;
	size_t size;
	void *section;
	FILE *f;
	int rc;

	const char *variant = argc > 2 ? argv[2] : "";

	if (argc < 2 ||
	    (*variant && strcmp(variant, "wrong") != 0 && strcmp(variant, "far") != 0)) {
		(void)fputs("usage: describe FILE [wrong|far]\n", stderr);
		return 2;
	}
	describe_fixture(&d);
	if (strcmp(variant, "wrong") == 0)
		add_wrong(&d);
	if (strcmp(variant, "far") == 0)
		put_far_away(&d);
	section = describe_end(&d, &size);
	f = fopen(argv[1], "wb");
	rc = !f || fwrite(section, 1, size, f) != size;
	if (f && fclose(f))
		rc = 1;
	if (rc)
		perror(argv[1]);
	free(section);
	describe_free(&d);
	return rc;
}
