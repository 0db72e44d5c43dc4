/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The headers of known protocols: the files of grammar/protocols, written in
 * the language itself and compiled into iopc.
 */
#ifndef IOP_LANG_PROTOCOLS_H
#define IOP_LANG_PROTOCOLS_H

#include <stddef.h>

struct lang_protocol {
	const char *name; /* of the file without `.iop`, and of the header in it */
	const char *file; /* "protocols/dns.iop" */
	const char *text;
	size_t size;
};

/* Ends with a row whose name is NULL. */
extern const struct lang_protocol lang_protocols[];

const struct lang_protocol *lang_protocol_find(const char *name);

#endif
