#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# least_loaded over TCP, before nginx: a new connection goes to the worker that has the fewest
# open; those that are equal have turns; what was closed no longer counts, and what was never
# established never did.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1 FIRST=10.9.0.5

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
			server { listen 0.0.0.0:80 reuseport; }
		}
	END
}

# hold N ADDRESS: opens connections, one after the other, and keeps them; $held is the process.
hold() {
	: >"$scratch/held"
	nsenter --net="/proc/${client_pid[clean]}/ns/net" -- timeout 60 bash -c '
		for ((i = 0; i < $1; i++)); do
			exec {fd}<>"/dev/tcp/$2/80" && echo >>"$3" && sleep 0.05
		done
		read -r -t 60 <>"$4"' - "$1" "$2" "$scratch/held" "$scratch/never" &
	held=$!
	pids+=("$held")
	eventually "$1 connections are open" are_held "$1"
}
# shellcheck disable=SC2317 # eventually calls it
are_held() { [[ $(wc -l <"$scratch/held") == "$1" ]]; }

# Connections that the server has not closed.
# shellcheck disable=SC2317 # eventually calls it
still_open() {
	[[ $(ss -Htn state established state close-wait "( sport = :80 )" | wc -l) == "$1" ]]
}

# rose CLASS: by how much each worker was chosen more often than the last time.
declare -A last=()
rose() {
	local now=() i text=
	read -ra now <<<"$(chosen socket "$1") "
	for ((i = 0; i < ${#now[@]}; i += 2)); do
		local key=$1.${now[i]} n=${now[i + 1]}
		((n == ${last[$key]:-0})) || text+="${text:+ }${now[i]} $((n - ${last[$key]:-0}))"
		last[$key]=$n
	done
	echo_rose=$text
}



client clean $SERVER/24 10.9.0.2/24
ip address add $FIRST/24 dev clean
mkfifo "$scratch/never"
write_config >"$scratch/nginx.conf"
background nginx nginx -c "$scratch/nginx.conf" -e "$scratch/nginx.error"
# shellcheck disable=SC2317 # eventually calls it
answers() { [[ $(in_client clean curl -s -o /dev/null -w '%{http_code}' "http://$SERVER/") == [0-9]* ]]; }
eventually "nginx answers" answers

SED="s|threads exe .*;|threads exe \"$(readlink "/proc/$(pgrep -o nginx)/exe")\";|" \
	load_file connections
expect "status tells" "$("$IOPCTL" status "$policy" --json | grep -c 'tracepoint inet_sock_set_state')" 1

hold 6 $FIRST
first=$held
rose first
expect "all at one worker" "$echo_rose" '0 6'
hold 6 $SERVER
rest=$held
rose rest
expect "as many go to the other one" "$echo_rose" '1 6'
hold 4 $SERVER
more=$held
rose rest
expect "then each has its turn" "$echo_rose" '0 2 1 2'

kill "$first"
wait "$first" 2>/dev/null || true
eventually "the first six are closed" still_open 10
hold 5 $SERVER
rose rest
expect "what was closed does not count" "$echo_rose" '0 5'
kill "$rest" "$more" "$held"
wait "$rest" "$more" "$held" 2>/dev/null || true
eventually "all are closed" still_open 0
in_client clean ab -q -n 200 -c 4 http://$SERVER/ >/dev/null 2>&1 || true
rose rest
read -ra share <<<"$echo_rose"
between "nothing is left of them: both serve" "${share[1]:-0}" 60 160
between "both" "${share[3]:-0}" 60 160
unload
finish
