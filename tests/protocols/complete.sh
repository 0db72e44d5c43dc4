#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Each protocol of grammar/protocols has a policy here, or among the examples (dns), which uses
# every field that has a name.
#
# usage: complete.sh SOURCES

set -u
failed=0
for file in "$1"/grammar/protocols/*.iop; do
	name=$(basename "$file" .iop)
	policy=$1/tests/protocols/$name.iop
	[[ $name == dns ]] && continue # fields of a list; the examples
	if [[ ! -f $policy ]]; then
		echo "tests/protocols has no $name.iop"
		failed=1
		continue
	fi
	# Outside of an element (`seek`, indented once more and read by its own condition only).
	fields=$(sed -E 's/#.*//; /seek .*\{/,/^ +\}$/d' "$file" |
		sed -nE 's/^ +([a-z_]+) +(nocase |le )?(u8|u16|u32|u64|bits|given|varint|decimal|bytes|text|repeat).*/\1/p')
	[[ -n $fields ]] || { echo "$name: no fields found"; failed=1; }
	for field in $fields; do
		if ! grep -q "\b$name\.$field\b" "$policy"; then
			echo "tests/protocols/$name.iop does not use $name.$field"
			failed=1
		fi
	done
done
exit "$failed"
