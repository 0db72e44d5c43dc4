#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Replies that wait for a slow link are sent by the priority of their class; the device's queue
# is as it was before when the policy is gone, however it went.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1
GET=01 SCAN=02

# A thousand bits for each of 100 scans, and a get behind them: how many scans come first.
overtaken() {
	local before total rest
	read -r before total rest < <(in_client c "$tools/udp_overtake" $SERVER "$1" "$2" "$3" 1200 80)
	total_got=$total
	overtaken=$before
}
root() { tc qdisc show dev c | sed -n 's/^qdisc \([^ ]* [^ ]*\) root.*/\1/p'; }
egress() { bpftool -j net show dev c | grep -o '"kind":"tcx/egress"' | wc -l; }
# A link of 2 Mbit/s, and below it what COMMAND makes.
slow_link() { tc qdisc add dev c root handle 1: tbf rate 2mbit burst 3000 limit 1000000; }

client c $SERVER/24 10.9.0.2/24
background server "$tools/kv_server" 3 7000 7001
eventually "the server is ready" grep -qs ready "$scratch/server.log"
expect "a veth device has no queue" "$(root)" 'noqueue 0:'

# Somebody's queue is not touched, and without bands it will not do.
slow_link
compile "$IOP_SOURCE/tests/net" order
said=$("$IOPCTL" load "$scratch/$policy.bpf.o" --dev c 2>&1 || true)
expect "a queue without bands is refused" \
	"$(grep -c 'somebody has given c a tbf qdisc (1:), which does not order' <<<"$said")" 1
expect "and left alone" "$(root) $(egress)" 'tbf 1: 0'
overtaken 7000 $GET $SCAN
between "without a policy, a get waits for scans that came first" "$overtaken" 30 80

# With bands below it, it will.
if ! tc qdisc add dev c parent 1:1 handle 10f: prio bands 3 \
	priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2>/dev/null; then
	tc qdisc add dev c parent 1:1 handle 10f: htb
	for band in 1 2 3; do
		tc class add dev c parent 10f: classid 10f:$band htb rate 1gbit prio $((band - 1)) quantum 1514
	done
fi
load_file order --dev c
expect "it is used as it is" "$(root) $(egress)" 'tbf 1: 1'
overtaken 7000 $GET $SCAN
between "a get goes past the scans that wait" "$overtaken" 0 28
expect "none of them is lost" "$total_got" 81
overtaken 7001 $GET $SCAN
between "at another port nothing is ordered" "$overtaken" 30 80
expect "replies are counted as what they are" "$(counter tx get seen) $(counter tx scan seen)" '1 80'
unload_policy
expect "it is left as it is" "$(root) $(tc qdisc show dev c | grep -c '10f:')" 'tbf 1: 1'
tc qdisc del dev c root

# The kernel's own default makes room for one of ours.
load_file order --dev c
between "the device has bands of ours" "$(tc qdisc show dev c | grep -cE '(htb|prio) 10f: root')" 1 1
expect "status tells" "$("$IOPCTL" status "$policy" | grep -cE 'c +queue +(htb|prio) of 3 bands +noqueue')" 1
expect "replies pass" "$(ask c $SERVER 7000 01) $(ask c $SERVER 7000 02)" '0 1 1 1'
expect "what is nobody's does" "$(ask c $SERVER 7001 01 | cut -d' ' -f2)" 1
said=$(SED='s/7000/7001/' && compile "$IOP_SOURCE/tests/net" order &&
	"$IOPCTL" load "$scratch/$policy.bpf.o" --dev c 2>&1 || true)
expect "a second policy cannot have the queue, too" \
	"$(grep -c 'the queue of c belongs to another policy' <<<"$said")" 1
tc qdisc replace dev c root handle 5: pfifo
expect "status sees that somebody has taken it" \
	"$("$IOPCTL" status "$policy" | grep -c 'the queue of c was changed')" 1
unload_policy
expect "and it is not taken from them" "$(root)" 'pfifo 5:'
tc qdisc del dev c root

load_file order --dev c
unload_policy
expect "the default is back" "$(root) $(egress)" 'noqueue 0: 0'

# Killed at any moment, unload or load cleans up.
compile "$IOP_SOURCE/tests/net" order
for ((i = 0; i < 12; i++)); do
	timeout -s KILL "0.0$((i * 5 + 10))" "$IOPCTL" load "$scratch/$policy.bpf.o" --dev c \
		>/dev/null 2>&1 || true
	if [[ -d /sys/fs/bpf/iop/$policy ]]; then
		((i % 2 == 0)) || timeout -s KILL 0.01 "$IOPCTL" unload "$policy" >/dev/null 2>&1 || true
	fi
	if [[ -d /sys/fs/bpf/iop/$policy ]]; then
		"$IOPCTL" unload "$policy" >/dev/null || failed=1
	fi
	[[ "$(root) $(egress)" == 'noqueue 0: 0' ]] || expect "killed, then unloaded" "$(root) $(egress)" 'noqueue 0: 0'
done
expect "after twelve kills the default is back" "$(root) $(egress)" 'noqueue 0: 0'

# Marks, where they get through: on the loopback device.
load_file order --dev lo
read -r _ _ _ mark < <("$tools/udp_overtake" 127.0.0.1 7000 $GET $SCAN 1200 1)
expect "a get's reply is marked" "$mark" 7
read -r _ _ _ mark < <("$tools/udp_overtake" 127.0.0.1 7000 $SCAN $GET 1200 1)
expect "and a scan's otherwise" "$mark" 8
read -r _ _ _ mark < <("$tools/udp_overtake" 127.0.0.1 7001 $GET $SCAN 1200 1)
expect "what is nobody's is not" "$mark" 0
unload_policy
finish
