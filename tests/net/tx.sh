#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The tx stage on real replies: whose they are is told by address and port, what is nobody's and
# what others have attached to the device is left alone, and all is taken away again.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1
answered() {
	local answer
	answer=$(ask "$@")
	printf '%s\n' "${answer#* }"
}
egress() { bpftool -j net show dev c | grep -o '"kind":"tcx/egress"' | wc -l; }

client c $SERVER/24 10.9.0.2/24 10.9.0.3/24 10.9.0.9/24 10.9.0.50/24 fd09::2/64
ip address add fd09::1/64 dev c nodad
background server "$tools/kv_server" 3 7000 7001
eventually "the server is ready" grep -qs ready "$scratch/server.log"
expect "without a policy anybody is answered" "$(answered c -s 10.9.0.9 $SERVER 7000 00)" 1

load_file tx --dev c
expect "a program is at the device's egress" "$(egress)" 1
expect "status tells how" "$("$IOPCTL" status "$policy" | grep -c 'tx.*TCX on c')" 1
expect "a friend is answered" "$(answered c -s 10.9.0.3 $SERVER 7000 00)" 1
expect "so is somebody else" "$(answered c -s 10.9.0.50 $SERVER 7000 00)" 1
expect "and over IPv6" "$(answered c fd09::1 7000 00)" 1
expect "who is refused is not" "$(answered c -s 10.9.0.9 $SERVER 7000 00)" ''
expect "but at a port that nobody named" "$(answered c -s 10.9.0.9 $SERVER 7001 00)" 1
expect "friends are counted" "$(counter tx friend seen) $(counter tx friend counted)" '1 1'
expect "drops are" "$(counter tx refused seen) $(counter tx refused dropped)" '1 1'
expect "and what passes" "$(counter tx rest seen) $(counter tx rest passed)" '2 2'
expect "no reply is known to be a scan's" "$(counter tx scan seen)" 0

# Another policy on the same device: both are asked, and each goes on its own.
first=$policy
load_file tx --dev c
expect "two are there" "$(egress)" 2
expect "a friend is answered still" "$(answered c -s 10.9.0.2 $SERVER 7000 00)" 1
expect "both count" "$(counter tx friend seen)" 1
unload_policy
policy=$first
remember
expect "the first one goes on" "$(counter tx friend seen) $(egress)" '2 1'

unload_policy
expect "nothing is at the egress" "$(egress)" 0
expect "who was refused is answered again" "$(answered c -s 10.9.0.9 $SERVER 7000 00)" 1

# A kernel without TCX: a tc filter, and a qdisc for it.
filters() { tc filter show dev c egress | grep -c 'direct-action'; }
qdiscs() { tc qdisc show dev c | grep -c clsact; }
AS=$tools/no_tcx load_file tx --dev c
expect "there is a filter" "$(egress) $(filters) $(qdiscs)" '0 1 1'
expect "status tells how" "$("$IOPCTL" status "$policy" | grep -c 'tx.*tc filter on c')" 1
expect "who is refused is not answered" "$(answered c -s 10.9.0.9 $SERVER 7000 00)" ''
expect "friends are" "$(answered c -s 10.9.0.2 $SERVER 7000 00)" 1
expect "it counts" "$(counter tx friend seen) $(counter tx refused dropped)" '1 1'
unload_policy
expect "both are gone" "$(filters) $(qdiscs)" '0 0'

# Somebody else's are left alone: a filter that came before, one that came later.
compile "$IOP_SOURCE/tests/net" tx
bpftool prog loadall "$scratch/$policy.bpf.o" "/sys/fs/bpf/$policy"
foreign="/sys/fs/bpf/$policy/iop_tx"
tc qdisc add dev c clsact
tc filter add dev c egress pref 7 bpf da object-pinned "$foreign"
AS=$tools/no_tcx load_file tx --dev c
expect "two filters" "$(filters) $(qdiscs)" '2 1'
unload_policy
expect "the foreign one stays" "$(filters) $(qdiscs)" '1 1'
tc qdisc del dev c clsact
AS=$tools/no_tcx load_file tx --dev c
tc filter add dev c ingress pref 7 bpf da object-pinned "$foreign"
unload_policy
expect "and one that came later, with what it needs" \
	"$(filters) $(qdiscs) $(tc filter show dev c ingress | grep -c direct-action)" '0 1 1'
rm -r "${foreign%/*}"

# What no header of a reply tells, the worker does that sends it.
load_file tx_workers --dev c
expect "the reply to a get passes" "$(ask c $SERVER 7000 01)" '0 1'
expect "that to a scan does not" "$(ask c $SERVER 7000 02)" ''
expect "that to a stop does" "$(ask c $SERVER 7000 03)" '2 1'
expect "each is counted for what it is" \
	"$(counter tx get passed) $(counter tx scan dropped) $(counter tx stop counted)" '1 1 1'
expect "a port of nobody's passes" "$(ask c $SERVER 7001 02 | cut -d' ' -f2)" 1
unload_policy

# A worker that has three requests before it answers the first: each reply is of its own's class.
pkill kv_server
sleep 0.2
background one "$tools/kv_server" 1 7000
eventually "one worker is ready" grep -qs ready "$scratch/one.log"
load_file tx_order_of --dev c
pkill -STOP kv_server
for op in 02 01 01; do
	background "ask$op$RANDOM" in_client c "$tools/udp_ask" $SERVER 7000 $op
	sleep 0.1
done
pkill -CONT kv_server
sleep 1.5
expect "of a scan and two gets, the scan's reply is dropped" \
	"$(counter tx scan dropped) $(counter tx get passed) $(counter tx get seen)" '1 2 2'
unload_policy
expect "without the policy, scans are answered" "$(ask c $SERVER 7000 02 | cut -d' ' -f2)" 1
finish
