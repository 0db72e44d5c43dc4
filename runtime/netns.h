/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doing something in another network namespace, without the caller leaving its
 * own: a namespace belongs to a thread, so a thread goes there and ends.
 */
#ifndef IOP_RUNTIME_NETNS_H
#define IOP_RUNTIME_NETNS_H

#include <linux/types.h>

#define NETNS_NEW (-1)

/*
 * Runs fn(context) in the namespace of the descriptor `ns`, or in an empty one that
 * is gone afterwards (NETNS_NEW). Returns what fn returns, or a negative errno when
 * the namespace could not be entered. Needs CAP_SYS_ADMIN.
 */
int netns_run(int ns, int (*fn)(void *context), void *context);

/* The number that the kernel gives the caller's network namespace: never given again
 * before the next boot. 0 or a negative errno. */
int netns_cookie(__u64 *cookie);
int netns_cookie_of_socket(int fd, __u64 *cookie);

/*
 * Calls visit() with a descriptor of each network namespace that can be found, until it
 * returns other than 0; returns that, or 0. The same namespace may come more than
 * once. First this one, then the named ones of iproute2, then those of processes. `name` is
 * what `ip netns` calls it, or "". The descriptor is closed behind the call.
 */
int netns_each(int (*visit)(void *context, int ns, const char *name), void *context);

#endif
