/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources to SHA-256. The hash itself is libmd's.
 */
#include "base/digest.h"

#include <sha2.h>
#include <string.h>

#include "base/source.h"

void source_digest(const struct source_set *s, uint8_t digest[32])
{
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	for (size_t i = 0; i < source_count(s); i++) {
		const struct source *src = source_at(s, i);
		uint8_t size[8];

		for (int k = 0; k < 8; k++)
			size[k] = (uint8_t)((uint64_t)src->size >> (8 * k));
		SHA256Update(&ctx, (const uint8_t *)src->name, strlen(src->name) + 1);
		SHA256Update(&ctx, size, sizeof(size));
		SHA256Update(&ctx, (const uint8_t *)src->text, src->size);
	}
	SHA256Final(digest, &ctx);
}
