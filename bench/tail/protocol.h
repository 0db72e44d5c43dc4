/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What client and server of the tail comparison send each other, both ways; the same
 * that examples/rocksdb_scan.iop declares.
 */
#ifndef IOP_BENCH_TAIL_PROTOCOL_H
#define IOP_BENCH_TAIL_PROTOCOL_H

#include <stdint.h>

#define TAIL_PORT 7000

enum tail_op { TAIL_GET = 1, TAIL_SCAN = 2 };

/* Big-endian. The answer is the request with the worker's number in the place of `op`. */
struct tail_request {
	uint8_t op;
	uint8_t reserved[3];
	uint32_t id;
	uint64_t key;
};

#endif
