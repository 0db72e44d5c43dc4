#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# least_loaded before a server of four workers, which knows nothing of it: those that are equal
# have turns; a worker that hangs gets nothing new for long; requests without a reply and with
# several are forgotten; workers that die are missed by nobody.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1
SHORT=53 LONG=4c ONE_WAY=536f MANY=536d

# asked N WHAT: "WORKER COUNT" pairs of N requests, one after the other.
asked() {
	local i
	for ((i = 0; i < $1; i++)); do
		ask c -w 150 $SERVER 7000 "$2"
		echo
	done | sort | awk '{ n[$1] += $2 } END { for (w in n) print w, n[w] }' | sort | tr '\n' ' ' |
		sed 's/ $//'
}

# sum: of "WORKER COUNT" pairs, the counts.
sum() {
	tr ' ' '\n' <<<"$1" | awk 'NR % 2 == 0 { n += $1 } END { print n + 0 }'
}

workers() {
	pgrep -P "$(pgrep -o kv_server)" | sort -n
}

serve() {
	background server "$tools/kv_server" 4 7000
	eventually "the server is ready" grep -qs ready "$scratch/server.log"
	mapfile -t worker < <(workers)
}

client c $SERVER/24 10.9.0.2/24
serve
load_file least --dev c

expect "equals have turns" "$(asked 8 $SHORT)" '0 2 1 2 2 2 3 2'
expect "within their set" "$(asked 4 $LONG)" '2 2 3 2'
expect "the replies are not the tx stage's to count" "$(counter tx short seen)" 0

# 40 at once, one of the four stopped: what it was given before waits for it.
kill -STOP "${worker[1]}"
answers=$(ask c -n 40 -w 150 $SERVER 7000 $SHORT)
between "a worker that hangs is given a few" "$(sum "$answers")" 20 39
sleep 0.9
answers=$(asked 12 $SHORT)
expect "and later nothing" "$(sum "$answers")" 12
expect "of which it has none" "$(grep -c '^1 \| 1 [0-9]* 2' <<<"$answers")" 0
kill -CONT "${worker[1]}"
sleep 0.3
expect "when it moves again, it has its turn" "$(asked 8 $SHORT)" '0 2 1 2 2 2 3 2'

# What is never answered and what is answered thrice.
answers=$(ask c -n 200 -w 150 $SERVER 7000 $ONE_WAY)
expect "one-way messages are not answered" "$answers" ''
between "of requests behind them none is lost" \
	"$(sum "$(ask c -n 40 $SERVER 7000 $SHORT)")" 40 40
sleep 2.2
expect "and the workers are equal again" "$(asked 16 $SHORT | awk '{ print ($2 > 2) + ($4 > 2) + ($6 > 2) + ($8 > 2) }')" 4
between "three replies each" "$(sum "$(ask c -n 40 -r 3 $SERVER 7000 $MANY)")" 120 120
expect "leave them equal" "$(asked 8 $SHORT)" '0 2 1 2 2 2 3 2'

# All hang: somebody gets it all the same, and that is counted.
before=$(counter socket short stuck)
kill -STOP "${worker[@]}"
expect "nobody answers" "$(ask c -n 8 -w 150 $SERVER 7000 $SHORT)" ''
sleep 1
expect "nor later" "$(ask c -n 8 -w 150 $SERVER 7000 $SHORT)" ''
between "all are stuck, which is counted" "$(($(counter socket short stuck) - before))" 1 8
kill -CONT "${worker[@]}"
sleep 0.3
between "they have nothing lost" "$(sum "$(asked 8 $SHORT)")" 8 8

# One dies under load.
in_client c "$tools/udp_ask" -n 2000 $SERVER 7000 $SHORT >"$scratch/under" &
flood=$!
sleep 0.01
kill -KILL "${worker[3]}"
wait "$flood" || true
sleep 2.2 # what was lost in the crowd is forgotten
between "all that is asked is answered" "$(sum "$(asked 9 $SHORT)")" 9 9
before=$(counter socket short fallback)
between "the dead one was missed once or twice" "$before" 1 40
answers=$(asked 9 $SHORT)
expect "the others serve all" "$(sum "$answers")" 9
expect "each of them some" "$(awk '{ print $1, $3, $5, NF }' <<<"$answers")" '0 1 2 6'
expect "without the kernel's help" "$(counter socket short fallback)" "$before"
expect "status tells" "$("$IOPCTL" status "$policy" | grep -c 'worker 3 at .* is gone')" 1

# All die, and come again: the kernel serves them until the policy is loaded again.
kill -KILL "${worker[@]:0:3}" 2>/dev/null || true
sleep 0.2
serve
answers=$(ask c -n 40 $SERVER 7000 $SHORT)
between "a new server is asked by the kernel's choice" "$(sum "$answers")" 40 40
expect "status tells of it" \
	"$("$IOPCTL" status "$policy" | grep -c 'all 4 workers at .* are gone')" 1
unload
finish
