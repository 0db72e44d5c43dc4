#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# web.iop before a real nginx of two workers, each bound to a core: a connection goes to the
# worker on the core that has received its SYN, clients that open too many wait, and nobody
# else does.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1 SERVER6=fd09::1

if (($(nproc) < 2)); then
	echo "skipped: a machine with one core has no core that is another's"
	exit 77
fi

write_config() {
	cat <<-END
		user root;
		daemon off;
		worker_processes 2;
		worker_cpu_affinity 01 10;
		pid $scratch/nginx.pid;
		error_log $scratch/nginx.error;
		events { worker_connections 1024; }
		http {
			access_log off;
			client_body_temp_path $scratch/body;
			proxy_temp_path $scratch/proxy;
			fastcgi_temp_path $scratch/fastcgi;
			uwsgi_temp_path $scratch/uwsgi;
			scgi_temp_path $scratch/scgi;
			server {
				listen 0.0.0.0:80 reuseport;
				listen [::]:80 reuseport ipv6only=on;
				root $scratch/www;
			}
		}
	END
}

# get NAME CORE URL COUNT: how many of COUNT connections, opened from that core, are served.
get() {
	in_client "$1" taskset -c "$2" ab -q -n "$4" -c 10 "$3" 2>/dev/null |
		awk '/^Complete requests:/ { n = $3 } /^Failed requests:/ { n -= $3 } END { print n }'
}

client clean $SERVER/24 10.9.0.2/24 fd09::2/64
client greedy 10.9.1.1/24 10.9.1.2/24
ip address add $SERVER6/64 dev clean nodad
mkdir "$scratch/www"
echo hello >"$scratch/www/index.html"
write_config >"$scratch/nginx.conf"
background nginx nginx -c "$scratch/nginx.conf" -e "$scratch/nginx.error"
# shellcheck disable=SC2317 # eventually calls it
answers() { [[ $(in_client clean curl -s "http://$SERVER/") == hello ]]; }
eventually "nginx answers" answers

SED="s|threads .*;|threads exe \"$(readlink "/proc/$(pgrep -o nginx)/exe")\";|" \
	load web --dev clean,greedy --set open_rate=1M/s

expect "status knows both addresses, with two workers each" \
	"$("$IOPCTL" status "$policy" --json | grep -c '"cookie":')" 4
expect "and which process serves which" \
	"$("$IOPCTL" status "$policy" --json | sed -n 's/.*"process": *\([0-9]*\).*/\1/p' | sort -u | wc -l)" 2

# ab opens some connections more than it asks through.
expect "connections from core 0 are served" "$(get clean 0 http://$SERVER/ 200)" 200
zero=$(counter socket opening seen)
between "each was given to a worker" "$zero" 200 210
expect "to the one on its core" "$(chosen socket opening)" "0 $zero"
expect "connections from core 1 are served" "$(get clean 1 http://$SERVER/ 200)" 200
expect "over IPv6 as well" "$(get clean 1 "http://[$SERVER6]/" 100)" 100
one=$(($(counter socket opening seen) - zero))
between "each was given to a worker" "$one" 300 320
expect "to the one on its core" "$(chosen socket opening)" "0 $zero 1 $one"
expect "that is all of them" "$(counter socket opening steered)" $((zero + one))
expect "the driver stage saw them opened" "$(counter rx opening seen)" $((zero + one))
expect "and a request in each" "$(counter rx request seen)" 500
expect "nothing was limited so far" "$(counter rx opening limited)" 0

# A worker that ends takes no socket with it: nginx's main process has them, too.
kill -9 "$(pgrep -P "$(cat "$scratch/nginx.pid")" | head -1)"
# shellcheck disable=SC2317 # eventually calls it
two_workers() { [[ $(pgrep -c -P "$(cat "$scratch/nginx.pid")") == 2 ]]; }
eventually "nginx has another worker" two_workers
expect "without its worker all is served" "$(get clean 0 http://$SERVER/ 100)" 100
unload

SED="s|threads .*;|threads exe \"$(readlink "/proc/$(pgrep -o nginx)/exe")\";|; s|burst 100|burst 20|" \
	load web --dev clean,greedy --set open_rate=50/s
in_client greedy ab -q -n 150 -c 50 http://10.9.1.1/ >"$scratch/greedy" 2>&1 &
waiting=$!
sleep 0.3
start=$(date +%s%N)
expect "beside one that opens too many others are served" "$(get clean 0 http://$SERVER/ 15)" 15
between "at once (ms)" $((($(date +%s%N) - start) / 1000000)) 0 900
wait $waiting || true
between "it was limited" "$(counter rx opening limited)" 1 100000
expect "and served all the same, later" "$(awk '/^Complete requests:/ { print $3 }' "$scratch/greedy")" 150
unload
expect "without the policy all is served" "$(get clean 0 http://$SERVER/ 100)" 100
finish
