/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line and the output layer: one tree, told to people and to programs;
 * errors with their exit codes; strings that would steer a terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"

/* What a run has written. */
struct said {
	char *out, *err;
	size_t out_size, err_size;
	FILE *out_file, *err_file;
};

static void listen_to(struct said *s)
{
	*s = (struct said){ 0 };
	s->out_file = open_memstream(&s->out, &s->out_size);
	s->err_file = open_memstream(&s->err, &s->err_size);
	assert_non_null(s->out_file);
	assert_non_null(s->err_file);
}

static void end_listening(struct said *s)
{
	assert_int_equal(fclose(s->out_file), 0);
	assert_int_equal(fclose(s->err_file), 0);
}

static void said_free(struct said *s)
{
	free(s->out);
	free(s->err);
}

/* --- output --- */

static void build(struct output *o)
{
	out_string(o, "policy", "dns");
	out_bool(o, "in_force", true);
	out_quantity(o, "rate", 1000, "1k/s");
	out_array(o, "devices");
	out_string(o, NULL, "eth0");
	out_string(o, NULL, "eth1");
	out_close(o);
	out_array(o, "classes");
	out_object(o, NULL);
	out_string(o, "name", "cheap");
	out_number(o, "seen", 12345);
	out_close(o);
	out_object(o, NULL);
	out_string(o, "name", "junk");
	out_number(o, "seen", 7);
	out_signed(o, "delta", -3);
	out_close(o);
	out_close(o);
	out_array(o, "groups");
	out_object(o, NULL);
	out_string(o, "address", "[::]:53");
	out_null(o, "owner");
	out_array(o, "workers");
	out_object(o, NULL);
	out_number(o, "number", 0);
	out_close(o);
	out_close(o);
	out_close(o);
	out_close(o);
	out_for(o, OUT_PROGRAMS);
	out_number(o, "machine", 1);
	out_for(o, OUT_PEOPLE);
	out_string(o, "hint", "look here");
	out_say(o, "%d done", 1);
}

static void test_text(void **state)
{
	struct output *o;
	struct said s;

	(void)state;
	listen_to(&s);
	o = output_new(s.out_file, s.err_file, false);
	assert_non_null(o);
	build(o);
	out_warning(o, "a %s", "warning");
	assert_int_equal(output_finish(o), 0);
	output_free(o);
	end_listening(&s);
	assert_string_equal(s.out, "policy:   dns\n"
				   "in force: yes\n"
				   "rate:     1k/s\n"
				   "devices:  eth0, eth1\n"
				   "hint:     look here\n"
				   "1 done\n"
				   "\n"
				   "classes:\n"
				   "  NAME    SEEN  DELTA\n"
				   "  cheap  12345\n"
				   "  junk       7     -3\n"
				   "\n"
				   "groups:\n"
				   "  [::]:53\n"
				   "    owner: -\n"
				   "    workers:\n"
				   "      NUMBER\n"
				   "           0\n");
	assert_string_equal(s.err, "iopctl: warning: a warning\n");
	said_free(&s);
}

