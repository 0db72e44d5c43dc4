/* SPDX-License-Identifier: BSD-2-Clause */
/* The datagram in a test's frame: what a socket would get, and when it gets nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "describe.h"
#include "policytest_fate.h"

#define ETHERNET 14

struct frame {
	unsigned char bytes[2048];
	size_t size;
};

static struct frame frame_of(bool six, const char *payload)
{
	struct frame f;

	f.size = describe_frame(f.bytes, six ? "fd00::2" : "10.0.0.2", 4000,
				six ? "fd00::1" : "10.0.0.1", 53, payload, strlen(payload));
	return f;
}

/* Reads a copy of just this size, so that a byte beyond is seen. */
static enum datagram_kind read_frame(const struct frame *f, struct datagram *d,
				     unsigned char **copy)
{
	*copy = malloc(f->size + !f->size);
	assert_non_null(*copy);
	memcpy(*copy, f->bytes, f->size);
	return datagram_read(*copy, f->size, d);
}

static void expect_kind(const struct frame *f, enum datagram_kind kind, const char *payload)
{
	unsigned char *copy;
	struct datagram d;

	assert_int_equal(read_frame(f, &d, &copy), kind);
	if (payload) {
		assert_int_equal(d.size, strlen(payload));
		assert_memory_equal(d.payload, payload, d.size);
		assert_int_equal(datagram_port(&d.from), 4000);
		assert_int_equal(datagram_port(&d.to), 53);
	}
	free(copy);
}

/* Puts `n` bytes at `at`. */
static void insert(struct frame *f, size_t at, const char *bytes, size_t n)
{
	memmove(f->bytes + at + n, f->bytes + at, f->size - at);
	memcpy(f->bytes + at, bytes, n);
	f->size += n;
}

static void test_whole(void **state)
{
	struct frame f;

	(void)state;
	for (int six = 0; six <= 1; six++) {
		f = frame_of(six, "hello");
		expect_kind(&f, DATAGRAM_WHOLE, "hello");
		f = frame_of(six, "");
		expect_kind(&f, DATAGRAM_WHOLE, "");
		f = frame_of(six, "padded");
		f.size += 7;
		expect_kind(&f, DATAGRAM_WHOLE, "padded");
		f = frame_of(six, "tagged");
		insert(&f, 12, "\x81\x00\x00\x05", 4);
		expect_kind(&f, DATAGRAM_WHOLE, "tagged");
		insert(&f, 12, "\x88\xa8\x00\x06", 4);
		expect_kind(&f, DATAGRAM_WHOLE, "tagged");
		insert(&f, 12, "\x88\xa8\x00\x07", 4);
		expect_kind(&f, DATAGRAM_NONE, NULL);
	}
}

static void test_cut(void **state)
{
	(void)state;
	for (int six = 0; six <= 1; six++) {
		struct frame f = frame_of(six, "hello");

		while (f.size-- > 0)
			expect_kind(&f, DATAGRAM_NONE, NULL);
	}
}

static void test_odd_ipv4(void **state)
{
	struct frame f = frame_of(false, "x");

	(void)state;
	f.bytes[ETHERNET + 6] = 0x20; /* more fragments */
	expect_kind(&f, DATAGRAM_OPAQUE, NULL);
	f.bytes[ETHERNET + 6] = 0x40; /* do not fragment */
	expect_kind(&f, DATAGRAM_WHOLE, "x");
	f.bytes[ETHERNET + 7] = 1; /* not the first one */
	expect_kind(&f, DATAGRAM_OPAQUE, NULL);
	f.bytes[ETHERNET + 7] = 0;
	f.bytes[ETHERNET + 9] = 6; /* too short for TCP */
	expect_kind(&f, DATAGRAM_NONE, NULL);
	f = frame_of(false, "x");
	insert(&f, ETHERNET + 20, "\x01\x01\x01\x01", 4); /* options */
	f.bytes[ETHERNET] = 0x46;
	f.bytes[ETHERNET + 3] += 4;
	expect_kind(&f, DATAGRAM_WHOLE, "x");
	f.bytes[ETHERNET] = 0x44; /* a header of 16 bytes */
	expect_kind(&f, DATAGRAM_NONE, NULL);
}

