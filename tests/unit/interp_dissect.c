/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the interpreter takes for a datagram, and what it reads from it.
 */
#include "interp_kit.h"

static bool is_datagram(const struct frame_spec *spec, bool reassembled)
{
	struct frame f;
	struct packet pk;

	frame_build(spec, &f);
	return dissect(f.bytes, f.len, reassembled, &pk);
}

/* The frame is a datagram exactly when all of its bytes up to `whole` are there. */
static void check_cuts(const struct frame_spec *plain)
{
	struct frame_spec spec = *plain;
	struct frame f;

	frame_build(&spec, &f);
	for (unsigned n = 0; n <= f.len; n++) {
		spec.cut = n + 1;
		assert_int_equal(is_datagram(&spec, false), n >= f.len - spec.padding);
	}
}

static void cut_at_every_length(void **state)
{
	struct frame_spec spec = datagram("abcde", 5);

	(void)state;
	check_cuts(&spec);
	spec.padding = 7;
	check_cuts(&spec);
	spec.options = 10;
	spec.n_tags = 2;
	spec.tags[0].tpid = 0x88a8;
	spec.tags[1].tpid = 0x8100;
	check_cuts(&spec);

	spec = datagram6("abcde", 5);
	check_cuts(&spec);
	spec.n_extensions = 3;
	spec.extensions[1] = (struct frame_extension){ 51, 4 };
	spec.extensions[2] = (struct frame_extension){ 60, 1 };
	check_cuts(&spec);
}

static void vlan_tags(void **state)
{
	static const uint16_t tpids[] = { 0x8100, 0x88a8 };
	struct frame_spec spec = datagram("x", 1);

	(void)state;
	for (unsigned outer = 0; outer < 2; outer++) {
		for (unsigned inner = 0; inner < 2; inner++) {
			spec.tags[0].tpid = tpids[outer];
			spec.tags[1].tpid = tpids[inner];
			spec.tags[2].tpid = 0x8100;
			for (spec.n_tags = 0; spec.n_tags <= 3; spec.n_tags++)
				assert_int_equal(is_datagram(&spec, false), spec.n_tags < 3);
		}
	}
	spec.n_tags = 1;
	spec.tags[0].tpid = 0x9100;
	assert_false(is_datagram(&spec, false));
	spec.n_tags = 0;
	spec.eth_type = 0x0806;
	assert_false(is_datagram(&spec, false));
	spec.eth_type = 0x86dd; /* IPv4 under the wrong name */
	assert_false(is_datagram(&spec, false));
}

static void ip4_headers(void **state)
{
	struct frame_spec spec = datagram("abcd", 4);

	(void)state;
	for (spec.options = 0; spec.options <= 10; spec.options++)
		assert_true(is_datagram(&spec, false));
	spec.options = 0;
	spec.ihl_field = 4;
	spec.sport = 12; /* so that what stands there could be a UDP header */
	assert_false(is_datagram(&spec, false));
	spec.ihl_field = 0;
	spec.version_field = 5;
	assert_false(is_datagram(&spec, false));
	spec.version_field = 0;
	spec.proto = 1;
	assert_false(is_datagram(&spec, false));
	spec.proto = 0;

	/* More than the frame has is no harm as long as UDP is whole. */
	spec.ip_len_off = 1000;
	assert_true(is_datagram(&spec, false));
	spec.ip_len_off = -1;
	assert_false(is_datagram(&spec, false));
	spec.ip_len_off = -(4 + 8 + 1); /* less than its own header */
	assert_false(is_datagram(&spec, false));
}

