#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# edge_filter.iop before a server that knows nothing of it: who is inside, outside, noisy
# or tagged is told by the frame alone, and what is dropped never reaches the server.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1 OUTSIDE=203.0.113.1
LINE=3c31333e68656c6c6f20776f726c64 # "<13>hello world"
NTP=23000000

# answered NAME OPTION… : how many answers came.
answered() {
	local answer
	answer=$(ask "$@")
	printf '%s\n' "${answer#* }"
}

client in $SERVER/24 10.9.0.2/24 10.66.0.7/32 10.67.1.200/32 10.67.2.1/32 fd09::2/64
client out 203.0.113.1/24 203.0.113.9/24 203.0.113.10/24
ip address add fd09::1/64 dev in nodad
for source in 10.66.0.7 10.67.1.200 10.67.2.1; do
	ip route add "$source/32" dev in
done
background server "$tools/kv_server" 1 514 123 11123 515
eventually "the server is ready" grep -qs ready "$scratch/server.log"
expect "without a policy, outside gets an answer" "$(answered out $OUTSIDE 514 $LINE)" 1

load edge_filter --dev in --dev out

expect "a line from inside is answered" "$(answered in -s 10.9.0.2 $SERVER 514 $LINE)" 1
expect "over IPv6 as well" "$(answered in fd09::1 514 $LINE)" 1
expect "a line from outside is not" "$(answered out $OUTSIDE 514 $LINE)" ''
expect "a line of seven bytes is not" "$(answered in -s 10.9.0.2 $SERVER 514 20202020202020)" ''
expect "an empty one is not" "$(answered in -s 10.9.0.2 $SERVER 514 '')" ''
expect "they are counted as such" \
	"$(counter rx outside dropped) $(counter rx tiny dropped) $(counter rx normal seen)" '1 2 2'
expect "a port that nobody named is left alone" "$(answered out $OUTSIDE 515 $LINE)" 1

# Each source has a limit of its own: 20 at once, then 100 a second.
for source in 10.66.0.7 10.67.1.200 10.67.2.1; do
	between "of 200 lines of $source at once, the burst" \
		"$(answered in -s $source -n 200 $SERVER 514 $LINE)" 20 40
done
between "200 lines of a quiet host all pass" \
	"$(answered in -s 10.9.0.2 -n 200 $SERVER 514 $LINE)" 200 200
steered=$(counter rx noisy steered)
expect "what was too much is counted" "$(counter rx noisy limited)" "$((600 - ${steered:-0}))"

between "time from inside has no limit" "$(answered in -s 10.9.0.2 -n 200 $SERVER 123 $NTP)" 200 200
expect "and is passed as it is" "$(counter rx own passed)" 200
between "from outside it has: the burst" "$(answered out -s 203.0.113.9 -n 50 $OUTSIDE 123 $NTP)" 5 8
between "but for each" "$(answered out -s 203.0.113.10 -n 50 $OUTSIDE 11123 $NTP)" 5 8

unload
expect "without the policy, outside gets an answer again" "$(answered out $OUTSIDE 514 $LINE)" 1
finish
