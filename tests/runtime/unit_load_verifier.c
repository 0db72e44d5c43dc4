/* SPDX-License-Identifier: BSD-2-Clause */
/* Logs of the verifier as kernels write them, and what is read out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

#include "line_info.h"
#include "verifier.h"

static void expect(const char *log, const char *wanted)
{
	struct verifier_verdict v = verifier_read(log);
	char got[512];

	snprintf(got, sizeof(got), "%.*s:%u [%.*s] %.*s", v.file.length, v.file.at, v.line,
		 v.source.length, v.source.at, v.sentence.length, v.sentence.at);
	assert_string_equal(got, wanted);
}

static void the_instruction_is_told(void **state)
{
	(void)state;
	assert_int_equal(verifier_read("3: (79) r2 = 1\n17: (79) r2 = 1\nbad\n").instruction, 17);
	assert_int_equal(verifier_read("bad\n").instruction, -1);
}

static void newer_kernels_name_the_line(void **state)
{
	(void)state;
	expect("0: R1=ctx() R10=fp0\n"
	       "; class cheap when dns.qr == 0 @ dns_edge.iop:14\n"
	       "0: (b7) r0 = 0                        ; R0_w=0\n"
	       "; junk -> limit junk_rate @ dns_edge.iop:22\n"
	       "1: (71) r1 = *(u8 *)(r1 +0)\n"
	       "R1 invalid mem access 'scalar'\n"
	       "processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0\n",
	       "dns_edge.iop:22 [junk -> limit junk_rate] R1 invalid mem access 'scalar'");
}

static void a_line_without_text_has_a_place(void **state)
{
	(void)state;
	expect(";  @ a.iop:3\n7: (95) exit\nR0 !read_ok\nprocessed 1 insns\n",
	       "a.iop:3 [] R0 !read_ok");
}

static void older_kernels_have_the_text_only(void **state)
{
	(void)state;
	expect("; when kv.op == 3\n3: (79) r2 = *(u64 *)(r1 +800)\n"
	       "invalid bpf_context access off=800 size=8\nprocessed 4 insns\n",
	       ":0 [when kv.op == 3] invalid bpf_context access off=800 size=8");
}

static void addresses_in_a_line_are_no_place(void **state)
{
	(void)state;
	expect("; match udp port 53 to ::1:53\n3: (95) exit\nR0 !read_ok\n",
	       ":0 [match udp port 53 to ::1:53] R0 !read_ok");
	expect("; packet a@b @ x y.iop:12\n3: (95) exit\nR0 !read_ok\n",
	       "x y.iop:12 [packet a@b] R0 !read_ok");
}

static void a_sentence_may_have_lines(void **state)
{
	(void)state;
	expect("5: (71) r5 = *(u8 *)(r1 +40)\n"
	       "invalid access to packet, off=40 size=1, R1(id=0,off=40,r=14)\n"
	       "R1 offset is outside of the packet\n"
	       "processed 6 insns\n",
	       ":0 [] invalid access to packet, off=40 size=1, R1(id=0,off=40,r=14)\n"
	       "R1 offset is outside of the packet");
	/* What was said of another path is not of this one. */
	expect("arg#0 is odd\n5: (71) r5 = *(u8 *)(r1 +40)\nR1 is odd\nprocessed 6 insns\n",
	       ":0 [] R1 is odd");
}

static void states_are_no_sentence(void **state)
{
	(void)state;
	expect("; repeat max 9 @ a.iop:5\n"
	       "12: (05) goto pc-3\n"
	       "infinite loop detected at insn 12\n"
	       "cur state: R0=scalar() R10=fp0\n"
	       "old state: R0=scalar() R10=fp0\n"
	       "from 12 to 10: R0=0 R10=fp0\n"
	       "R0_w=inv0 R10=fp0\n"
	       "processed 13 insns\n",
	       "a.iop:5 [repeat max 9] infinite loop detected at insn 12");
}

static void a_log_that_says_nothing(void **state)
{
	(void)state;
	expect("", ":0 [] ");
	expect("\n\n", ":0 [] ");
	expect("; ", ":0 [] ");
	expect(";", ":0 [] ;");
	expect("BPF program is too large. Processed 1000001 insn\nprocessed 1000001 insns",
	       ":0 [] BPF program is too large. Processed 1000001 insn");
}

static void the_tail_is_whole_lines(void **state)
{
	(void)state;
	assert_string_equal(verifier_tail("a\nb\nc\n", 2), "b\nc\n");
	assert_string_equal(verifier_tail("a\nb\nc", 1), "c");
	assert_string_equal(verifier_tail("a\nb\n", 9), "a\nb\n");
	assert_string_equal(verifier_tail("", 3), "");
}

/* Where a kernel says no line, the object does. */
static void the_object_knows_its_lines(void **state)
{
	char error[256];
	struct iop_object *o = object_open(IOP_FIXTURE, error, sizeof(error));
	struct bpf_object *obj = bpf_object__open_mem(o->elf, o->elf_size, NULL);
	const struct bpf_program *rx = bpf_object__find_program_by_name(obj, "iop_rx");
	const struct bpf_insn *insns = bpf_program__insns(rx);
	struct line_info info;
	bool found = false;

	(void)state;
	assert_true(line_info_find(o, obj, rx, 0, &info));
	assert_non_null(strstr(info.file, "fixture.bpf.c"));
	assert_non_null(strstr(info.source, "void *data"));
	for (__u32 i = 0; i < bpf_program__insn_cnt(rx); i++) {
		assert_true(line_info_find(o, obj, rx, i, &info));
		/* The Ethernet type is read byte by byte. */
		if (insns[i].code == (BPF_LDX | BPF_MEM | BPF_B) && insns[i].off == 12) {
			assert_non_null(strstr(info.source, "h_proto"));
			found = true;
		}
	}
	assert_true(found);
	bpf_object__close(obj);
	object_close(o);
}

static void a_cut_object_knows_none(void **state)
{
	char error[256];
	struct iop_object *o = object_open(IOP_FIXTURE, error, sizeof(error));
	struct bpf_object *obj = bpf_object__open_mem(o->elf, o->elf_size, NULL);
	const struct bpf_program *rx = bpf_object__find_program_by_name(obj, "iop_rx");
	size_t size = o->elf_size;
	struct line_info info;

	(void)state;
	for (o->elf_size = 0; o->elf_size < size; o->elf_size += 97) {
		/* A copy, so that reading behind its end is seen. */
		void *whole = o->elf, *cut = malloc(o->elf_size + 1);

		assert_non_null(cut);
		memcpy(cut, whole, o->elf_size);
		o->elf = cut;
		assert_false(line_info_find(o, obj, rx, 5, &info));
		o->elf = whole;
		free(cut);
	}
	bpf_object__close(obj);
	object_close(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_instruction_is_told),
		cmocka_unit_test(newer_kernels_name_the_line),
		cmocka_unit_test(a_line_without_text_has_a_place),
		cmocka_unit_test(older_kernels_have_the_text_only),
		cmocka_unit_test(addresses_in_a_line_are_no_place),
		cmocka_unit_test(a_sentence_may_have_lines),
		cmocka_unit_test(states_are_no_sentence),
		cmocka_unit_test(a_log_that_says_nothing),
		cmocka_unit_test(the_tail_is_whole_lines),
		cmocka_unit_test(the_object_knows_its_lines),
		cmocka_unit_test(a_cut_object_knows_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