/* A segment of the same ports: a header of `words`, then the payload. */
static struct frame segment_of(bool six, unsigned words, const char *payload)
{
	size_t ip = six ? 40 : 20, size = 4ul * words - 8;
	struct frame f = frame_of(six, payload);
	char rest[64] = { 0 };

	insert(&f, ETHERNET + ip + 8, rest, size);
	f.bytes[ETHERNET + ip + 12] = (unsigned char)(words << 4);
	f.bytes[ETHERNET + (six ? 5 : 3)] += (unsigned char)size;
	f.bytes[ETHERNET + (six ? 6 : 9)] = 6;
	return f;
}

static void test_segment(void **state)
{
	struct frame f;

	(void)state;
	for (int six = 0; six <= 1; six++) {
		for (unsigned words = 5; words <= 15; words++) {
			f = segment_of(six, words, "hello");
			expect_kind(&f, DATAGRAM_WHOLE, "hello");
			f = segment_of(six, words, "");
			f.size += 6; /* padding */
			expect_kind(&f, DATAGRAM_WHOLE, "");
		}
		f = segment_of(six, 5, "hello");
		f.bytes[ETHERNET + (six ? 40 : 20) + 12] = 4 << 4;
		expect_kind(&f, DATAGRAM_NONE, NULL);
		f.bytes[ETHERNET + (six ? 40 : 20) + 12] = 7 << 4; /* 3 bytes more than there are */
		expect_kind(&f, DATAGRAM_NONE, NULL);
		f = segment_of(six, 5, "hello");
		while (f.size-- > 0)
			expect_kind(&f, DATAGRAM_NONE, NULL);
	}
}

static void test_odd_ipv6(void **state)
{
	struct frame f = frame_of(true, "x");

	(void)state;
	insert(&f, ETHERNET + 40, "\x11\x00\x01\x04\x00\x00\x00\x00", 8); /* hop-by-hop options */
	f.bytes[ETHERNET + 6] = 0;
	f.bytes[ETHERNET + 5] += 8;
	expect_kind(&f, DATAGRAM_WHOLE, "x");
	f.bytes[ETHERNET + 41] = 9; /* longer than the packet */
	expect_kind(&f, DATAGRAM_NONE, NULL);
	f = frame_of(true, "x");
	insert(&f, ETHERNET + 40, "\x11\x00\x00\x00\x00\x00\x00\x09", 8); /* a whole "fragment" */
	f.bytes[ETHERNET + 6] = 44;
	f.bytes[ETHERNET + 5] += 8;
	expect_kind(&f, DATAGRAM_WHOLE, "x");
	f.bytes[ETHERNET + 43] = 1; /* more of them */
	expect_kind(&f, DATAGRAM_OPAQUE, NULL);
	f.bytes[ETHERNET + 6] = 59; /* nothing behind */
	expect_kind(&f, DATAGRAM_NONE, NULL);
}

static void test_any_byte(void **state)
{
	(void)state;
	for (int six = 0; six <= 1; six++) {
		struct frame f = frame_of(six, "hello");

		for (size_t i = 0; i < f.size; i++)
			for (int v = 0; v < 256; v++) {
				unsigned char before = f.bytes[i], *copy;
				struct datagram d;

				f.bytes[i] = (unsigned char)v;
				if (read_frame(&f, &d, &copy) == DATAGRAM_WHOLE) {
					assert_true(d.payload >= copy &&
						    d.payload + d.size <= copy + f.size);
				}
				free(copy);
				f.bytes[i] = before;
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),    cmocka_unit_test(test_cut),
		cmocka_unit_test(test_odd_ipv4), cmocka_unit_test(test_odd_ipv6),
		cmocka_unit_test(test_any_byte), cmocka_unit_test(test_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
