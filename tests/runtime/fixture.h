/* SPDX-License-Identifier: BSD-2-Clause */
/* What fixture.bpf.c and its description have in common. */
#ifndef IOP_TESTS_FIXTURE_H
#define IOP_TESTS_FIXTURE_H

#include "abi/count.h"
#include "abi/object.h"

#define FIXTURE_PORT 5300
#define FIXTURE_WORKERS 8

enum fixture_class { FIXTURE_FIRST, FIXTURE_STEERED, FIXTURE_REST, FIXTURE_CLASSES };

/* Elements of the counter maps: __u64 each. */
struct fixture_rx {
	__u64 reasons[IOP_COUNT_TARGETS];
	__u64 net[1];
	__u64 two[IOP_POOL_CORES];
};

struct fixture_socket {
	__u64 reasons[IOP_COUNT_TARGETS];
	__u64 workers[FIXTURE_WORKERS];
};

#endif
