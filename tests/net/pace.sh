#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Replies leave at the rate that they are paced at, none is lost, and unloading lets those that
# wait leave. With an order as well, each band of the queue keeps times.

. "$(dirname "$0")/lib.sh"

if ! tc qdisc add dev lo root fq 2>/dev/null; then
	echo "skipped: this kernel has no fq, which sends packets at their time"
	exit 77
fi
tc qdisc del dev lo root

SERVER=10.9.0.1
qdiscs() { tc qdisc show dev c | sed -n 's/^qdisc \([a-z]*\) .*/\1/p' | sort | uniq -c | xargs; }

# 80 replies of 1,229 bytes behind each other, and a small one: how long, and how many.
took() {
	local before mark
	read -r before replies ms mark < <(in_client c "$tools/udp_overtake" $SERVER "$1" 01 02 1200 80)
}

client c $SERVER/24 10.9.0.2/24
background server "$tools/kv_server" 2 7000 7001 7002
eventually "the server is ready" grep -qs ready "$scratch/server.log"
took 7000
between "without a policy, replies come as fast as they can" "$ms" 0 300

load_file pace --dev c
expect "the queue is an fq" "$(qdiscs)" '1 fq'
took 7000
between "81 replies at 100/s take 800 ms" "$ms" 795 900
expect "none is lost" "$replies" 81
took 7001
between "at 2 Mbit/s 394 ms" "$ms" 388 480
expect "none of these is" "$replies" 81
took 7002
between "what is not paced comes at once" "$ms" 0 300
between "what waited is counted" "$(counter tx sends paced)" 70 80

# Unloaded while 60 of them wait.
(took 7000 && echo "$replies" >"$scratch/replies") &
sleep 0.3
unload_policy
wait $!
expect "the replies that were waiting have left" "$(cat "$scratch/replies")" 81
expect "the default is back" "$(qdiscs)" '1 noqueue'

SED='s/sends -> pace/all -> order by priority; sends -> pace/' load_file pace --dev c
expect "bands, each with times" "$(qdiscs)" '2 fq 1 prio'
took 7000
between "81 replies at 100/s take 800 ms, too" "$ms" 795 900
expect "none is lost there" "$replies" 81
unload_policy
expect "the default is back again" "$(qdiscs)" '1 noqueue'
finish
