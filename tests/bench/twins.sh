#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Both sides of bench/run's comparisons are the same policy: makes the objects and lets
# check-twin feed them.
#
# usage: twins.sh BUILD-FOLDER CHECK-TWIN

set -euo pipefail

output=$(cmake --build "$1" --target bench_objects 2>&1) || {
	printf '%s\n' "$output"
	exit 1
}
exec "$2" "$1/bench/objects"
