/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds description sections by hand, for tests: rows are added table by table,
 * then all of it is laid out as iopc would. Nothing is checked, since most tests
 * want it wrong. Running out of memory aborts.
 */
#ifndef IOP_TESTS_DESCRIBE_H
#define IOP_TESTS_DESCRIBE_H

#include <stddef.h>

#include "abi/count.h"
#include "abi/object.h"

struct describe {
	struct iop_desc_header header; /* all but size and tables */
	struct {
		unsigned char *bytes;
		size_t size;
	} tables[IOP_TABLE_COUNT];
	__u32 row_size[IOP_TABLE_COUNT];
};

/* An empty description of policy `name`, with magic, version, digest and compiler. */
void describe_begin(struct describe *d, const char *name);
void describe_free(struct describe *d);

/* The offset of a string; "" is 0. */
__u32 describe_string(struct describe *d, const char *text);

/* Appends a row and returns its number. */
__u32 describe_row(struct describe *d, enum iop_desc_table_id table, const void *row, size_t size);
#define DESCRIBE(d, table, type, ...)                                                              \
	describe_row(d, table, &(struct iop_desc_##type){ __VA_ARGS__ },                           \
		     sizeof(struct iop_desc_##type))

/* Appends bytes and returns their offset among the blobs. */
__u32 describe_blob(struct describe *d, const void *bytes, size_t size);

/* The section; free() it. */
void *describe_end(const struct describe *d, size_t *size);

/* A place in `file`, line and column as given. */
struct iop_desc_place describe_place(struct describe *d, __u32 line, __u32 column);

/* A UDP frame with IPv4 addresses "10.0.0.1" or IPv6 ones; checksums are right. Returns its
 * size; `frame` has room for 2048 bytes. */
size_t describe_frame(unsigned char *frame, const char *from, __u16 from_port, const char *to,
		      __u16 to_port, const void *payload, size_t payload_size);

/*
 * The description of fixture.bpf.c: pool net (core 0), pool two (cores 0-1, known at
 * load), params, workload echo on UDP port 5300 with the classes first and rest. See
 * describe_fixture.c for its tests.
 */
void describe_fixture(struct describe *d);

#endif