static void fragments(void **state)
{
	static const uint16_t is_fragment[] = { 0x2000, 0x0001, 0x1000, 0x1fff, 0xffff };
	static const uint16_t is_none[] = { 0x4000, 0x8000, 0xc000 };
	struct frame_spec spec = datagram("abcd", 4);

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		spec.fragment = is_fragment[i];
		assert_false(is_datagram(&spec, false));
		assert_true(is_datagram(&spec, true));
	}
	for (unsigned i = 0; i < 3; i++) {
		spec.fragment = is_none[i];
		assert_true(is_datagram(&spec, false));
	}

	spec = datagram6("abcd", 4);
	spec.n_extensions = 2;
	spec.extensions[0].kind = 60;
	spec.extensions[1].kind = 44;
	assert_false(is_datagram(&spec, false)); /* even one that is whole */
	assert_true(is_datagram(&spec, true));
	spec.fragment6 = 0x0009;
	assert_false(is_datagram(&spec, false));
}

static void ip6_headers(void **state)
{
	static const uint8_t walked[] = { 0, 43, 60, 51 };
	struct frame_spec spec = datagram6("abcd", 4);

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		for (unsigned i = 0; i < 8; i++)
			spec.extensions[i] =
				(struct frame_extension){ walked[k], (uint8_t)(i % 3) };
		for (spec.n_extensions = 0; spec.n_extensions <= 8; spec.n_extensions++)
			assert_int_equal(is_datagram(&spec, false), spec.n_extensions <= 6);
	}
	spec.n_extensions = 1;
	spec.extensions[0].kind = 135; /* mobility */
	assert_false(is_datagram(&spec, false));
	spec.extensions[0].kind = 60;
	spec.ip_len_off = -1; /* IP's length holds the extension, too */
	assert_false(is_datagram(&spec, false));
	spec.ip_len_off = -(12 + 1); /* not even that */
	assert_false(is_datagram(&spec, false));
	spec.ip_len_off = 1;
	assert_true(is_datagram(&spec, false));
	spec.ip_len_off = 0;
	spec.version_field = 4;
	assert_false(is_datagram(&spec, false));
}

static void udp_lengths(void **state)
{
	struct frame_spec spec = datagram("abcd", 4);
	struct frame f;
	struct packet pk;

	(void)state;
	for (int off = -12; off <= 3; off++) {
		spec.udp_len_off = off;
		assert_int_equal(is_datagram(&spec, false), off >= -4 && off <= 0);
	}
	/* Neither IP's length nor the frame alone lets it grow. */
	spec.udp_len_off = 1;
	spec.ip_len_off = 1;
	assert_false(is_datagram(&spec, false));
	spec.ip_len_off = 0;
	spec.padding = 1;
	assert_false(is_datagram(&spec, false));
	spec.ip_len_off = 1;
	assert_true(is_datagram(&spec, false));

	spec = datagram("abcd", 4);
	spec.padding = 9;
	frame_build(&spec, &f);
	assert_true(dissect(f.bytes, f.len, false, &pk));
	assert_int_equal(pk.payload_len, 4);
	assert_memory_equal(pk.payload, "abcd", 4);
	assert_int_equal(pk.ip_len, 32);
}

static void tcp_lengths(void **state)
{
	struct frame_spec spec = datagram("abcd", 4);
	struct frame f;
	struct packet pk;

	(void)state;
	spec.tcp = true;
	for (spec.tcp_options = 0; spec.tcp_options <= 10; spec.tcp_options++) {
		spec.padding = spec.tcp_options;
		frame_build(&spec, &f);
		assert_true(dissect(f.bytes, f.len, false, &pk));
		assert_int_equal(pk.proto, PROTO_TCP);
		assert_int_equal(pk.payload_len, 4);
		assert_memory_equal(pk.payload, "abcd", 4);
	}
	/* The header may take the payload, and no more. */
	spec.padding = spec.tcp_options = 0;
	for (unsigned words = 1; words <= 15; words++) {
		spec.doff_field = (uint8_t)words;
		assert_int_equal(is_datagram(&spec, false), words == 5 || words == 6);
	}
	/* A segment ends where IP says. */
	spec.doff_field = 0;
	spec.ip_len_off = -4;
	assert_true(is_datagram(&spec, false));
	spec.ip_len_off = -5;
	assert_false(is_datagram(&spec, false));
	spec.ip_len_off = 1;
	assert_false(is_datagram(&spec, false));
	/* Under the other's name, neither is whole. */
	spec.ip_len_off = 0;
	spec.proto = PROTO_UDP;
	spec.window = 0;
	spec.seq = 0;
	assert_false(is_datagram(&spec, false));
}

