#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two policies at once: on devices of their own and with sockets of their own both hold, each
# with its own counters; the same device or the same sockets are refused with both names and
# lines, and what is loaded stays as it was.

. "$(dirname "$0")/lib.sh"

HELLO=3c31333e68656c6c6f20776f726c64

answered() {
	local answer
	answer=$(ask "$@")
	printf '%s\n' "${answer#* }"
}

# refused FILE OPTION…: loading it fails, and says so; prints what it says.
refused() {
	local said
	if said=$(timeout 60 "$IOPCTL" load "$@" 2>&1); then
		printf 'it was loaded: %s\n' "$said"
	else
		printf '%s\n' "$said"
	fi
}

client in 10.9.0.1/24 10.9.0.2/24
client out 10.8.0.1/24 10.8.0.2/24
background server "$tools/kv_server" 1 514 515 7001
eventually "the server is ready" grep -qs ready "$scratch/server.log"

policy_text() { # NAME PORT STAGES
	printf 'policy %s;\nworkload w {\n    match udp port %s;\n    threads comm "kv_server";\n' "$1" "$2"
	printf '    class long when payload.len > 100;\n    class rest;\n%s\n}\n' "$3"
}
rx='    stage rx { long -> drop; all -> count; }'
socket='    stage socket { all -> worker 0; }'
# make NAME PORT STAGES
make() {
	local name=net_two_$1_$IOP_NET_ID
	names+=("$name")
	policy_text "$name" "$2" "$3" >"$scratch/$1.iop"
	"$IOPC" "$scratch/$1.iop" -o "$scratch/$1.o" || give_up "it does not compile"
}
make first 514 "$rx
$socket"
make second 515 "$rx
$socket"
make third 7001 "$rx"
make fourth 514 "$socket"

timeout 60 "$IOPCTL" load "$scratch/first.o" --dev in || give_up "the first cannot be loaded"
timeout 60 "$IOPCTL" load "$scratch/second.o" --dev out || give_up "the second cannot be loaded"
policy=net_two_first_$IOP_NET_ID
expect "the first is asked" "$(answered in 10.9.0.1 514 $HELLO)" 1
expect "and counts" "$(counter rx rest seen) $(counter socket rest steered)" '1 1'
policy=net_two_second_$IOP_NET_ID
expect "the second has seen nothing of it" "$(counter rx rest seen) $(counter socket rest seen)" '0 0'
expect "it is asked as well" "$(answered out -n 3 10.8.0.1 515 $HELLO)" 3
expect "and counts" "$(counter rx rest seen) $(counter socket rest steered)" '3 3'
expect "a port of the other's device is nobody's" "$(answered in 10.9.0.1 515 $HELLO)" 1
expect "and is not counted at the driver" "$(counter rx rest seen)" 3

said=$(refused "$scratch/third.o" --dev in)
expect "the same device is refused with both names" \
	"$(grep -c "policy net_two_first_$IOP_NET_ID is loaded on in; policy net_two_third_$IOP_NET_ID cannot be, too" <<<"$said")" 1
expect "and both lines" "$(grep -c 'third.iop:7:' <<<"$said") $(grep -c 'asks for it at first.iop:7' <<<"$said")" '1 1'
said=$(refused "$scratch/fourth.o")
expect "the same sockets are refused with both names" \
	"$(grep -c "belong to policy net_two_first_$IOP_NET_ID; policy net_two_fourth_$IOP_NET_ID cannot have them, too" <<<"$said")" 1
expect "and both lines" "$(grep -c 'fourth.iop:7:' <<<"$said") $(grep -c 'asks for it at first.iop:8' <<<"$said")" '1 1'
expect "both are loaded still" "$("$IOPCTL" status 2>/dev/null | grep -c "net_two_.*_$IOP_NET_ID")" 2

"$IOPCTL" unload "net_two_first_$IOP_NET_ID" || give_up "the first cannot be unloaded"
expect "the second goes on without the first" "$(answered out -n 2 10.8.0.1 515 $HELLO)" 2
expect "and counts on" "$(counter rx rest seen)" 5
timeout 60 "$IOPCTL" load "$scratch/third.o" --dev in || give_up "there is no room for the third"
"$IOPCTL" unload "net_two_third_$IOP_NET_ID" || give_up "the third cannot be unloaded"
policy=net_two_second_$IOP_NET_ID
remember
unload
finish
