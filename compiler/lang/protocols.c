/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Look-up of compiled-in protocol files.
 */
#include "lang/protocols.h"

#include <string.h>

const struct lang_protocol *lang_protocol_find(const char *name)
{
	for (const struct lang_protocol *p = lang_protocols; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}
