/* SPDX-License-Identifier: BSD-2-Clause */
#include "describe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(struct describe *d, enum iop_desc_table_id table, const void *bytes, size_t size)
{
	unsigned char *larger = realloc(d->tables[table].bytes, d->tables[table].size + size + 1);

	if (!larger)
		abort();
	if (size)
		memcpy(larger + d->tables[table].size, bytes, size);
	d->tables[table].bytes = larger;
	d->tables[table].size += size;
}

void describe_begin(struct describe *d, const char *name)
{
	*d = (struct describe){ .header = { .magic = IOP_DESC_MAGIC,
					    .version = IOP_DESC_VERSION,
					    .n_tables = IOP_TABLE_COUNT } };
	for (int t = 0; t < IOP_TABLE_COUNT; t++)
		d->row_size[t] = 1;
#define SIZE(table, type) d->row_size[table] = sizeof(struct iop_desc_##type)
	SIZE(IOP_TABLE_POOLS, pool);
	SIZE(IOP_TABLE_TERMS, term);
	SIZE(IOP_TABLE_PARAMS, param);
	SIZE(IOP_TABLE_WORKLOADS, workload);
	SIZE(IOP_TABLE_MATCHES, match);
	SIZE(IOP_TABLE_RANGES, range);
	SIZE(IOP_TABLE_PREFIXES, prefix);
	SIZE(IOP_TABLE_OWNERS, owner);
	SIZE(IOP_TABLE_CLASSES, class);
	SIZE(IOP_TABLE_STAGES, stage);
	SIZE(IOP_TABLE_MAPS, map);
	SIZE(IOP_TABLE_TARGETS, target);
	SIZE(IOP_TABLE_FEATURES, feature);
	SIZE(IOP_TABLE_TESTS, test);
	SIZE(IOP_TABLE_STEPS, step);
	SIZE(IOP_TABLE_STACKS, stack);
#undef SIZE
	append(d, IOP_TABLE_STRINGS, "", 1);
	for (size_t i = 0; i < sizeof(d->header.digest); i++)
		d->header.digest[i] = (__u8)(i + 1);
	d->header.policy = describe_string(d, name);
	d->header.compiler = describe_string(d, "iopc 0.1.0");
}

void describe_free(struct describe *d)
{
	for (int t = 0; t < IOP_TABLE_COUNT; t++)
		free(d->tables[t].bytes);
}

__u32 describe_string(struct describe *d, const char *text)
{
	__u32 offset = (__u32)d->tables[IOP_TABLE_STRINGS].size;

	if (!*text)
		return 0;
	append(d, IOP_TABLE_STRINGS, text, strlen(text) + 1);
	return offset;
}

__u32 describe_row(struct describe *d, enum iop_desc_table_id table, const void *row, size_t size)
{
	__u32 number = (__u32)(d->tables[table].size / size);

	append(d, table, row, size);
	return number;
}

__u32 describe_blob(struct describe *d, const void *bytes, size_t size)
{
	__u32 offset = (__u32)d->tables[IOP_TABLE_BLOBS].size;

	append(d, IOP_TABLE_BLOBS, bytes, size);
	return offset;
}

struct iop_desc_place describe_place(struct describe *d, __u32 line, __u32 column)
{
	return (struct iop_desc_place){ describe_string(d, "fixture.iop"), line, column };
}

void *describe_end(const struct describe *d, size_t *size)
{
	struct iop_desc_header header = d->header;
	size_t at = (sizeof(header) + 7) & ~(size_t)7;
	unsigned char *section;

	for (int t = 0; t < IOP_TABLE_COUNT; t++) {
		header.tables[t].offset = (__u32)at;
		header.tables[t].count = (__u32)(d->tables[t].size / d->row_size[t]);
		header.tables[t].row_size = d->row_size[t];
		at = (at + d->tables[t].size + 7) & ~(size_t)7;
	}
	header.size = (__u32)at;
	section = calloc(1, at);
	if (!section)
		abort();
	memcpy(section, &header, sizeof(header));
	for (int t = 0; t < IOP_TABLE_COUNT; t++)
		if (d->tables[t].size)
			memcpy(section + header.tables[t].offset, d->tables[t].bytes,
			       d->tables[t].size);
	*size = at;
	return section;
}

/* --- frames --- */

static __u32 sum16(__u32 sum, const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : (__u32)bytes[i] << 8;
	return sum;
}

static __u16 fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static void put16(unsigned char *at, unsigned value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

size_t describe_frame(unsigned char *frame, const char *from, __u16 from_port, const char *to,
		      __u16 to_port, const void *payload, size_t payload_size)
{
	int v6 = strchr(from, ':') != NULL;
	unsigned char *ip = frame + 14, *udp = ip + (v6 ? 40 : 20);
	size_t udp_size = 8 + payload_size, address = v6 ? 16 : 4;
	unsigned char *addresses = ip + (v6 ? 8 : 12);
	__u32 sum;

	memset(frame, 0, 2048);
	memcpy(frame, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
	put16(frame + 12, v6 ? 0x86dd : 0x0800);
	if (inet_pton(v6 ? AF_INET6 : AF_INET, from, addresses) != 1 ||
	    inet_pton(v6 ? AF_INET6 : AF_INET, to, addresses + address) != 1)
		abort();
	if (v6) {
		ip[0] = 0x60;
		put16(ip + 4, (unsigned)udp_size);
		ip[6] = IPPROTO_UDP;
		ip[7] = 64;
	} else {
		ip[0] = 0x45;
		put16(ip + 2, (unsigned)(20 + udp_size));
		ip[8] = 64;
		ip[9] = IPPROTO_UDP;
		put16(ip + 10, fold(sum16(0, ip, 20)));
	}
	put16(udp, from_port);
	put16(udp + 2, to_port);
	put16(udp + 4, (unsigned)udp_size);
	if (payload_size)
		memcpy(udp + 8, payload, payload_size);
	sum = sum16(IPPROTO_UDP + (__u32)udp_size, addresses, 2 * address);
	put16(udp + 6, fold(sum16(sum, udp, udp_size)));
	return 14 + (v6 ? 40 : 20) + udp_size;
}
