#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A run with --json: one object in the promised form, whose "ok" and the exit code agree.
#
# usage: json.sh BENCH-RUN BUILD-FOLDER

set -uo pipefail
run=$1 build=$2

[[ $EUID -eq 0 ]] || { echo 'skipped: programs are loaded as root only'; exit 77; }
rc=0
output=$("$run" foreign --json --pairs 5 --build "$build" </dev/null) || rc=$?
if ((rc > 1)); then
	echo "exit code $rc"
	exit 1
fi
number='-?[0-9]+\.[0-9]{2}'
goal='(null|"<= [0-9]+\.[0-9]{2}")'
row="\{\"what\": \"[^\"]+\", \"goal\": $goal, \"value\": $number, \"min\": $number, \"max\": $number, \"pairs\": 5\}"
ok=true
((rc == 0)) || ok=false
flat=$(tr -s ' \n' ' ' <<<"$output")
[[ $flat =~ ^\{\"name\":\ \"foreign\",\ \"ok\":\ $ok,\ \"rows\":\ \[\ $row(,\ $row)*\ \]\}\ *$ ]] || {
	printf 'not what was promised (exit code %d):\n%s\n' "$rc" "$output"
	exit 1
}
