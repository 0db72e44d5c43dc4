#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A header that iopc makes is C of its own, twice in a file as well, without a warning.
#
# usage: header.sh IOPC CASE.iop CC

set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$1" --emit=header -o "$scratch/policy.h" "$2"
printf '#include "policy.h"\n#include "policy.h"\nint main(void) { return 0; }\n' >"$scratch/main.c"
"$3" -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$scratch/main.c"
