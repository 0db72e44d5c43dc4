#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Many workloads: those that say the same share their code, so that a thousand are no more
# instructions than a hundred; few keep their branches; and what is too large for a program is
# said, not found by somebody else.
#
# usage: many.sh IOPC shared|large

set -euo pipefail

iopc=${1:?usage: $0 IOPC shared|large} what=${2:?usage: $0 IOPC shared|large}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() {
	printf '%s\n' "$1" >&2
	exit 1
}

# workloads N DIFFERENT: one of N says something of its own, unless DIFFERENT is 0.
workloads() {
	printf 'policy many;\npool net { cores 0; }\n'
	for ((i = 0; i < $1; i++)); do
		printf 'workload w%d {\n match udp port %d;\n' "$i" $((1024 + i))
		printf ' class large when payload.len > %d;\n class small;\n' $((i < $2 ? 100 + i : 512))
		printf ' stage rx { large -> limit %d/s burst %d, drop; small -> steer to net by round_robin; }\n}\n' \
			$((i + 1)) $((i % 7 + 1))
	done
}

# by_address N: all at one port, each with an address of its own.
by_address() {
	printf 'policy many;\n'
	for ((i = 0; i < $1; i++)); do
		printf 'workload w%d {\n match udp port 53 to 10.%d.%d.0/24;\n class large when payload.len > 512;\n' \
			"$i" $((i / 256)) $((i % 256))
		printf ' class small;\n stage rx { large -> drop; small -> limit %d/s; }\n}\n' $((i + 1))
	done
}

# instructions N DIFFERENT
instructions() {
	workloads "$1" "$2" >"$scratch/many.iop"
	"$iopc" "$scratch/many.iop" --emit=asm |
		grep -cE '^\s+(r[0-9]|w[0-9]|if|goto|call|exit|\*|lock)'
}

case $what in
shared)
	hundred=$(instructions 100 0) thousand=$(instructions 1000 0) other=$(instructions 1000 20)
	((thousand <= hundred + 2)) || fail "1,000 workloads: $thousand instructions, 100: $hundred"
	((other > thousand + 20)) || fail "20 that differ: $other instructions, without them $thousand"
	((other < thousand + 20 * 20)) || fail "20 that differ: $other instructions, without them $thousand"
	by_address 100 >"$scratch/hundred.iop"
	by_address 1000 >"$scratch/thousand.iop"
	for n in hundred thousand; do
		"$iopc" "$scratch/$n.iop" --emit=asm | grep -cE '^\s+(r[0-9]|w[0-9]|if|goto|call|exit|\*|lock)' >"$scratch/$n"
	done
	(($(cat "$scratch/thousand") < $(cat "$scratch/hundred") + 60)) ||
		fail "1,000 by address: $(cat "$scratch/thousand") instructions, 100: $(cat "$scratch/hundred")"
	workloads 8 0 >"$scratch/few.iop"
	"$iopc" "$scratch/few.iop" -o "$scratch/few.o"
	! grep -qa iop_rx_rows "$scratch/few.o" || fail "8 workloads have a table"
	workloads 9 0 >"$scratch/few.iop"
	"$iopc" "$scratch/few.iop" -o "$scratch/few.o"
	grep -qa iop_rx_rows "$scratch/few.o" || fail "9 workloads have no table"
	;;
large)
	printf 'policy large;\n' >"$scratch/large.iop"
	for ((i = 0; i < 900; i++)); do
		printf 'workload w%d {\n match udp port %d;\n class a when ip.ttl > %d and ip4.len != %d and udp.sport in { %d, %d, %d-%d } and ip.src in { 10.%d.%d.0/24, 11.%d.0.0/16 };\n class b;\n stage rx { a -> limit %d/s, drop; b -> count; }\n}\n' \
			"$i" $((1024 + i)) $((i % 200)) $((i + 40)) $((i + 1)) $((i + 2000)) $((i + 5000)) \
			$((i + 5100)) $((i % 256)) $((i / 256)) $((i % 256)) $((i + 1))
	done >>"$scratch/large.iop"
	rc=0
	"$iopc" "$scratch/large.iop" -o "$scratch/large.o" 2>"$scratch/said" || rc=$?
	((rc == 1)) || fail "exit code $rc"
	grep -q '^error: the policy is too large for one program' "$scratch/said" || fail "$(cat "$scratch/said")"
	[[ ! -e $scratch/large.o ]] || fail "there is an object"
	;;
esac
