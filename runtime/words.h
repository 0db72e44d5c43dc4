/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A description in the words of the language: what an object's rows looked like in
 * the policy. Streams keep their own errors.
 */
#ifndef IOP_RUNTIME_WORDS_H
#define IOP_RUNTIME_WORDS_H

#include <stdio.h>

#include "object.h"

const char *word_of_hook(enum iop_hook hook);                 /* "rx" */
const char *word_of_role(enum iop_map_role role);             /* "cpus" */
const char *word_of_scope(enum iop_map_scope scope);          /* "policy" */
const char *word_of_param(enum iop_param_type type);          /* "bitrate" */
const char *word_of_owner(enum iop_owner_kind kind);          /* "cgroup" */
const char *word_of_feature(enum iop_feature feature);        /* "xdp-link" */
const char *word_of_step(enum iop_step_kind kind);            /* "packet", "rx drop" */

/* "cores 0-3,8 except 2" */
void words_pool(FILE *f, const struct iop_object *o, const struct iop_desc_pool *pool);

/* "udp port 53,5353 to 10.0.0.1 from 10.0.0.0/8" */
void words_match(FILE *f, const struct iop_object *o, const struct iop_desc_match *match);

/* "0-2,5", "all", "last 2", "all but last 1" */
void words_workers(FILE *f, const struct iop_object *o, enum iop_workers_kind kind, __u32 first,
		   __u32 n_ranges, __u32 workers_n);

/* "0-2,5" */
void words_ranges(FILE *f, const struct iop_object *o, __u32 first, __u32 n);

/* "dns.iop:12:5"; nothing for a place without a line. */
void words_place(FILE *f, const struct iop_object *o, const struct iop_desc_place *place);

/* "class cheap", "rx steer to net", "socket worker 0-2" */
void words_expectation(FILE *f, const struct iop_object *o, const struct iop_desc_step *step);

/* The same behind "expect ", or "packet of 60 bytes". */
void words_step(FILE *f, const struct iop_object *o, const struct iop_desc_step *step);

#endif
