#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A brief run of the tail comparison: its goals are easy ones, its answer has the promised
# form, and nothing of it stays behind, neither at its end nor when it is interrupted.
#
# usage: tail.sh BENCH-RUN BUILD-FOLDER

set -uo pipefail
run=$1 build=$2
failed=0

[[ $EUID -eq 0 ]] || { echo 'skipped: network namespaces are made as root only'; exit 77; }

# Programs of the bench that run, and policies that it has left.
left() {
	pgrep -f "^$build/bench/(objects/../)?(kvstored|tail_load|bench)( |$)"
	for pin in /sys/fs/bpf/iop/bench_tail_*; do
		# A run of somebody else is none of ours.
		[[ -e $pin ]] && ! kill -0 "${pin##*_}" 2>/dev/null && printf '%s\n' "$pin"
	done
	return 0
}
before=$(left)

rc=0
output=$("$run" tail --brief --json --build "$build" </dev/null) || rc=$?
if ((rc != 0)); then
	printf 'exit code %d:\n%s\n' "$rc" "$output"
	exit 1
fi
number='[0-9]+\.[0-9]{2}'
ratio="\"goal\": \"[<>]= $number\", \"value\": $number, \"min\": $number, \"max\": $number, \"pairs\": 3\}"
for what in 'GET p99, hash to policy' 'GET p99, round robin to policy' 'GET p99, SITA to policy' \
	'SCAN p99, policy to hash'; do
	grep -qE "\{\"what\": \"10000/s: $what\", $ratio" <<<"$output" || {
		printf 'no row "%s" in:\n%s\n' "$what" "$output"
		failed=1
	}
done
for side in hash 'round robin' SITA policy; do
	for part in p50 p99 p99.9; do
		grep -q "10000/s GET $part: ms, $side" <<<"$output" || {
			echo "no $part of $side"
			failed=1
		}
	done
done
[[ $(left) == "$before" ]] || { echo "left at its end: $(left)"; failed=1; }

# As Ctrl-C would, at several moments: the policy's turn is the last of a round.
set -m
for delay in 2 5 8 11; do
	"$run" tail --brief --build "$build" >/dev/null 2>&1 </dev/null &
	job=$!
	sleep "$delay"
	kill -INT -- "-$job"
	rc=0
	wait "$job" || rc=$?
	((rc == 130)) || { echo "interrupted after $delay s: exit code $rc"; failed=1; }
	[[ $(left) == "$before" ]] || { echo "left after $delay s: $(left)"; failed=1; }
done
exit "$failed"
