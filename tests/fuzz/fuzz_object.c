/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as an object: refused with a sentence, or taken and explained in full, to
 * people and to programs. Input that is no ELF file is taken for a bare description,
 * with its size put right: else the fuzzer would hardly ever get past that check.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/inspect.h"
#include "object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void explain(const struct iop_object *o, bool json)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct output *out = f ? output_new(f, f, json) : NULL;

	if (!out)
		abort();
	inspect_say(out, o);
	if (output_finish(out))
		abort();
	output_free(out);
	(void)fclose(f);
	/* What is said is text, and nothing that would steer a terminal. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 && text[i] != '\n')
			abort();
	free(text);
}

static struct iop_object *open_description(const uint8_t *data, size_t size, char error[256])
{
	uint8_t *copy = malloc(size + 1);
	uint32_t n = (uint32_t)size;
	struct iop_object *o;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (size >= sizeof(struct iop_desc_header))
		memcpy(copy + offsetof(struct iop_desc_header, size), &n, sizeof(n));
	o = object_from_description(copy, size, "x", error, 256);
	free(copy);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool elf = size >= 4 && memcmp(data, "\177ELF", 4) == 0;
	char error[256] = "";
	struct iop_object *o = elf ? object_open_memory(data, size, "x", error, sizeof(error))
				   : open_description(data, size, error);

	if (!o) {
		if (strncmp(error, "x: ", 3) != 0 || !error[3])
			abort();
		return 0;
	}
	explain(o, false);
	explain(o, true);
	object_close(o);
	return 0;
}
