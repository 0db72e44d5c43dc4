#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tenants.iop before a server of all its ports: each tenant has its kind's treatment and a limit
# and counters of its own, though they share their code.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1
HELLO=3c31333e68656c6c6f20776f726c64

# answered OPTION… : how many answers came.
answered() {
	local answer
	answer=$(ask in "$@")
	printf '%s\n' "${answer#* }"
}

client in $SERVER/24 10.9.0.2/24 203.0.113.8/32 203.0.113.9/32 fd09::2/64 2001:db8:bad::7/128
ip address add fd09::1/64 dev in nodad
ip route add 203.0.113.8/32 dev in
ip route add 203.0.113.9/32 dev in
ip -6 route add 2001:db8:bad::7/128 dev in
background server "$tools/kv_server" 1 5300 5345 5420 5431 5499 5500
eventually "the server is ready" grep -qs ready "$scratch/server.log"

load tenants --dev in

expect "gold is served" "$(answered -s 10.9.0.2 $SERVER 5300 $HELLO)" 1
expect "silver is served" "$(answered -s 10.9.0.2 $SERVER 5345 $HELLO)" 1
expect "over IPv6 as well" "$(answered -s fd09::2 fd09::1 5345 $HELLO)" 1
expect "a neighbour of an abusive one is" "$(answered -s 203.0.113.9 $SERVER 5300 $HELLO)" 1
expect "an abusive one is not" "$(answered -s 203.0.113.8 $SERVER 5300 $HELLO)" ''
expect "nor over IPv6" "$(answered -s 2001:db8:bad::7 fd09::1 5499 $HELLO)" ''
expect "nobody's port is left alone" "$(answered -s 203.0.113.8 $SERVER 5500 $HELLO)" 1

# The first basic tenant has a burst of 5 and 10 a second, the second 10 and 20, the last 40 and 80.
between "of 100 to the first, the burst" "$(answered -n 100 $SERVER 5420 $HELLO)" 5 8
between "of 100 to the second, twice as many" "$(answered -n 100 $SERVER 5431 $HELLO)" 10 14
between "of 100 to the last, its own" "$(answered -n 100 $SERVER 5499 $HELLO)" 40 55

# of TENANT CLASS COUNTER
of() {
	"$IOPCTL" stats "$policy" --json | tr -d ' \n' |
		grep -o "\"workload\":\"$1\",\"class\":\"$2\"[^}]*" | head -1 | sed -n "s/.*\"$3\":\([0-9]*\).*/\1/p"
}
stats=$("$IOPCTL" stats "$policy" --json)
expect "each is counted for itself" "$(grep -c '"seen"' <<<"$stats" | sed 's/^[1-9][0-9]*$/some/')" some
between "the first tenant was asked" "$(of meadow request seen)" 100 100
between "and the last" "$(of tundra request seen)" 100 100
between "and had its abusive one" "$(of tundra bad dropped)" 1 1

unload
expect "without the policy, the abusive is served" "$(answered -s 203.0.113.8 $SERVER 5300 $HELLO)" 1
finish
