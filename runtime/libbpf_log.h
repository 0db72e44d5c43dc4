/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libbpf says goes into the report, not to stderr. Its callback has no
 * context, so the place where the words go has to be known to the thread: that is
 * the one variable of this library that changes, and it is NULL outside of
 *
 *	_cleanup_libbpf_log_ struct libbpf_log *log = libbpf_log_begin();
 */
#ifndef IOP_RUNTIME_LIBBPF_LOG_H
#define IOP_RUNTIME_LIBBPF_LOG_H

#include "cleanup.h"

struct libbpf_log;

/* NULL without memory: libbpf speaks as it did before. */
struct libbpf_log *libbpf_log_begin(void);
void libbpf_log_end(struct libbpf_log *log);

/* All warnings so far, a line each; and the last of them, without "libbpf: ". Never NULL;
 * valid until the log ends. */
const char *libbpf_log_text(const struct libbpf_log *log);
const char *libbpf_log_last(const struct libbpf_log *log);

DEFINE_CLEANUP(cleanup_libbpf_log, struct libbpf_log *, libbpf_log_end)
#define _cleanup_libbpf_log_ _cleanup_(cleanup_libbpf_log)

#endif
