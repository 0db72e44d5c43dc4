/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams on the command line: hexadecimal digits, with blanks where one likes. */
#ifndef IOP_TESTS_NET_HEX_H
#define IOP_TESTS_NET_HEX_H

#include <ctype.h>
#include <string.h>

#define HEX_MAX 1400

/* Bytes read into `bytes` (room for HEX_MAX), -1: not hexadecimal, or too many. */
static inline int hex_read(const char *s, unsigned char *bytes)
{
	static const char digits[] = "0123456789abcdef";
	int n = 0, odd = 0;

	for (; *s; s++) {
		const char *digit = strchr(digits, *s);

		if (isspace((unsigned char)*s))
			continue;
		if (!digit || n == HEX_MAX)
			return -1;
		bytes[n] = (unsigned char)(bytes[n] << 4 | (digit - digits));
		n += odd;
		odd = !odd;
	}
	return odd ? -1 : n;
}

#endif
