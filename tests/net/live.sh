#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Params while their policy runs: a limit that gets another rate under traffic, conditions
# that follow a live param at both stages and in each group of sockets, and everything that
# `iopctl set` refuses. And a param that is not live: what the programs do not need with
# its value is not in them once the kernel has loaded them.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1
policy=net_live_$IOP_NET_ID

cat >"$scratch/live.iop" <<END
policy $policy;

param pace  = 1/s live;
param tight = 1/s;
param small = 4 live;
param last  = 0 live;
param deep  = 0;

workload echo {
    match   udp port 7000-7001;
    threads exe "$tools/kv_server";

    class tiny  when payload.len < small;
    class close when last == 1 and payload.len == 6;
    class deep  when deep == 1 and payload contains "needle in a haystack" within 64;
    class rest;

    stage rx {
        rest -> limit pace burst 10;
        deep -> limit tight;
        close -> count;
    }
    stage socket {
        tiny  -> worker 0;
        close -> worker 1;
    }
}
END

# set PARAM=VALUE…: what iopctl says, in one line.
set_params() {
	"$IOPCTL" set "$policy" "$@" 2>&1 | tr -s ' \n' ' ' | sed 's/ $//'
	return "${PIPESTATUS[0]}"
}

# refused WHAT CODE PATTERN PARAM=VALUE…
refused() {
	local what=$1 code=$2 pattern=$3 said rc=0
	shift 3
	said=$(set_params "$@") || rc=$?
	expect "$what is refused" "$rc" "$code"
	expect "with the reason" "$(grep -cE "$pattern" <<<"$said")" 1
}

# answered COUNT HEX: how many of so many are answered.
answered() {
	ask c -n "$1" $SERVER 7000 "$2" | awk '{ for (i = 2; i <= NF; i += 2) n += $i } END { print n + 0 }'
}

# value PARAM: as status has it.
value() {
	"$IOPCTL" status "$policy" | awk -v name="$1" '$1 == name { print $2, $3, $4 }'
}

client c $SERVER/24 10.9.0.2/24
background server "$tools/kv_server" 2 7000 7001
eventually "the server is ready" grep -qs ready "$scratch/server.log"

"$IOPC" "$scratch/live.iop" -o "$scratch/live.bpf.o" || give_up "it does not compile"
"$IOPCTL" load "$scratch/live.bpf.o" --dev c --set small=5 || give_up "it cannot be loaded"
remember
expect "status knows what is live" "$(value pace);$(value tight);$(value small)" \
	"1/s policy yes;1/s policy no;5 --set yes"

# --- a rate ---
between "a burst is all that the slow rate allows" "$(answered 40 "$(printf '%020d' 0)")" 10 12
expect "a faster one" "$(set_params pace=1k/s)" 'NAME VALUE WAS pace 1k/s 1/s'
answered 1 "$(printf '%020d' 0)" >/dev/null # pays for the old rate's debt
in_client c "$tools/udp_flood" $SERVER 7000 400 2 "$(printf '%020d' 0)" >/dev/null
passed=$(counter rx rest passed)
between "lets a flood through that is slower" "$passed" 700 900
expect "a slower one again" "$(set_params pace=2/s)" 'NAME VALUE WAS pace 2/s 1k/s'
in_client c "$tools/udp_flood" $SERVER 7000 400 2 "$(printf '%020d' 0)" >/dev/null
between "holds it back" "$(($(counter rx rest passed) - passed))" 1 20

# --- conditions, at both stages and in both groups ---
for port in 7000 7001; do
	expect "what is not small has no worker of its own" \
		"$(counter socket tiny steered)" "$((port == 7000 ? 0 : 1))"
	expect "smaller than 5 is" "$(ask c $SERVER $port 00000000)" '0 1'
done
expect "two at once" "$(set_params last=1 small=6)" \
	'NAME VALUE WAS small 6 5 last 1 0'
for port in 7000 7001; do
	expect "5 bytes are small now" "$(ask c $SERVER $port 0000000000)" '0 1'
	expect "6 bytes are close now" "$(ask c $SERVER $port 000000000000)" '1 1'
done
expect "rx has seen them alike" "$(counter rx tiny seen) $(counter rx close counted)" '4 2'
expect "status tells" "$(value last);$(value small)" '1 set yes;6 set yes'
expect "as JSON" "$("$IOPCTL" set "$policy" small=7 --json | tr -d ' \n')" \
	"{\"policy\":\"$policy\",\"params\":[{\"name\":\"small\",\"value\":7,\"was\":6}]}"

# --- what is refused ---
refused "a constant" 2 'param tight is a constant .*it is not live.*--set tight=5/s' tight=5/s
refused "a value out of bounds" 2 'param pace cannot be 2G/s: its uses allow 1/s to 1G/s' pace=2G/s
refused "a value that does not fit the field" 2 'param small cannot be 65536' small=65536
refused "a unit of another kind" 2 'param pace: "5ms" is not a rate' pace=5ms
refused "an unknown param" 2 'has no param pase.*it has: pace, tight, small, last, deep' pase=5/s
refused "no value" 2 '"pace" sets nothing' pace
refused "one bad of two" 2 'has no param x' pace=7/s x=1
expect "and the good one is as it was" "$(value pace)" '2/s set yes'
rc=0
"$IOPCTL" set "${policy}x" pace=1/s >"$scratch/said" 2>&1 || rc=$?
expect "a policy that is not there" "$rc $(grep -c 'no policy' "$scratch/said")" '3 1'

# --- killed between the record and the value ---
name=/sys/fs/bpf/iop/$policy/maps/data_live
expect "the policy is well" "$("$IOPCTL" status "$policy" | grep -c '^health: *well')" 1
size=$(bpftool -j map show pinned "$name" | sed -n 's/.*"bytes_value":\([0-9]*\).*/\1/p')
# shellcheck disable=SC2046 # a word a byte
bpftool map update pinned "$name" key 0 0 0 0 value $(printf '0 %.0s' $(seq "$size")) ||
	give_up "the values cannot be changed behind its back"
expect "values that are not the record's are told" \
	"$("$IOPCTL" status "$policy" | grep -c 'iopctl set .* pace=2/s')" 1
expect "and mended" "$(set_params pace=2/s small=7 last=1)" \
	'NAME VALUE WAS pace 2/s 2/s small 7 7 last 1 1'
expect "then it is well again" "$("$IOPCTL" status "$policy" | grep -c '^health: *well')" 1
unload

# --- constants ---
policy=net_live_$IOP_NET_ID
# instructions VALUE: of the rx program, with the param `deep`.
instructions() {
	"$IOPCTL" load "$scratch/live.bpf.o" --dev c --set deep="$1" >/dev/null || return
	bpftool -j prog show pinned "/sys/fs/bpf/iop/$policy/programs/rx" |
		sed -n 's/.*"bytes_xlated":\([0-9]*\).*/\1/p'
	"$IOPCTL" unload "$policy" >/dev/null
}
without=$(instructions 0) with=$(instructions 1)
between "a class that a constant rules out is not in the program" \
	"$((with - without))" 200 100000
policy=
finish
