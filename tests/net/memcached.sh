#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kv.iop before a real memcached, over UDP and TCP: reads over UDP are answered as many as an
# address may ask for, nothing else over UDP; over TCP all but what is the administrator's.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1

if ! command -v memcached >/dev/null; then
	echo "skipped: memcached is not installed (scripts/setup)"
	exit 77
fi

# hex TEXT, with escapes as printf has them
hex() {
	# shellcheck disable=SC2059 # escapes are meant
	printf "$1" | od -An -v -tx1 | tr -d ' \n'
}

# udp NAME TEXT: what is answered, the frame left out; nothing after a second.
udp() {
	in_client "$1" bash -c '
		exec 3<>"/dev/udp/$1/11211"
		printf "\0\1\0\0\0\1\0\0$2" >&3
		timeout 1 dd bs=1500 count=1 status=none <&3 | tail -c +9 | head -n 1 | tr -d "\r"
	' udp "$SERVER" "$2" 2>/dev/null || true
}

# tcp NAME TEXT: the first line that is answered.
tcp() {
	in_client "$1" bash -c '
		exec 3<>"/dev/tcp/$1/11211"
		printf "$2" >&3
		timeout 1 head -n 1 <&3 | tr -d "\r"
	' tcp "$SERVER" "$2" 2>/dev/null || true
}

client c $SERVER/24 10.9.0.2/24 10.9.0.3/24
background memcached memcached -u root -l $SERVER -p 11211 -U 11211 -t 2
# shellcheck disable=SC2317 # eventually calls it
answers() { [[ $(tcp c 'version\r\n') == VERSION* ]]; }
eventually "memcached answers" answers
expect "a value is stored" "$(tcp c 'set user:1 0 0 5\r\nhello\r\n')" STORED
expect "without a policy anything is answered over UDP" \
	"$(udp c 'version\r\n' | cut -d ' ' -f 1)" VERSION

load kv --dev c --set read_rate=5/s

expect "a read over UDP is answered" "$(udp c 'get user:1\r\n')" 'VALUE user:1 0 5'
expect "it was steered" "$(counter rx read steered)" 1
expect "anything else is not" "$(udp c 'version\r\n')" ''
expect "it is dropped" "$("$IOPCTL" stats "$policy" --json | grep -c '"dropped": [1-9]')" 1

expect "reads and writes over TCP are answered" "$(tcp c 'set user:2 0 0 2\r\nhi\r\n')" STORED
expect "a write is seen as one" "$(counter rx write seen)" 1
expect "a read" "$(tcp c 'get user:2\r\n')" 'VALUE user:2 0 2'
expect "what the administrator says is not heard" "$(tcp c 'flush_all\r\n')" ''
between "it comes again and again" "$(counter rx admin dropped)" 1 10
expect "so all is still there" "$(udp c 'get user:1\r\n')" 'VALUE user:1 0 5'

# 50 at once, 5 a second.
in_client c "$tools/udp_flood" $SERVER 11211 1000 2 \
	"$(hex '\0\1\0\0\0\1\0\0get user:1\r\n')" >"$scratch/flood" || true
between "of a flood the rate gets through" "$(counter rx read steered)" 40 90
between "and the rest does not" "$(counter rx read limited)" 500 2100

unload
expect "without the policy all is heard" "$(udp c 'version\r\n' | cut -d ' ' -f 1)" VERSION
finish
