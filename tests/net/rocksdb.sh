#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# rocksdb_scan.iop before the server of the tail comparison: GETs and SCANs go where the
# policy says, what is no request goes the kernel's way, and workers that are kept busy by
# SCANs make no GET wait.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1

# request OP: the store's header; who answers puts its number in front.
request() { printf '%02x00000000000007%016x' "$1" 17; }
GET=1 SCAN=2

# workers COUNT OP: the workers that answer so many, and how often each.
workers() { ask c -n "$1" $SERVER 7000 "$(request "$2")"; }

# total PAIRS…: the sum of every second word.
total() { awk '{ for (i = 2; i <= NF; i += 2) n += $i } END { print n + 0 }' <<<"$*"; }

# other FIRST LAST PAIRS…: how many answers are not of these workers.
other() {
	awk -v first="$1" -v last="$2" '
		{ for (i = 1; i < NF; i += 2) if ($i < first || $i > last) n += $(i + 1) }
		END { print n + 0 }' <<<"${*:3}"
}

client c $SERVER/24 10.9.0.2/24
background server "$IOP_BUILD/bench/kvstored" -w 6 -g 200 -s 5000
eventually "the server is ready" grep -qs ready "$scratch/server.log"
expect "without a policy one flow has one worker" "$(workers 30 $GET | wc -w)" 2

load rocksdb_scan --dev c

gets=$(workers 120 $GET)
expect "all GETs are answered" "$(total "$gets")" 120
between "by all workers" "$(($(wc -w <<<"$gets") / 2))" 6 6
scans=$(workers 20 $SCAN)
expect "all SCANs are answered" "$(total "$scans")" 20
expect "by the last two" "$(other 4 5 "$scans")" 0
between "by both of them" "$(($(wc -w <<<"$scans") / 2))" 2 2
expect "what is no request has no class" "$(ask c $SERVER 7000 '') $(counter socket get seen)" ' 120'
expect "counted as what was chosen" \
	"$(counter socket get steered) $(counter socket scan steered)" '120 20'

# 200 SCANs are half a second of work for two workers; GETs do not wait for it.
in_client c "$tools/udp_ask" -n 200 $SERVER 7000 "$(request $SCAN)" >"$scratch/scans" &
behind=$!
sleep 0.1
gets=$(workers 40 $GET)
expect "while SCANs wait, GETs are answered" "$(total "$gets")" 40
expect "by those that have none" "$(other 0 3 "$gets")" 0
wait "$behind"
in_client c "$tools/udp_ask" -n 200 $SERVER 7000 "$(request $SCAN)" >/dev/null &
behind=$!
sleep 0.1
in_client c "$IOP_BUILD/bench/tail_load" -s 0 $SERVER 1000 0.2 >"$scratch/load" 2>&1 || true
wait "$behind"
between "99 of 100 GETs take less than 5 ms, in us" \
	"$(awk '$1 == "get" { print int($5 / 1000) }' "$scratch/load")" 200 5000

unload
expect "without the policy, one flow has one worker again" "$(workers 30 $GET | wc -w)" 2
finish
