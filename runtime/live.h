/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values of live params where the programs of a loaded policy read them: one
 * map that all of them share, mapped into memory, so that a value is changed by one store
 * of eight bytes. A program meets the old value or the new one, never half of either.
 */
#ifndef IOP_RUNTIME_LIVE_H
#define IOP_RUNTIME_LIVE_H

#include <bpf/btf.h>

#include "cleanup.h"
#include "installed.h"
#include "report.h"

#define LIVE_SECTION ".data.live"

/* The variables of one section, wherever its bytes are. */
struct variables {
	const struct btf *btf;
	const struct btf_type *section;
	unsigned char *bytes;
	size_t size;
};

/* Where a variable of exactly that size is, NULL if there is none. */
unsigned char *variables_find(const struct variables *v, const char *name, size_t size);

struct live {
	struct variables variables;
	struct btf *btf; /* owned */
	size_t mapped;
};

#define LIVE_EMPTY ((struct live){ 0 })

/* Maps the values of a policy, to be read, or (`write`) changed as well. A negative errno without
 * a message: the map is not there, or not what it should be. */
int live_open(struct live *l, const struct installed *is, bool write);
void live_close(struct live *l);
#define _cleanup_live_ _cleanup_(live_close)

/* Where the programs read a param; NULL: they do not, or it is not live. */
__u64 *live_value(const struct live *l, const struct iop_object *o,
		  const struct iop_desc_param *p);

#endif
