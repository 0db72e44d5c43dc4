/* SPDX-License-Identifier: BSD-2-Clause */
/* The program around cli.c, which tests call without a process. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv, stdout, stderr);
}
