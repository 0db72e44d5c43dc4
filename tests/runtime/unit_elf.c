/* SPDX-License-Identifier: BSD-2-Clause */
/* The file around a description: not there, cut, flipped, wrong. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "object.h"
#include "object_kit.h"

static void test_file(void **state)
{
	char error[256] = "";
	struct iop_object *o = object_open(IOP_FIXTURE, error, sizeof(error)), *again;

	(void)state;
	assert_string_equal(error, "");
	assert_non_null(o);
	assert_string_equal(o->path, IOP_FIXTURE);
	object_kit_explain(o);
	again = object_open_memory(o->elf, o->elf_size, "memory", error, sizeof(error));
	assert_non_null(again);
	assert_int_equal(again->desc->size, o->desc->size);
	assert_memory_equal(again->desc, o->desc, o->desc->size);
	object_close(again);
	object_close(o);
}

static void test_no_file(void **state)
{
	char error[256];

	(void)state;
	assert_null(object_open("/nowhere/x.o", error, sizeof(error)));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(error, "/nowhere/x.o: cannot open: No such file or directory");
	assert_null(object_open("/", error, sizeof(error)));
	assert_int_equal(errno, EISDIR);
	assert_string_equal(error, "/: cannot read: Is a directory");
	assert_null(object_open("/dev/zero", error, sizeof(error)));
	assert_int_equal(errno, EFBIG);
	assert_string_equal(error, "/dev/zero: larger than 64 MiB");
	assert_null(object_open("/dev/null", error, sizeof(error)));
	assert_int_equal(errno, EBADMSG);
	assert_string_equal(error, "/dev/null: not an ELF file");
}

/* The whole file, as well: the description is found or not, but nothing breaks. */
static void test_elf_damaged(void **state)
{
	char error[256];
	struct iop_object *whole = object_open(IOP_FIXTURE, error, sizeof(error)), *o;
	unsigned char *copy;
	size_t size;

	(void)state;
	assert_non_null(whole);
	size = whole->elf_size;
	for (size_t n = 0; n < size; n += n < 256 ? 1 : 37) {
		o = object_open_memory(whole->elf, n, "x", error, sizeof(error));
		assert_null(o); /* its section headers are at the end */
		assert_int_equal(errno, EBADMSG);
	}
	copy = malloc(size);
	assert_non_null(copy);
	memcpy(copy, whole->elf, size);
	for (size_t bit = 0; bit < size * 8;
	     bit += bit < 64 * 8 || bit > (size - 1024) * 8 ? 1 : 41) {
		copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
		o = object_open_memory(copy, size, "x", error, sizeof(error));
		if (o && bit % 17 == 0)
			object_kit_explain(o);
		object_close(o);
		copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	free(copy);
	object_close(whole);
}

/* Patches `size` bytes of the fixture's file at `at`. */
static void expect_elf(const struct iop_object *whole, size_t at, const void *value, size_t size,
		       const char *message)
{
	unsigned char *copy = malloc(whole->elf_size);
	char error[256] = "";

	assert_non_null(copy);
	memcpy(copy, whole->elf, whole->elf_size);
	memcpy(copy + at, value, size);
	assert_null(object_open_memory(copy, whole->elf_size, "x", error, sizeof(error)));
	assert_int_equal(errno, EBADMSG);
	assert_string_equal(error, message);
	free(copy);
}

/* Where the header of the section of that name is. */
static size_t section_header(const struct iop_object *o, const char *name)
{
	const unsigned char *bytes = o->elf;
	Elf64_Ehdr h;
	Elf64_Shdr names, s;

	memcpy(&h, bytes, sizeof(h));
	memcpy(&names, bytes + h.e_shoff + h.e_shstrndx * sizeof(names), sizeof(names));
	for (size_t i = 0; i < h.e_shnum; i++) {
		memcpy(&s, bytes + h.e_shoff + i * sizeof(s), sizeof(s));
		if (strcmp((const char *)bytes + names.sh_offset + s.sh_name, name) == 0)
			return h.e_shoff + i * sizeof(s);
	}
	fail_msg("no section %s", name);
	return 0;
}

#define ELF(member, value, message)                                   \
	expect_elf(o, offsetof(Elf64_Ehdr, member),                   \
		   &(__typeof__(((Elf64_Ehdr *)0)->member)){ value }, \
		   sizeof(((Elf64_Ehdr *)0)->member), message)

static void test_wrong_elf(void **state)
{
	char error[256];
	struct iop_object *o = object_open(IOP_FIXTURE, error, sizeof(error));
	size_t iop, license;
	Elf64_Word word;

	(void)state;
	assert_non_null(o);
	expect_elf(o, EI_CLASS, "\1", 1, "x: not a 64-bit ELF file");
	expect_elf(o, EI_DATA, "\2", 1, "x: compiled for the other byte order");
	expect_elf(o, EI_VERSION, "\0", 1, "x: unknown version of ELF");
	ELF(e_machine, 62, "x: an ELF file for machine 62, not for BPF");
	ELF(e_type, ET_EXEC, "x: an ELF file, but not a relocatable one");
	ELF(e_shentsize, 63, "x: bad size of ELF section headers");
	ELF(e_shnum, 0, "x: its ELF section headers are missing");
	ELF(e_shoff, 0, "x: its ELF section headers are missing");
	ELF(e_shoff, ~0ull, "x: cut short within its ELF section headers");
	ELF(e_shnum, 4097, "x: too many ELF sections");
	ELF(e_shstrndx, 0xffff, "x: its ELF section names are missing");

	iop = section_header(o, ".iop");
	license = section_header(o, "license");
	word = SHT_NOBITS;
	expect_elf(o, iop + offsetof(Elf64_Shdr, sh_type), &word, sizeof(word),
		   "x: section .iop is not plain bytes");
	memcpy(&word, (char *)o->elf + license, sizeof(word)); /* its name for .iop's */
	expect_elf(o, iop, &word, sizeof(word),
		   "x: no section .iop: not an object that iopc wrote");
	memcpy(&word, (char *)o->elf + iop, sizeof(word));
	expect_elf(o, license, &word, sizeof(word), "x: more than one section .iop");
	object_close(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_elf_damaged),
		cmocka_unit_test(test_wrong_elf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