static void test_json(void **state)
{
	struct output *o;
	struct said s;

	(void)state;
	listen_to(&s);
	o = output_new(s.out_file, s.err_file, true);
	assert_non_null(o);
	build(o);
	out_message(o, &(struct out_message){ .level = "error",
					      .kind = "kernel",
					      .file = "dns.iop",
					      .line = 3,
					      .column = 9,
					      .text = "no",
					      .help = "do" });
	assert_int_equal(output_finish(o), 0);
	output_free(o);
	end_listening(&s);
	assert_string_equal(s.err, "");
	assert_string_equal(s.out, "{\n"
				   "  \"policy\": \"dns\",\n"
				   "  \"in_force\": true,\n"
				   "  \"rate\": 1000,\n"
				   "  \"devices\": [\n"
				   "    \"eth0\",\n"
				   "    \"eth1\"\n"
				   "  ],\n"
				   "  \"classes\": [\n"
				   "    {\n"
				   "      \"name\": \"cheap\",\n"
				   "      \"seen\": 12345\n"
				   "    },\n"
				   "    {\n"
				   "      \"name\": \"junk\",\n"
				   "      \"seen\": 7,\n"
				   "      \"delta\": -3\n"
				   "    }\n"
				   "  ],\n"
				   "  \"groups\": [\n"
				   "    {\n"
				   "      \"address\": \"[::]:53\",\n"
				   "      \"owner\": null,\n"
				   "      \"workers\": [\n"
				   "        {\n"
				   "          \"number\": 0\n"
				   "        }\n"
				   "      ]\n"
				   "    }\n"
				   "  ],\n"
				   "  \"machine\": 1,\n"
				   "  \"messages\": [\n"
				   "    {\n"
				   "      \"level\": \"error\",\n"
				   "      \"kind\": \"kernel\",\n"
				   "      \"file\": \"dns.iop\",\n"
				   "      \"line\": 3,\n"
				   "      \"column\": 9,\n"
				   "      \"message\": \"no\",\n"
				   "      \"help\": \"do\"\n"
				   "    }\n"
				   "  ]\n"
				   "}\n");
	said_free(&s);
}

/* A lone table has no heading; an empty answer no text. */
static void test_lone_table(void **state)
{
	struct output *o;
	struct said s;

	(void)state;
	listen_to(&s);
	o = output_new(s.out_file, s.err_file, false);
	assert_non_null(o);
	out_array(o, "policies");
	out_object(o, NULL);
	out_string(o, "name", "a");
	out_string(o, "state", "loaded");
	out_close(o);
	out_close(o);
	assert_int_equal(output_finish(o), 0);
	output_free(o);
	end_listening(&s);
	assert_string_equal(s.out, "NAME  STATE\na     loaded\n");
	said_free(&s);
}

static void test_message(void **state)
{
	struct output *o;
	struct said s;

	(void)state;
	listen_to(&s);
	o = output_new(s.out_file, s.err_file, false);
	assert_non_null(o);
	out_message(o, &(struct out_message){ .level = "error",
					      .file = "x.iop",
					      .line = 7,
					      .column = 2,
					      .text = "it is wrong",
					      .source = "  junk -> drop;",
					      .help = "mend it",
					      .detail = "R1 bad\nR2 worse\n" });
	output_free(o);
	end_listening(&s);
	assert_string_equal(s.err, "iopctl: x.iop:7:2: error: it is wrong\n"
				   "      junk -> drop;\n"
				   "  help: mend it\n"
				   "  | R1 bad\n"
				   "  | R2 worse\n");
	said_free(&s);
}

/* Neither control characters nor broken UTF-8 get out. */
static void test_hostile_strings(void **state)
{
	static const char hostile[] = "a\033[2J\tb\xff\xc3\xa9\xe2\x80\xae"
				      "c\n";
	struct output *o;
	struct said s;

	(void)state;
	for (int json = 0; json <= 1; json++) {
		listen_to(&s);
		o = output_new(s.out_file, s.err_file, json);
		assert_non_null(o);
		out_array(o, "t");
		out_object(o, NULL);
		out_string(o, "k", hostile);
		out_string(o, "z", "1");
		out_close(o);
		out_close(o);
		out_error(o, "usage", "%s", hostile);
		assert_int_equal(output_finish(o), 0);
		output_free(o);
		end_listening(&s);
		if (json) {
			assert_non_null(strstr(s.out, "a\\u001B[2J\\tb\xef\xbf\xbd\xc3\xa9"));
		} else {
			assert_string_equal(s.out,
					    "K                                Z\n"
					    "a\\x1b[2J\\x09b\\xff\xc3\xa9\\u{202e}c\\x0a  1\n");
			assert_string_equal(
				s.err, "iopctl: error: a\\x1b[2J\tb\\xff\xc3\xa9\\u{202e}c\n\n");
		}
		said_free(&s);
	}
}

