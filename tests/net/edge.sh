#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# edge.iop before nginx with TLS, and before four UDP sockets that stand for a QUIC server's
# workers: names that are not the site's get no handshake, connection ids lead to their worker
# from whatever address.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1

for program in nginx openssl curl; do
	if ! command -v "$program" >/dev/null; then
		echo "skipped: $program is not installed (scripts/setup)"
		exit 77
	fi
done

write_config() {
	cat <<-END
		worker_processes 1;
		pid $scratch/nginx.pid;
		user root;
		error_log $scratch/error.log;
		daemon off;
		events { }
		http {
			access_log off;
			server {
				listen $SERVER:443 ssl;
				ssl_certificate $scratch/cert.pem;
				ssl_certificate_key $scratch/key.pem;
				return 200 "hello";
			}
		}
	END
}

# fetch NAME [OPTION…]: what is answered to one who asks for a server of that name.
fetch() {
	local name=$1
	shift
	in_client c curl -sk -m 2 "$@" --resolve "$name:443:$SERVER" "https://$name/" || true
}

client c $SERVER/24 10.9.0.2/24 10.9.0.3/24
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=www.example.org -days 2 \
	-keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null
write_config >"$scratch/nginx.conf"
background nginx nginx -p "$scratch" -e "$scratch/error.log" -c "$scratch/nginx.conf"
background server "$tools/kv_server" 4 443
eventually "the server of datagrams is ready" grep -qs ready "$scratch/server.log"
# shellcheck disable=SC2317 # eventually calls it
answers() { [[ $(fetch www.example.org) == hello ]]; }
eventually "nginx answers" answers
expect "without a policy to any name" "$(fetch other.example.com)" hello

SED='s|threads exe .*|threads comm "kv_server";|' load edge --dev c

# TLS: what OpenSSL's client says first.
expect "the site's names are answered" "$(fetch www.example.org)" hello
expect "in capitals, too" "$(fetch WWW.Example.ORG)" hello
expect "those of a pattern" "$(fetch a7.cdn.example.org)" hello
expect "with HTTP/1.1 as well as with HTTP/2" "$(fetch api.example.org --http1.1)" hello
expect "with TLS 1.2" "$(fetch www.example.org --tls-max 1.2)" hello
expect "each was seen" "$(counter rx ours seen)" 5
expect "another name gets nothing" "$(fetch other.example.com)" ''
between "its ClientHello was dropped" "$(counter rx foreign dropped)" 1 10
expect "no name gets a handshake: nothing can be said of it" \
	"$(in_client c curl -sk -m 2 https://$SERVER/ || true)" hello

# QUIC: a short header with an id that begins with a worker's number, from any address.
for worker in 0 1 2 3; do
	expect "an id of worker $worker leads there" \
		"$(ask c $SERVER 443 "40 0$worker 61626364656667 00 00 00 00")" "$worker 1"
	expect "a long header with it, too" \
		"$(ask c $SERVER 443 "e0 00000001 08 0$worker 61626364656667 04 01020304 00")" "$worker 1"
	expect "from another address" \
		"$(ask c -s 10.9.0.3 $SERVER 443 "40 0$worker 61626364656667 00 00 00 00")" "$worker 1"
done
first='c0 00000001 0a 0102030405060708090a 04 01020304 00 4000'
expect "what opens a connection is answered" \
	"$(ask c $SERVER 443 "$first" | wc -w)" 2
expect "and seen as that" "$(counter rx open seen)" 1

unload
expect "without the policy any name is answered" "$(fetch other.example.com)" hello
finish
