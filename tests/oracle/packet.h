/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames for tests, from a description in which everything that can be odd
 * about a UDP or TCP packet is one member. Zero is the plain case.
 */
#ifndef IOP_TESTS_PACKET_H
#define IOP_TESTS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 3600
#define FRAME_TAGS_MAX 3
#define FRAME_EXTENSIONS_MAX 8
#define FRAME_PAYLOAD_MAX 2800

struct frame_tag {
	uint16_t tpid, tci;
};

/* An IPv6 extension header of `units` (its length byte). Fragment headers have 8 bytes. */
struct frame_extension {
	uint8_t kind;
	uint8_t units;
};

struct frame_spec {
	uint8_t eth_dst[6], eth_src[6];
	struct frame_tag tags[FRAME_TAGS_MAX];
	unsigned n_tags;
	uint16_t eth_type; /* 0: of the IP version */

	uint8_t version; /* 4 (also 0) or 6 */
	uint8_t src[16], dst[16];
	uint8_t tos, ttl; /* traffic class, hop limit; ttl 0: 64 */
	bool ttl_zero;
	bool tcp;         /* a TCP segment, else a UDP datagram */
	uint8_t proto;    /* what IP says; 0: the truth */
	uint16_t id, fragment; /* IPv4: flags and offset as they stand in the header */
	uint32_t flow;
	unsigned options; /* IPv4: words of 4 bytes behind the header, at most 10 */
	struct frame_extension extensions[FRAME_EXTENSIONS_MAX];
	unsigned n_extensions;
	uint8_t version_field, ihl_field; /* 0: right */
	int ip_len_off, udp_len_off;      /* added to the right length */
	uint16_t fragment6; /* what a fragment header says: offset, flags */

	uint16_t sport, dport;
	/* of TCP */
	uint32_t seq, ack_seq;
	uint16_t window;
	uint8_t flags;
	unsigned tcp_options; /* words of 4 bytes, at most 10 */
	uint8_t doff_field;   /* 0: right */
	uint8_t payload[FRAME_PAYLOAD_MAX];
	unsigned payload_len;
	unsigned padding; /* bytes behind it all */
	unsigned cut;     /* 0: nothing; else only so many bytes of the frame are left, + 1 */
};

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t len;
	size_t ip, udp, payload; /* where these start; `udp` is TCP's header, too */
};

/* Builds the frame, with right checksums where the lengths are right. */
void frame_build(const struct frame_spec *s, struct frame *f);

/* "10.0.0.1" or "fd00::1" into `addr`; false: neither. Returns the version in `version`. */
bool frame_addr(const char *text, uint8_t addr[16], uint8_t *version);

/* A plain datagram between two addresses of one family. */
struct frame_spec frame_plain(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			      const void *payload, size_t len);

#endif
