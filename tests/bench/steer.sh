#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The steer comparison comes to its end, whatever it measures on a machine that may be
# busy, and leaves nothing behind, also when it is interrupted.
#
# usage: steer.sh BENCH-RUN BUILD-FOLDER

set -uo pipefail
run=$1 build=$2
failed=0

[[ $EUID -eq 0 ]] || { echo 'skipped: network namespaces are made as root only'; exit 77; }
(($(nproc) >= 2)) || { echo 'skipped: the stack can be moved to another core on two cores only'; exit 77; }

left() {
	pgrep -f "^$build/bench/(objects/../)?(steer_host|steer_flood|bench)( |$)"
	find /sys/fs/bpf/iop -maxdepth 1 -name bench_steer 2>/dev/null
}

rc=0
output=$("$run" steer --json --pairs 5 --build "$build" </dev/null) || rc=$?
((rc <= 1)) || { printf 'exit code %d:\n%s\n' "$rc" "$output"; exit 1; }
for what in 'policy to program by hand' 'policy to RPS' 'stage stack to program by hand' \
	'stage stack to RPS'; do
	grep -qE "\"packets a second to a socket, $what\", \"goal\": \">= 1.00\", \"value\": [0-9.]+, .*\"pairs\": 5" <<<"$output" || {
		printf 'no row "%s" in:\n%s\n' "$what" "$output"
		failed=1
	}
done
# Somebody's packets have arrived on each way.
for side in policy 'stage stack' 'by hand' RPS; do
	grep -qE "1,000 packets a second, $side\", \"goal\": null, \"value\": [1-9]" <<<"$output" || {
		printf 'nothing arrived: %s\n%s\n' "$side" "$output"
		failed=1
	}
done
[[ -z $(left) ]] || { echo "left at its end: $(left)"; failed=1; }

set -m
"$run" steer --build "$build" >/dev/null 2>&1 </dev/null &
job=$!
sleep 3
kill -INT -- "-$job"
rc=0
wait "$job" || rc=$?
((rc == 130)) || { echo "interrupted: exit code $rc"; failed=1; }
[[ -z $(left) ]] || { echo "left when interrupted: $(left)"; failed=1; }
exit "$failed"
