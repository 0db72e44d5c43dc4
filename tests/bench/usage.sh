#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What bench/run says without building or measuring anything.
#
# usage: usage.sh BENCH-RUN

set -uo pipefail
run=$1
faults=0

# expect CODE PATTERN arguments…
expect() {
	local code=$1 pattern=$2 output rc=0
	shift 2
	output=$("$run" "$@" 2>&1 </dev/null) || rc=$?
	if ((rc != code)) || ! grep -qE "$pattern" <<<"$output"; then
		printf 'bench/run %s: exit code %d, not %d, or no "%s" in:\n%s\n' "$*" "$rc" "$code" \
			"$pattern" "$output"
		faults=$((faults + 1))
	fi
}

for name in codegen foreign compile tail steer; do
	expect 0 "^$name +[a-z]" --list
done
expect 2 '^usage: bench/run NAME'
expect 2 '^usage: bench/run NAME' --nonsense
expect 2 '^usage: bench/run NAME' codegen foreign
expect 2 '^usage: bench/run NAME' codegen --pairs few
expect 0 "^tail +[a-z]" --help
expect 2 'no comparison nonsense; there are:' nonsense
((faults == 0))
