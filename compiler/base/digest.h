/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The digest of a policy's sources, by which two objects are told apart.
 */
#ifndef IOP_BASE_DIGEST_H
#define IOP_BASE_DIGEST_H

#include <stdint.h>

struct source_set;

/* SHA-256 (FIPS 180-4, by libmd) over name, NUL, size as 8 bytes little-endian, and text of
 * each source in its order. */
void source_digest(const struct source_set *s, uint8_t digest[32]);

#endif
