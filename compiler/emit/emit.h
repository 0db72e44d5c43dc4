/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the plan to an ELF object, by way of LLVM: the only room that knows it.
 */
#ifndef IOP_EMIT_EMIT_H
#define IOP_EMIT_EMIT_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct diags;
struct plan;

enum emit_kind {
	EMIT_OBJECT,
	EMIT_ASM, /* BPF assembly as text */
	EMIT_IR,  /* LLVM IR after optimisation, as text */
};

struct emitted {
	const void *data;
	size_t size;
};

/*
 * `description` is what plan_describe() made; it becomes section `.iop`. The
 * bytes returned are in the arena. NULL exactly when there was an error; what
 * LLVM refuses is a bug of ours and reported as one.
 */
const struct emitted *emit_plan(struct arena *a, const struct plan *plan,
				const void *description, uint32_t description_size,
				enum emit_kind kind, struct diags *diags);

#endif
