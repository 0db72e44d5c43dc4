/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The constants of a program that are known at load only: values of params, cores of
 * pools. They are variables of .rodata, which is written before it is loaded and
 * frozen then, so that the verifier takes them for constants. Live params have their first
 * values from here, too, in a section that is not frozen (live.h).
 */
#ifndef IOP_RUNTIME_RODATA_H
#define IOP_RUNTIME_RODATA_H

#include "program.h"

/* Writes all that the description names; -EBADMSG if a variable is not there or of
 * another size. */
int rodata_write(struct bpf_object *obj, const struct program_values *v, struct iop_report *report);

#endif
