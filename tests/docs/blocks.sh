#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Each code block of the documentation that is marked iop is a policy: it compiles without
# a word, and its tests pass. One marked `iop refused` is refused, with the message that the
# block behind it shows.
#
# usage: blocks.sh IOPC FILE…

set -euo pipefail
export LC_ALL=C NO_COLOR=1

iopc=$(realpath "${1:?usage: $0 IOPC FILE…}")
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
blocks=0

# blocks_of FILE: writes block N to N.iop or N.refused, what follows a refused one to N.said.
blocks_of() {
	awk -v folder="$scratch" '
		!inside && /^```/ {
			inside = 1
			if ($0 == "```iop") out = folder "/" NR ".iop"
			else if ($0 == "```iop refused") { refused = folder "/" NR; out = refused ".refused" }
			else if (refused != "") { out = refused ".said"; refused = "" }
			else out = ""
			next
		}
		/^```/ { inside = 0; if (out != "") close(out); out = ""; next }
		inside && out != "" { print > out }' "$1"
}

fail() {
	printf 'FAIL %s\n' "$1"
	sed 's/^/    /' "$2"
	failed=1
}

for page in "$@"; do
	blocks_of "$page"
	for block in "$scratch"/*.iop "$scratch"/*.refused; do
		[[ -e $block ]] || continue
		name=$(basename "$block")
		line=${name%.*}
		blocks=$((blocks + 1))
		rc=0
		if [[ $block == *.iop ]]; then
			"$iopc" --test "$block" >"$scratch/out" 2>&1 || rc=$?
			if ((rc != 0)) || grep -qE ': (error|warning): ' "$scratch/out"; then
				fail "$page:$line: this policy is not accepted as it is" "$scratch/out"
			fi
		else
			mv "$block" "$scratch/policy.iop"
			(cd "$scratch" && "$iopc" --check policy.iop) >"$scratch/out" 2>&1 || rc=$?
			if ((rc != 1)); then
				fail "$page:$line: this policy is not refused" "$scratch/out"
			elif ! diff "$scratch/$line.said" "$scratch/out" >"$scratch/diff"; then
				fail "$page:$line: the message is another one" "$scratch/diff"
			fi
		fi
		rm -f "$block"
	done
	rm -f "$scratch"/*
done
printf '%d policies on %d pages\n' "$blocks" "$#"
((blocks > 0)) || failed=1
exit "$failed"