/* --- fields --- */

static void expect_number(const struct scene *s, enum lang_field f, uint64_t n)
{
	struct field_ref ref = { .field = f };
	struct datum d = field_read(&ref, &s->facts);

	if (d.kind != DATUM_NUMBER || d.number != n)
		print_error("%s\n", lang_fields[f].name);
	assert_int_equal(d.kind, DATUM_NUMBER);
	assert_int_equal(d.number, n);
}

static void expect_missing(const struct scene *s, enum lang_field f)
{
	struct field_ref ref = { .field = f };

	assert_int_equal(field_read(&ref, &s->facts).kind, DATUM_MISSING);
}

static void expect_addr(const struct scene *s, enum lang_field f, const char *text)
{
	struct field_ref ref = { .field = f };
	struct datum d = field_read(&ref, &s->facts);
	uint8_t addr[16], version;

	assert_true(frame_addr(text, addr, &version));
	assert_int_equal(d.kind, DATUM_ADDR);
	assert_int_equal(d.family, version);
	assert_memory_equal(d.data, addr, version == 4 ? 4 : 16);
}

static void fields_of_ip4(void **state)
{
	struct frame_spec spec = datagram("hello", 5);
	struct scene s;

	(void)state;
	spec.n_tags = 2;
	spec.tags[0] = (struct frame_tag){ 0x88a8, 5 << 13 | 1 << 12 | 0x123 };
	spec.tags[1] = (struct frame_tag){ 0x8100, 7 };
	spec.tos = 46 << 2 | 1;
	spec.ttl = 3;
	spec.id = 0xbeef;
	spec.options = 1;
	scene_open(&s, &spec, NULL);
	expect_number(&s, FIELD_ETH_DST, 0x020000000001);
	expect_number(&s, FIELD_ETH_SRC, 0x020000000002);
	expect_number(&s, FIELD_ETH_TYPE, 0x0800);
	expect_number(&s, FIELD_VLAN_ID, 0x123);
	expect_number(&s, FIELD_VLAN_PCP, 5);
	expect_number(&s, FIELD_VLAN_DEI, 1);
	expect_number(&s, FIELD_IP_VERSION, 4);
	expect_number(&s, FIELD_IP_PROTO, 17);
	expect_number(&s, FIELD_IP_TTL, 3);
	expect_number(&s, FIELD_IP_DSCP, 46);
	expect_number(&s, FIELD_IP_ECN, 1);
	expect_number(&s, FIELD_IP4_ID, 0xbeef);
	expect_number(&s, FIELD_IP4_TTL, 3);
	expect_number(&s, FIELD_IP4_LEN, 24 + 8 + 5);
	expect_number(&s, FIELD_UDP_SPORT, 4000);
	expect_number(&s, FIELD_UDP_DPORT, 53);
	expect_number(&s, FIELD_UDP_LEN, 13);
	expect_number(&s, FIELD_UDP_CHECK, be16(s.frame.bytes + s.frame.udp + 6));
	expect_number(&s, FIELD_PAYLOAD_LEN, 5);
	expect_addr(&s, FIELD_IP_SRC, "10.0.0.2");
	expect_addr(&s, FIELD_IP_DST, "10.0.0.1");
	expect_addr(&s, FIELD_IP4_SRC, "10.0.0.2");
	expect_addr(&s, FIELD_IP4_DST, "10.0.0.1");
	for (int f = FIELD_IP6_SRC; f <= FIELD_IP6_LEN; f++)
		expect_missing(&s, (enum lang_field)f);
	for (int f = FIELD_TCP_SPORT; f < FIELD_COUNT; f++)
		expect_missing(&s, (enum lang_field)f);
	scene_close(&s);
}

