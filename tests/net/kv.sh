#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kv_udp.iop before a server of four workers, each of which says who it is: keys stay with
# their worker, scans and what is of the administrator go to the last one, what is no
# request is dropped; a worker that dies is missed by nobody for long.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1

# request OP KEY [FLAGS VLEN]: kv's header, numbers big-endian but for the flags.
request() {
	local key=$2
	printf '%02x%02x%s00000001%s%s' "$1" "${#key}" "${3:-0000}" \
		"$(printf '%s' "$key" | od -An -tx1 | tr -d ' \n')" "${4:-0000}"
}
GET=1 SCAN=2 PUT=3

client c $SERVER/24 10.9.0.2/24 fd09::2/64
ip address add fd09::1/64 dev c nodad
background server "$tools/kv_server" 4 7000 7003
eventually "the server is ready" grep -qs ready "$scratch/server.log"

expect "without a policy any request is answered" \
	"$(ask c $SERVER 7000 00ff | wc -w)" 2

load kv_udp --dev c --set scan_rate=20/s

# One key, one worker, whichever port the client and the server have.
first=$(ask c $SERVER 7000 "$(request $GET user:1)")
first=${first% *}
between "a key's worker is one of the first three" "$first" 0 2
for ((i = 0; i < 8; i++)); do
	expect "the key stays with it" "$(ask c $SERVER 700$((i % 2 * 3)) "$(request $GET user:1)")" "$first 1"
done
expect "a write of the key goes there, too" "$(ask c $SERVER 7000 "$(request $PUT user:1)")" "$first 1"
expect "over IPv6 as well" "$(ask c fd09::1 7000 "$(request $GET user:1)")" "$first 1"

used=()
for ((i = 0; i < 40; i++)); do
	answer=$(ask c $SERVER 7000 "$(request $GET "user:$i")")
	used[${answer% *}]=1
done
expect "40 keys use the first three workers" "${!used[*]}" '0 1 2'

expect "the administrator's key goes to the last" \
	"$(ask c $SERVER 7003 "$(request 9 admin/stop 0080)")" '3 1'
expect "scans do" "$(ask c $SERVER 7000 "$(request $SCAN user:)")" '3 1'
expect "half a request is dropped" "$(ask c $SERVER 7000 01)" ''
expect "a write that is too large is dropped" \
	"$(ask c $SERVER 7000 "$(request $PUT user:1 0000 1000)")" ''
expect "both are counted" "$(counter rx rest dropped)" 2
expect "and seen as they come" "$(counter rx rest counted)" 2

answers=$(ask c -n 300 $SERVER 7000 "$(request $SCAN user:)")
between "of 300 scans at once those of the burst get through" "${answers#3 }" 60 90
expect "the others are counted" "$(counter rx scan limited)" "$((301 - $(counter rx scan passed)))"
expect "gets are steered to cores" "$(counter rx get steered)" "$(counter rx get seen)"
expect "and given to workers" "$(counter socket get steered)" "$(counter socket get seen)"

# The last worker dies. What was meant for it goes where the kernel likes.
pkill -KILL -n kv_server
sleep 2 # the scans' rate allows some again
answer=$(ask c $SERVER 7000 "$(request $SCAN user:)")
between "a scan is answered by one of those that are left" "${answers:+${answer% *}}" 0 2
between "which is counted" "$(counter socket scan fallback)" 1 9
expect "the keys stay where they were" "$(ask c $SERVER 7000 "$(request $GET user:1)")" "$first 1"
expect "status tells" "$("$IOPCTL" status "$policy" | grep -c '^health: *well')" 0

unload
expect "without the policy any request is answered again" \
	"$(ask c $SERVER 7000 00ff | wc -w)" 2
finish