/* Two bytes for a slash, a surrogate, more than Unicode has: none of them is UTF-8. */
static void test_false_utf8(void **state)
{
	struct output *o;
	struct said s;

	(void)state;
	listen_to(&s);
	o = output_new(s.out_file, s.err_file, false);
	assert_non_null(o);
	out_say(o, "\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xc3");
	assert_int_equal(output_finish(o), 0);
	output_free(o);
	end_listening(&s);
	assert_string_equal(s.out, "\\xc0\\xaf \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xc3\n");
	said_free(&s);
}

/* A full disk is told. */
static void test_full(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct output *o;

	(void)state;
	assert_non_null(full);
	o = output_new(full, stderr, true);
	assert_non_null(o);
	assert_int_equal(output_finish(o), -1);
	output_free(o);
	(void)fclose(full);
}

/* --- the command line --- */

/* Runs it and compares; `line` is cut at its spaces. */
static void expect_run(const char *line, int code, const char *out, const char *err)
{
	char *copy = strdup(line), *words[16] = { (char *)"iopctl" };
	int n = 1;
	struct said s;

	assert_non_null(copy);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	listen_to(&s);
	assert_int_equal(cli_main(n, words, s.out_file, s.err_file), code);
	end_listening(&s);
	if (out)
		assert_string_equal(s.out, out);
	assert_string_equal(s.err, err);
	said_free(&s);
	free(copy);
}

static void test_usage(void **state)
{
	(void)state;
	expect_run("", CLI_USAGE, "", "iopctl: error: what to do? iopctl --help lists the verbs\n");
	expect_run("lode x.o", CLI_USAGE, "",
		   "iopctl: error: unknown verb `lode`; did you mean `load`?\n");
	expect_run("insp x.o", CLI_USAGE, "",
		   "iopctl: error: unknown verb `insp`; did you mean `inspect`?\n");
	expect_run("xyzzy", CLI_USAGE, "",
		   "iopctl: error: unknown verb `xyzzy`; iopctl --help lists them\n");
	expect_run("--jsn", CLI_USAGE, "",
		   "iopctl: error: unknown option --jsn before the verb; see iopctl --help\n");
	expect_run("inspect", CLI_USAGE, "",
		   "iopctl: error: inspect needs FILE (iopctl inspect --help)\n");
	expect_run("inspect a b", CLI_USAGE, "",
		   "iopctl: error: inspect takes no argument `b` (iopctl inspect --help)\n");
	expect_run("inspect --jsno a", CLI_USAGE, "",
		   "iopctl: error: inspect has no option --jsno; did you mean --json?\n");
	expect_run("inspect -j a", CLI_USAGE, "",
		   "iopctl: error: unknown option -j; options have two dashes\n");
	expect_run("test --set", CLI_USAGE, "",
		   "iopctl: error: --set needs a value: --set=PARAM=VALUE\n");
	expect_run("test --st=1 a", CLI_USAGE, "",
		   "iopctl: error: test has no option --st; did you mean --set?\n");
	expect_run("test --help --help", CLI_USAGE, "", "iopctl: error: --help is given twice\n");
	expect_run("test --help=1", CLI_USAGE, "", "iopctl: error: --help takes no value\n");
	expect_run("inspect -- --json", CLI_ENVIRONMENT, "",
		   "iopctl: error: --json: cannot open: No such file or directory\n");
}

static void test_answers(void **state)
{
	(void)state;
	expect_run("--version", CLI_FINE, NULL, "");
	expect_run("--help", CLI_FINE, NULL, "");
	expect_run("load --help", CLI_FINE, NULL, "");
	expect_run("--json nothing", CLI_USAGE,
		   "{\n  \"messages\": [\n    {\n      \"level\": \"error\",\n"
		   "      \"kind\": \"usage\",\n"
		   "      \"message\": \"unknown verb `nothing`; iopctl --help lists them\"\n"
		   "    }\n  ]\n}\n",
		   "");
	expect_run("inspect /dev/null", CLI_REJECTED, "",
		   "iopctl: error: /dev/null: not an ELF file\n");
	expect_run("inspect " IOP_FIXTURE, CLI_FINE, NULL, "");
	expect_run("inspect --json " IOP_FIXTURE, CLI_FINE, NULL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_lone_table),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_hostile_strings),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_false_utf8),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