static void fields_of_ip6(void **state)
{
	struct frame_spec spec = datagram6("hello", 5);
	struct scene s;

	(void)state;
	spec.tos = 0xa6;
	spec.ttl = 200;
	spec.flow = 0xabcde;
	spec.n_extensions = 1;
	spec.extensions[0].kind = 60;
	scene_open(&s, &spec, NULL);
	expect_number(&s, FIELD_ETH_TYPE, 0x86dd);
	expect_number(&s, FIELD_IP_VERSION, 6);
	expect_number(&s, FIELD_IP_PROTO, 17);
	expect_number(&s, FIELD_IP_TTL, 200);
	expect_number(&s, FIELD_IP_DSCP, 0xa6 >> 2);
	expect_number(&s, FIELD_IP_ECN, 2);
	expect_number(&s, FIELD_IP6_HOPS, 200);
	expect_number(&s, FIELD_IP6_FLOW, 0xabcde);
	expect_number(&s, FIELD_IP6_LEN, 8 + 8 + 5);
	expect_addr(&s, FIELD_IP_SRC, "fd00::2");
	expect_addr(&s, FIELD_IP6_DST, "fd00::1");
	assert_int_equal(s.packet.ip_len, 40 + 8 + 8 + 5);
	for (int f = FIELD_VLAN_ID; f <= FIELD_VLAN_DEI; f++)
		expect_missing(&s, (enum lang_field)f);
	for (int f = FIELD_IP4_SRC; f <= FIELD_IP4_LEN; f++)
		expect_missing(&s, (enum lang_field)f);
	scene_close(&s);
}

static void fields_of_tcp(void **state)
{
	struct frame_spec spec = datagram6("hello", 5);
	struct scene s;

	(void)state;
	spec.tcp = true;
	spec.seq = 0xfedcba98;
	spec.ack_seq = 0x01234567;
	spec.window = 0x8001;
	spec.flags = 0x92; /* cwr, ack, syn */
	spec.tcp_options = 3;
	scene_open(&s, &spec, NULL);
	expect_number(&s, FIELD_IP_PROTO, 6);
	expect_number(&s, FIELD_TCP_SPORT, 4000);
	expect_number(&s, FIELD_TCP_DPORT, 53);
	expect_number(&s, FIELD_TCP_SEQ, 0xfedcba98);
	expect_number(&s, FIELD_TCP_ACK_SEQ, 0x01234567);
	expect_number(&s, FIELD_TCP_WINDOW, 0x8001);
	expect_number(&s, FIELD_TCP_FLAGS, 0x92);
	expect_number(&s, FIELD_TCP_FIN, 0);
	expect_number(&s, FIELD_TCP_SYN, 1);
	expect_number(&s, FIELD_TCP_RST, 0);
	expect_number(&s, FIELD_TCP_PSH, 0);
	expect_number(&s, FIELD_TCP_ACK, 1);
	expect_number(&s, FIELD_TCP_URG, 0);
	expect_number(&s, FIELD_TCP_ECE, 0);
	expect_number(&s, FIELD_TCP_CWR, 1);
	expect_number(&s, FIELD_PAYLOAD_LEN, 5);
	for (int f = FIELD_UDP_SPORT; f <= FIELD_UDP_CHECK; f++)
		expect_missing(&s, (enum lang_field)f);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_every_length), cmocka_unit_test(vlan_tags),
		cmocka_unit_test(ip4_headers),         cmocka_unit_test(fragments),
		cmocka_unit_test(ip6_headers),         cmocka_unit_test(udp_lengths),
		cmocka_unit_test(fields_of_ip4),       cmocka_unit_test(fields_of_ip6),
		cmocka_unit_test(tcp_lengths),         cmocka_unit_test(fields_of_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
