#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is promised of an object: the same bytes wherever it is compiled, no DWARF, a size, and
# the policy's lines in its BTF.
#
# usage: object.sh IOPC POLICY.iop

set -euo pipefail

iopc=${1:?usage: $0 IOPC POLICY.iop} policy=${2:?usage: $0 IOPC POLICY.iop}
name=$(basename "$policy" .iop)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() {
	printf '%s: %s\n' "$name" "$1" >&2
	exit 1
}

mkdir -p "$scratch/a" "$scratch/b/deep"
cp "$policy" "$scratch/a/$name.iop"
cp "$policy" "$scratch/b/deep/$name.iop"
(cd "$scratch/a" && "$iopc" -o here.o "$name.iop")
(cd / && "$iopc" -o "$scratch/there.o" "$scratch/b/deep/$name.iop")
cmp "$scratch/a/here.o" "$scratch/there.o" || fail "another folder, another object"

sections=$(readelf -SW "$scratch/there.o")
! grep -q '\.debug' <<<"$sections" || fail "there is DWARF in the object"
for section in .BTF .BTF.ext .iop .maps license; do
	grep -qF " $section " <<<"$sections" || fail "there is no section $section"
done
(($(stat -c %s "$scratch/there.o") < 40000)) || fail "the object has 40 KB or more"
grep -qaF "class " "$scratch/there.o" || fail "the policy's lines are not in the BTF"
