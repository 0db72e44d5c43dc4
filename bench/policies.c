/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets for the stop watch, as a real client would send them; see policies.h.
 */
#include "policies.h"

#include <string.h>

/* --- payloads --- */

enum { TYPE_A = 1, TYPE_PTR = 12, TYPE_TXT = 16, TYPE_AAAA = 28, TYPE_ANY = 255 };
#define RESPONSE 0x80

static void put16(uint8_t *b, unsigned v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

/* A query for a name in text; `flags` is the upper byte of DNS's flags. */
static void dns(struct frame_spec *s, const char *name, unsigned type, uint8_t flags)
{
	uint8_t *b = s->payload;
	unsigned n = 12;

	memset(b, 0, n);
	put16(b, 0x1234);
	b[2] = flags | 1; /* recursion desired */
	put16(b + 4, 1);
	while (*name) {
		size_t label = strcspn(name, ".");

		b[n++] = (uint8_t)label;
		memcpy(b + n, name, label);
		n += (unsigned)label;
		name += label;
		name += *name == '.';
	}
	b[n++] = 0;
	put16(b + n, type);
	put16(b + n + 2, 1);
	s->payload_len = n + 4;
}

enum { OP_GET = 1, OP_SCAN = 2, OP_PUT = 3 };

static void kv(struct frame_spec *s, uint8_t op, const char *key, unsigned flags, unsigned value)
{
	uint8_t *b = s->payload;
	size_t size = strnlen(key, 64);

	memset(b, 0, 8);
	b[0] = op;
	b[1] = (uint8_t)size;
	b[2] = (uint8_t)flags;
	b[3] = (uint8_t)(flags >> 8);
	b[7] = 9;
	memcpy(b + 8, key, size);
	put16(b + 8 + size, value);
	s->payload_len = (unsigned)size + 10;
}

/* Of a store that knows no more than what is to be done. */
static void store(struct frame_spec *s, uint8_t op)
{
	memset(s->payload, 0, 16);
	s->payload[0] = op;
	s->payload[7] = 9;
	s->payload_len = 16;
}

static void text(struct frame_spec *s, const char *t)
{
	s->payload_len = (unsigned)strlen(t);
	memcpy(s->payload, t, s->payload_len);
}

/* --- frames --- */

static void four(struct frame_spec *s, const char *src, uint16_t dport)
{
	*s = frame_plain(src, 40123, "10.0.0.1", dport, "", 0);
}

static void six(struct frame_spec *s, uint16_t dport)
{
	*s = frame_plain("fd00::7:2", 40123, "fd00::1", dport, "", 0);
}

#define SAMPLE(name, frame, content)           \
	static void name(struct frame_spec *s) \
	{                                      \
		frame;                         \
		content;                       \
	}

#define REVERSE "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.4.2.1.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
SAMPLE(dns_a, four(s, "10.9.8.7", 53), dns(s, "www.example.org", TYPE_A, 0))
SAMPLE(dns_aaaa6, six(s, 53), dns(s, "www.example.org", TYPE_AAAA, 0))
SAMPLE(dns_ptr, four(s, "10.9.8.7", 53), dns(s, REVERSE, TYPE_PTR, 0))
SAMPLE(dns_any, four(s, "10.9.8.7", 53), dns(s, "example.org", TYPE_ANY, 0))
SAMPLE(dns_txt6, six(s, 53), dns(s, "example.org", TYPE_TXT, 0))
SAMPLE(dns_response, four(s, "10.9.8.7", 53), dns(s, "example.org", TYPE_A, RESPONSE))

static void dns_a_tagged(struct frame_spec *s)
{
	dns_a(s);
	s->n_tags = 1;
	s->tags[0] = (struct frame_tag){ 0x8100, 150 };
}

static const struct sample dns_samples[] = {
	{ "cheap, A", RATES_OPEN, dns_a },
	{ "cheap, AAAA over IPv6", RATES_OPEN, dns_aaaa6 },
	{ "cheap, PTR of 34 labels", RATES_OPEN, dns_ptr },
	{ "cheap, A behind a VLAN tag", RATES_OPEN, dns_a_tagged },
	{ "costly, ANY, within its limit", RATES_OPEN, dns_any },
	{ "costly, TXT over IPv6, within its limit", RATES_OPEN, dns_txt6 },
	{ "costly, ANY, over its limit", RATES_SLOW, dns_any },
	{ "junk, a response, within its limit", RATES_OPEN, dns_response },
	{ "junk, a response, over its limit", RATES_SLOW, dns_response },
};

SAMPLE(kv_get, four(s, "10.9.8.7", 7000), kv(s, OP_GET, "user:1", 0, 0))
SAMPLE(kv_get_long, four(s, "10.9.8.7", 7003),
       kv(s, OP_GET, "session:7f3a9c5e21d84b06:profile:image", 0, 0))
SAMPLE(kv_get6, six(s, 7001), kv(s, OP_GET, "user:10000001", 0, 0))
SAMPLE(kv_put, four(s, "10.9.8.7", 7001), kv(s, OP_PUT, "user:1000", 0, 100))
SAMPLE(kv_admin, four(s, "10.9.8.7", 7002), kv(s, 9, "admin/stop", 0x8000, 0))
SAMPLE(kv_scan, four(s, "10.9.8.7", 7000), kv(s, OP_SCAN, "user:", 0, 0))
SAMPLE(kv_rest, four(s, "10.9.8.7", 7000), kv(s, OP_PUT, "user:1000", 0, 4096))

static const struct sample kv_samples[] = {
	{ "get, a key of 6 bytes", RATES_OPEN, kv_get },
	{ "get, a key of 38 bytes", RATES_OPEN, kv_get_long },
	{ "get, a key of 13 bytes over IPv6", RATES_OPEN, kv_get6 },
	{ "write", RATES_OPEN, kv_put },
	{ "admin", RATES_OPEN, kv_admin },
	{ "scan, within its limit", RATES_OPEN, kv_scan },
	{ "scan, over its limit", RATES_SLOW, kv_scan },
	{ "rest, a large write", RATES_OPEN, kv_rest },
};

SAMPLE(log_outside, four(s, "203.0.113.9", 514), text(s, "<13>hello world"))
SAMPLE(log_tiny, four(s, "10.1.2.3", 514), text(s, "<13>"))
SAMPLE(log_noisy, four(s, "10.67.2.1", 514), text(s, "<13>hello world"))
SAMPLE(log_normal, four(s, "10.1.2.3", 514), text(s, "<13>hello world"))
SAMPLE(log_normal6, six(s, 514), text(s, "<13>hello world"))
SAMPLE(time_own, four(s, "10.1.2.3", 123), s->payload_len = 48)
SAMPLE(time_marked, four(s, "198.51.100.7", 11123), (s->payload_len = 48, s->tos = 46 << 2))
SAMPLE(time_other, four(s, "198.51.100.7", 123), s->payload_len = 48)

static const struct sample edge_samples[] = {
	{ "outside", RATES_OPEN, log_outside },
	{ "tiny", RATES_OPEN, log_tiny },
	{ "noisy, over its limit", RATES_OPEN, log_noisy },
	{ "normal, within its limit", RATES_OPEN, log_normal },
	{ "normal over IPv6, within its limit", RATES_OPEN, log_normal6 },
	{ "normal, over its limit", RATES_SLOW, log_normal },
	{ "own", RATES_OPEN, time_own },
	{ "marked, over its limit", RATES_OPEN, time_marked },
	{ "other, within its limit", RATES_OPEN, time_other },
	{ "other, over its limit", RATES_SLOW, time_other },
};

SAMPLE(store_get, four(s, "10.9.8.7", 7000), store(s, OP_GET))
SAMPLE(store_get6, six(s, 7000), store(s, OP_GET))
SAMPLE(store_scan, four(s, "10.9.8.7", 7000), store(s, OP_SCAN))
SAMPLE(store_other, four(s, "10.9.8.7", 7000), store(s, 3))

static const struct sample store_samples[] = {
	{ "get", RATES_OPEN, store_get },
	{ "get over IPv6", RATES_OPEN, store_get6 },
	{ "scan", RATES_OPEN, store_scan },
	{ "neither", RATES_OPEN, store_other },
};

/* --- what nobody names --- */

SAMPLE(tcp4, four(s, "10.9.8.7", 443), (s->proto = 6, s->payload_len = 20))
SAMPLE(tcp6, six(s, 443), (s->proto = 6, s->payload_len = 20))
SAMPLE(icmp4, four(s, "10.9.8.7", 0), (s->proto = 1, s->payload_len = 48))
SAMPLE(udp4, four(s, "10.9.8.7", 4789), s->payload_len = 100)
SAMPLE(udp6, six(s, 4789), s->payload_len = 100)
SAMPLE(arp, four(s, "10.9.8.7", 0), s->eth_type = 0x0806)

static const struct sample nobodys[] = {
	{ "TCP over IPv4", RATES_OPEN, tcp4 },
	{ "TCP over IPv6", RATES_OPEN, tcp6 },
	{ "UDP over IPv4 to another port", RATES_OPEN, udp4 },
	{ "UDP over IPv6 to another port", RATES_OPEN, udp6 },
	{ "ICMP", RATES_OPEN, icmp4 },
	{ "ARP", RATES_OPEN, arp },
};

/* --- tables --- */

const struct policy policies[] = {
	{ .name = "dns_edge",
	  .rates = { { "iop_param_junk_rate", "junk_cost_ns" },
		     { "iop_param_costly_rate", "costly_cost_ns" } },
	  .ports = (const uint16_t[]){ 53, 0 } },
	{ .name = "kv_udp",
	  .rates = { { "iop_param_scan_rate", "scan_cost_ns" } },
	  .ports = (const uint16_t[]){ 7000, 7001, 7002, 7003, 0 } },
	{ .name = "edge_filter",
	  .rates = { { "iop_param_syslog_rate", "syslog_cost_ns" },
		     { "iop_param_time_rate", "time_cost_ns" } },
	  .ports = (const uint16_t[]){ 514, 123, 11123, 0 } },
	{ .name = "rocksdb_scan",
	  .ports = (const uint16_t[]){ 7000, 0 },
	  .only_socket = true },
};
const unsigned n_policies = sizeof(policies) / sizeof(policies[0]);

#define LIST(array, n) (*(n) = sizeof(array) / sizeof((array)[0]), (array))

const struct sample *policy_samples(const struct policy *p, unsigned *n)
{
	if (strcmp(p->name, "dns_edge") == 0)
		return LIST(dns_samples, n);
	if (strcmp(p->name, "kv_udp") == 0)
		return LIST(kv_samples, n);
	if (strcmp(p->name, "rocksdb_scan") == 0)
		return LIST(store_samples, n);
	return LIST(edge_samples, n);
}

const struct sample *foreign_samples(unsigned *n)
{
	return LIST(nobodys, n);
}
