/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two hosts of the tail comparison: network namespaces without a name, joined by a veth
 * pair, and programs that run in them. All of it ends with this process, however it ends: a
 * namespace lives as long as what runs in it, and that is killed when we are gone.
 */
#ifndef IOP_BENCH_TAIL_HOSTS_H
#define IOP_BENCH_TAIL_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define HOSTS_SERVER "10.9.0.1"

struct hosts {
	pid_t server, client; /* keep the namespaces; 0: there is none */
};

/* False, with a message on standard error, if they cannot be made; hosts_close() in any case. */
bool hosts_open(struct hosts *h);
void hosts_close(struct hosts *h);

/* How a program is run. */
struct program {
	pid_t in;       /* namespace; 0: ours */
	bool urgent;    /* before everything that is not: what else the machine does is no part of it */
	const char *const *argv;
};

/* Starts it with its output in a pipe, whose end *out is the caller's; its pid, or -1 with a
 * message. It is killed when we die. */
pid_t program_start(const struct program *p, int *out);

/* Ends it, if it runs. */
void program_stop(pid_t pid);

/* Runs it to its end, its output in `text` as far as it fits; false, with a message that has its
 * output, if it fails. */
bool program_run(const struct program *p, char *text, size_t size);

/* The same for what puts things back: to its end, whatever we were asked in the meantime. */
void program_finish(const struct program *p);

/* Was this process asked to end (SIGINT, SIGTERM, SIGHUP)? Whatever it waits for ends then. */
bool asked_to_end(void);
void catch_requests_to_end(void);

#endif
