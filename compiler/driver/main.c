/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iopc: policies in, objects out. The only place of the compiler that picks an
 * exit code.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "driver/options.h"
#include "driver/pipeline.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_SANITIZER
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define UNDER_SANITIZER
#endif

#ifndef UNDER_SANITIZER
/* The kernel's verdict on a bug of ours becomes our own: a sentence and 70. */
static void crashed(int signal)
{
	static const char text[] =
		"iopc: this is a bug of iopc; please report it with the policy\n";

	(void)signal;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_BUG);
}

/* On a stack of its own: what ends the other one may be a recursion. */
static void catch_crashes(char *stack, size_t size)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction act = { .sa_handler = crashed, .sa_flags = SA_ONSTACK };
	stack_t on = { .ss_sp = stack, .ss_size = size };

	if (sigaltstack(&on, NULL) != 0)
		return;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &act, NULL);
}
#else
/* The sanitizer says more about a crash than we could. */
static void catch_crashes(char *stack, size_t size)
{
	(void)stack;
	(void)size;
}
#endif

/* What was printed has arrived, or it is an error. */
static enum exit_code flushed(enum exit_code code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	perror("iopc: cannot write to the standard output");
	return code == EXIT_FINE ? EXIT_ENVIRONMENT : code;
}

int main(int argc, char **argv)
{
	struct options o;
	enum exit_code worst = EXIT_FINE;
	char stack[65536];

	catch_crashes(stack, sizeof(stack));
	if (!options_read(&o, argc, argv))
		return EXIT_USAGE;
	if (o.help) {
		options_help();
		return flushed(EXIT_FINE);
	}
	if (o.version) {
		puts("iopc " IOP_VERSION);
		return flushed(EXIT_FINE);
	}
	for (size_t i = 0; i < o.n_files; i++) {
		enum exit_code code = compile(&o, o.files[i]);

		if (code > worst)
			worst = code;
	}
	return flushed(worst);
}
