#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# dns_edge.iop before a real nsd of four servers, asked by dnsperf: each kind of query
# goes where the policy says, a flood is limited for its sender and for nobody else, and
# all is answered.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1 SERVER6=fd09::1

write_config() {
	cat <<-END
		server:
			server-count: 4
			reuseport: yes
			ip-address: $SERVER
			ip-address: $SERVER6
			username: ""
			zonesdir: "$scratch"
			database: ""
			pidfile: "$scratch/nsd.pid"
			zonelistfile: "$scratch/zone.list"
			xfrdfile: "$scratch/xfrd.state"
			xfrdir: "$scratch"
			refuse-any: no
			rrl-ratelimit: 0
		remote-control:
			control-enable: no
		zone:
			name: example.org
			zonefile: example.org.zone
	END
}

write_zone() {
	cat <<-'END'
		$ORIGIN example.org.
		$TTL 3600
		@ SOA ns1 hostmaster 1 3600 900 604800 3600
		@ NS ns1
		@ MX 10 mail
		@ TXT "text"
		ns1 A 192.0.2.2
		mail A 192.0.2.4
		www A 192.0.2.5
		www AAAA 2001:db8::5
	END
}

# query NAME SERVER COUNT QUERY…: how many of COUNT times these queries are answered. A few
# at a time, from several ports.
query() {
	local name=$1 server=$2 count=$3
	shift 3
	printf '%s\n' "$@" >"$scratch/queries"
	in_client "$name" dnsperf -s "$server" -d "$scratch/queries" -n "$count" -q 20 -c 10 -t 2 \
		2>/dev/null | awk '/Queries completed:/ { print $3 }'
}

client clean $SERVER/24 10.9.0.2/24 fd09::2/64
client flood 10.9.1.1/24 10.9.1.2/24 10.9.1.3/24
ip address add $SERVER6/64 dev clean nodad
write_config >"$scratch/nsd.conf"
write_zone >"$scratch/example.org.zone"
nsd-checkconf "$scratch/nsd.conf" >/dev/null 2>&1 || sed -i '/database:/d' "$scratch/nsd.conf"
background nsd nsd -d -c "$scratch/nsd.conf"
# shellcheck disable=SC2317 # eventually calls it
answers() { [[ $(query clean "$SERVER" 1 'www.example.org A') == 1 ]]; }
eventually "nsd answers" answers

# Each of nsd's processes may have a name of its own: the program's path finds all.
SED="s|threads .*;|threads exe \"$(readlink "/proc/$(pgrep -n nsd)/exe")\";|" \
	load dns_edge --dev clean,flood --set costly_rate=100/s --set junk_rate=100/s

expect "status knows both addresses, with four workers each" \
	"$("$IOPCTL" status "$policy" --json | grep -c '"cookie":')" 8

cheap=('www.example.org A' 'www.example.org AAAA' 'example.org NS' 'example.org SOA' 'example.org MX')
expect "cheap queries are answered" "$(query clean $SERVER 200 "${cheap[@]}")" 1000
expect "the driver stage saw them" "$(counter rx cheap seen)" 1000
expect "and steered them" "$(counter rx cheap steered)" 1000
expect "the socket stage, too" "$(counter socket cheap seen)" 1000
expect "they were given to workers" "$(counter socket cheap steered)" 1000
workers=$(chosen socket cheap)
expect "to the first three, all of them" "$(sed 's/ [0-9]* */ /g; s/ $//' <<<"$workers")" '0 1 2'
expect "over IPv6 as well" "$(query clean $SERVER6 20 "${cheap[@]}")" 100
expect "which counts, too" "$(counter socket cheap steered)" 1100

expect "costly queries are answered" "$(query clean $SERVER 10 'example.org TXT' 'example.org ANY')" 20
expect "by the last worker" "$(chosen socket costly)" '3 20'
expect "what is neither is answered" "$(query clean $SERVER 10 'www.example.org CNAME' 'nothing.example.org SRV')" 20
expect "by the last worker" "$(chosen socket junk)" '3 20'
expect "nothing was limited so far" "$(($(counter rx costly limited) + $(counter rx junk limited)))" 0

# Two seconds of 5,000 ANY queries a second: 50 at once and 100 a second are let through.
ANY='0001 0000 0001 0000 0000 0000 07 6578616d706c65 03 6f7267 00 00ff 0001'
sleep 1 # the limit's burst is whole again
before=$(counter rx costly steered)
in_client flood "$tools/udp_flood" $SERVER 53 5000 2 "$ANY" >"$scratch/flood" || true
sent=$(sed 's/ .*//' "$scratch/flood")
passed=$(($(counter rx costly steered) - before))
between "of a flood the rate gets through" "$passed" 150 350
between "and all else is dropped" "$(($(counter rx costly limited) + passed))" $((sent * 9 / 10)) "$sent"
# Some may be on their way, or lost where a core of a busy machine is waited for.
met=$(chosen socket costly)
between "what got through met the last worker" "${met#3 }" $((20 + passed / 2)) $((20 + passed))

# While it lasts, nobody else notices.
in_client flood "$tools/udp_flood" $SERVER 53 5000 4 "$ANY" >/dev/null &
sleep 0.5
expect "beside a flood cheap queries are answered" "$(query clean $SERVER 200 "${cheap[@]}")" 1000
expect "and costly ones of another sender" "$(query clean $SERVER 10 'example.org TXT')" 10
wait $!

unload
expect "without the policy all is answered" "$(query clean $SERVER 20 "${cheap[@]}" 'example.org ANY')" 120
finish
