#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Stage stack under a load that comes and goes: cores are taken and given back, and each
# flow arrives whole and in order all the while. Over native XDP and over generic XDP.

. "$(dirname "$0")/lib.sh"

cores=$(nproc)
if ((cores < 2)); then
	echo "skipped: a stage of two cores needs two"
	exit 77
fi

# policy_of QUEUE TARGET
policy_of() {
	policy=net_stack_$IOP_NET_ID
	cat >"$scratch/$policy.iop" <<-END
		policy $policy;
		pool net { cores 0-1; }
		workload flood {
		    match udp port 7000;
		    stage stack { cores 1..2 of net; queue $1; target $2; }
		}
	END
	"$IOPC" "$scratch/$policy.iop" -o "$scratch/$policy.bpf.o" || give_up "it does not compile"
}

# of FIELD [CORE]: a number of `iopctl stats` about the stage, or about one of its cores.
of() {
	"$IOPCTL" stats "$policy" --json | awk -v key="\"$1\":" -v core="${2:-}" '
		$1 == "\"stacks\":" { stacks = 1 }
		$1 == "\"core\":" { at = $2; sub(/,$/, "", at) }
		stacks && $1 == key && (core == "" || at == core) {
			value = $2
			sub(/,$/, "", value)
			print value
			exit
		}'
}

# sum FIELD: of both cores.
sum() {
	echo "$(($(of "$1" 0) + $(of "$1" 1)))"
}

# flood DEVICE OPTION…: numbered datagrams to one receiver; sets sent, received and late, and
# how many of them the cores were given, have served and lost.
flood() {
	local name=$1 given_before served_before lost_before
	shift
	given_before=$(sum given) served_before=$(sum served) lost_before=$(sum lost)
	background "receive" "$tools/udp_order" receive "${PORT:-7000}"
	eventually "the receiver is ready" grep -qs ready "$scratch/receive.log"
	sent=$(in_client "$name" "$tools/udp_order" send "$@" | sed -n 's/^sent //p')
	eventually "the receiver is done" grep -qs received "$scratch/receive.log"
	received=$(sed -n 's/^received \([0-9]*\).*/\1/p' "$scratch/receive.log")
	late=$(sed -n 's/.* late \([0-9]*\).*/\1/p' "$scratch/receive.log")
	given=$(($(sum given) - given_before)) served=$(($(sum served) - served_before))
	lost=$(($(sum lost) - lost_before))
	twice=$(sed -n 's/.* twice \([0-9]*\).*/\1/p' "$scratch/receive.log")
}

# ordered WHAT: what a veth has no room for on a busy machine never gets to a program, and a queue
# that was full for a moment is told.
ordered() {
	between "$1: most of it gets to the program" "$given" $((sent * 9 / 10)) "$sent"
	expect "$1: all that was served arrives" "$received" "$served"
	between "$1: nothing else is lost" "$((given - served - lost))" 0 $((lost ? 40 : 0))
	expect "$1: nothing is late or comes twice" "$late $twice" '0 0'
}

client native 10.8.0.1/24 10.8.0.2/24
policy_of 16384 50us
timeout 60 "$IOPCTL" load "$scratch/$policy.bpf.o" --dev native 2>&1 | tee "$scratch/load" ||
	give_up "it cannot be loaded"
expect "a veth has no interrupts, and that is said" \
	"$(grep -c "native has no interrupts of its own" "$scratch/load")" 1
remember
expect "it begins with one core" "$(of cores_in_use)" 1

# Up and down: quiet, a flood, quiet, a flood at random.
flood native 10.8.0.1 7000 50 2000:300 200000:1000 2000:700 200000:700 1000:1000
ordered "in turns"
between "cores were taken" "$(of taken)" 1 100
between "flows moved" "$(of moved)" 1 100000
between "the first core had the quiet times" "$(of given 0)" $((sent / 10)) "$sent"
between "and the other one some of the flood" "$(of given 1)" 100 "$sent"
"$IOPCTL" status "$policy" >"$scratch/status"
expect "status tells the cores in use" \
	"$(grep -c "flood on [12] of 1..2 cores of net (0" "$scratch/status")" 1
flood native --random 10.8.0.1 7000 1000 100000:1500 1000:800
ordered "at random"
# Other work on the machine lets packets wait, too.
for ((i = 0; i < 20 && $(of given-back) == 0; i++)); do
	in_client native "$tools/udp_order" send 10.8.0.1 7000 10 2000:1000 >/dev/null
done
between "and given back" "$(of given-back)" 1 100

# Cores in use changed from outside, all the time, whether packets wait or not.
stages=/sys/fs/bpf/iop/$policy/maps/iop_stacks
restless() {
	local n
	for ((;;)); do
		for n in 1 2; do
			# struct iop_stack: least, most, target, n
			bpftool map update pinned "$stages" key 0 0 0 0 value hex 01 00 00 00 \
				02 00 00 00 00 ca 9a 3b 00 00 00 00 0$n 00 00 00 $zeroes
		done
	done
}
printf -v zeroes '00 %.0s' {1..108}
moved=$(of moved)
background restless restless
flood native --random 10.8.0.1 7000 200 100000:2500
kill "${pids[-2]}"
ordered "restless"
between "restless: flows moved" "$(($(of moved) - moved))" 200 100000000
unload

# Generic XDP: veth refuses the native one where the peer's frames may be too large for it.
client generic 10.9.0.1/24 10.9.0.2/24
policy_of 16384 50us
in_client generic ip link set dev generic0 mtu 9000
ip link set dev generic mtu 9000
timeout 60 "$IOPCTL" load "$scratch/$policy.bpf.o" --dev generic >"$scratch/load" 2>&1 ||
	give_up "it cannot be loaded"
remember
expect "XDP is generic there" "$(grep -c "XDP is generic" "$scratch/load")" 1
flood generic 10.9.0.1 7000 50 2000:300 150000:1000 2000:700 150000:700 1000:1000
ordered "generic"
between "generic: waiting is measured" "$(of measured 0)" 100 "$sent"
between "generic: cores were taken" "$(of taken)" 1 100
between "generic: flows moved" "$(of moved)" 1 100000
unload

# A queue that is too short for the flood: what it loses is counted, and order stays.
policy_of 64 1s
timeout 60 "$IOPCTL" load "$scratch/$policy.bpf.o" --dev native || give_up "it cannot be loaded"
remember
flood native 10.8.0.1 7000 50 200000:1500
expect "a full queue: nothing is late or comes twice" "$late $twice" '0 0'
missing=$((given - received))
between "a full queue: some is lost" "$missing" 100 "$sent"
flood native 10.8.0.1 7000 50 1000:500
expect "behind that: all that was served arrives" "$received" "$served"
expect "behind that: nothing is late or comes twice" "$late $twice" '0 0'
# Told when the next ones have come: those that were lost last carried the stamps.
between "what is lost is told" "$(of lost 0)" $((missing - 40)) "$missing"
unload

# The example: a core more while many talk at once.
load collector --dev native
PORT=8125 flood native --random 10.8.0.1 8125 500 1000:300 100000:1500 1000:300
ordered "collector"
expect "collector: metrics got to the stack's cores" "$(counter rx metric steered)" "$given"
unload
finish
