/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts a program of steer.bpf.c before the sockets of a server that runs, as the runtime
 * would: neither the server's code nor its command line changes.
 */
#ifndef IOP_BENCH_TAIL_STEER_H
#define IOP_BENCH_TAIL_STEER_H

#include <stdbool.h>
#include <sys/types.h>

/* `object` is steer.bpf.o's path. It ends with the server's sockets. False, with a message on
 * standard error, if it cannot be done. */
bool steer_attach(const char *object, const char *program, pid_t server, unsigned workers);

#endif
