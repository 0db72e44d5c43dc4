#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# min(SIGNAL) before examples/signal.c: until a worker says something, each has its turn; then
# the one with the least gets all; one that never says anything has its turn and no more.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1

# asked N: "LOAD COUNT" pairs of N requests, one after the other.
asked() {
	local i
	for ((i = 0; i < $1; i++)); do
		ask c -w 300 $SERVER 7000 53
		echo
	done | awk '{ n[$1] += $2 } END { for (w in n) print w, n[w] }' | sort -n | tr '\n' ' ' |
		sed 's/ $//'
}

client c $SERVER/24 10.9.0.2/24
policy=net_signal_${IOP_NET_ID}
for load in 30 20 40; do
	background "server$load" "$tools/example_signal" "$policy" depth 7000 $load
	eventually "server $load is ready" grep -qs ready "$scratch/server$load.log"
done
# The fourth has another signal in mind, which is not there: it never says anything.
background server99 "$tools/example_signal" "$policy" other 7000 99
eventually "server 99 is ready" grep -qs ready "$scratch/server99.log"

SED='s/comm "signal"/comm "example_signal"/' load_file signal --dev c
for load in 30 20 40; do
	eventually "server $load has told" grep -qs told "$scratch/server$load.log"
done
expect "server 99 has not" "$(grep -c told "$scratch/server99.log")" 0
expect "the least gets all but the turns of who says nothing" "$(asked 12)" '20 9 99 3'
expect "status tells who has not said anything" "$("$IOPCTL" status "$policy" |
	grep -c '1 of 4 workers at .* have not said depth: each has its turn and no more')" 1
kill "$(pgrep -f 'depth 7000 20$')"
sleep 0.2
expect "the kernel serves who finds it gone" "$(asked 1 | wc -w)" 2
expect "then it is the next one's" "$(asked 12)" '30 9 99 3'
pkill example_signal # who maps it holds the map
unload
finish
