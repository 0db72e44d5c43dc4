/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does sema tell the truth when it says that no packet can be of a class? It
 * promises never to call a class unreachable that is not, so a packet of that
 * class, found at random, is a bug of sema.
 */
#ifndef IOP_TESTS_REACH_H
#define IOP_TESTS_REACH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* `messages` are what the random policy `text` was refused with. False: a packet was found. */
bool reach_check(const char *text, const char *messages, uint64_t seed, unsigned long packets,
		 FILE *out);

#endif
