#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `anywhere`: nginx listens at one address and port of each family and serves whole
# networks and other ports, each connection by the worker that the rules say; where another
# process has a socket, it keeps it; and without the policy all is as it was.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1 SERVER6=fd09::1

write_config() {
	cat <<-END
		user root;
		daemon off;
		worker_processes 2;
		pid $scratch/nginx.pid;
		error_log $scratch/nginx.error;
		events { worker_connections 256; }
		http {
			access_log off;
			client_body_temp_path $scratch/body;
			proxy_temp_path $scratch/proxy;
			fastcgi_temp_path $scratch/fastcgi;
			uwsgi_temp_path $scratch/uwsgi;
			scgi_temp_path $scratch/scgi;
			server {
				listen $SERVER:80 reuseport;
				listen [$SERVER6]:80 reuseport;
				location / { return 200 "\$host"; }
			}
		}
	END
}

# get URL: what comes back, or nothing.
get() { in_client clean curl -s -m 2 "$1" || true; }

client clean $SERVER/24 10.9.0.2/24 fd09::2/64
ip address add $SERVER6/64 dev clean nodad
ip route add local 10.50.0.0/24 dev lo
ip route add local 10.51.0.0/24 dev lo
ip -6 route add local fd50::/64 dev lo
in_client clean ip -6 route add default via $SERVER6
write_config >"$scratch/nginx.conf"
background nginx nginx -c "$scratch/nginx.conf" -e "$scratch/nginx.error"
background redis redis-server --port 8005 --bind 0.0.0.0 --protected-mode no --save '' \
	--appendonly no --dir "$scratch" --daemonize no
background kv "$tools/kv_server" 2 7000
# shellcheck disable=SC2317 # eventually calls it
answers() { [[ $(get http://$SERVER/) == "$SERVER" && $(in_client clean redis-cli -h $SERVER -p 8005 PING) == PONG ]]; }
eventually "the servers answer" answers
expect "nobody is elsewhere" "$(get http://10.50.0.7/)" ''

SED="s|threads exe .*;|threads exe \"$(readlink "/proc/$(pgrep -o nginx)/exe")\";|" \
	load_file anywhere 2>"$scratch/loaded"
expect "which ports are served is said" \
	"$(grep -o 'tcp port 80, too\|tcp port 8000-8004, 8006-8010\|udp port 7001-7003' <"$scratch/loaded" | tr '\n' ' ')" \
	'tcp port 80, too tcp port 8000-8004, 8006-8010 udp port 7001-7003 '
expect "status tells" "$("$IOPCTL" status "$policy" --json | grep -c 'sk_lookup on this network namespace')" 1
expect "what it listens at is served" "$(get http://$SERVER/)" "$SERVER"
expect "another address" "$(get http://10.50.0.7/)" 10.50.0.7
expect "any of that network" "$(get http://10.50.0.200/)" 10.50.0.200
expect "by the worker of the rules" "$(chosen socket far)" '1 2'
expect "of IPv6, too" "$(get 'http://[fd50::abc]/')" '[fd50::abc]'
expect "by its worker" "$(chosen socket far)" '1 3'
expect "another port" "$(get http://$SERVER:8000/)" "$SERVER"
expect "by the worker of the rules" "$(chosen socket near)" '0 2'
expect "an address that no match names is nobody's" "$(get http://10.51.0.7/)" ''
expect "and so is such a port" "$(get http://$SERVER:8011/)" ''
expect "a port that has a socket keeps it" "$(in_client clean redis-cli -h $SERVER -p 8005 PING)" PONG
expect "UDP is given to the sockets, too" "$(ask clean $SERVER 7002 41)" ''
expect "by the worker of the rules" "$(chosen socket log)" '0 1'

# A socket that ends is no longer asked for.
kill -9 "$(pgrep -o -P "$(cat "$scratch/nginx.pid")")"
expect "without a worker's process they are served" "$(get http://10.50.0.9/)" 10.50.0.9
unload
expect "without the policy nobody is elsewhere" "$(get http://10.50.0.7/)" ''
expect "and what it listens at is served" "$(get http://$SERVER/)" "$SERVER"
finish
