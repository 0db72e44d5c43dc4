/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Keys of the maps that hold large sets (IOP_MAP_SET). An LPM trie and a hash have the same:
 * of what is looked up `length` is that of a whole address or number, of an entry of a trie
 * that of its prefix.
 */
#ifndef IOP_ABI_SET_H
#define IOP_ABI_SET_H

#include <linux/types.h>

struct iop_set_key {
	__u32 length;      /* bits behind this member that count: 32 and those of the prefix */
	__u32 family;      /* 4 or 6; numbers: 6 */
	__u8 address[16];  /* network order, IPv4 in the first 4 bytes; numbers: 64 bits, big-endian */
};

#endif
