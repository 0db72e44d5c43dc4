#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# redis.iop before a real redis-server: a client's slow commands are limited, which makes it
# wait, its own quick ones and those of others are not, and nothing is lost for good.

. "$(dirname "$0")/lib.sh"

SERVER=10.9.0.1

client clean $SERVER/24 10.9.0.2/24
client greedy 10.9.1.1/24 10.9.1.2/24
background redis redis-server --port 6379 --bind 0.0.0.0 --protected-mode no --save '' \
	--appendonly no --dir "$scratch" --daemonize no
# redis NAME ARGUMENT…: the client, from there.
redis() { in_client "$1" redis-cli -h $SERVER "${@:2}"; }
# shellcheck disable=SC2317 # eventually calls it
answers() { [[ $(redis clean PING 2>/dev/null) == PONG ]]; }
eventually "redis answers" answers

load redis --dev clean,greedy

expect "a key is set" "$(redis clean SET user:1 hello)" OK
expect "and read" "$(redis clean GET user:1)" hello
expect "a walk is seen" "$(redis clean KEYS 'user:*')" user:1
expect "for what it is" "$(counter rx slow seen)" 1
expect "however it is written" "$(redis clean keys 'user:*')" user:1
expect "for what it is" "$(counter rx slow seen)" 2
expect "nothing was limited so far" "$(counter rx slow limited)" 0
before=$(counter rx slow seen)
in_client clean redis-benchmark -h $SERVER -q -t set,get -n 2000 -c 10 >"$scratch/benchmark" 2>&1
expect "a benchmark is served" "$(grep -c 'requests per second' <"$scratch/benchmark")" 2
expect "and none of it is slow" "$(($(counter rx slow seen) - before))" 0

# Five at once and ten a second are let through; what is dropped is sent again.
redis greedy -r 25 KEYS 'user:*' >"$scratch/greedy" &
waiting=$!
sleep 0.5
start=$(date +%s%N)
expect "beside it others are served" "$(redis clean -r 50 GET user:1 | sort | uniq -c | tr -s ' ')" ' 50 hello'
between "at once (ms)" $((($(date +%s%N) - start) / 1000000)) 0 900
expect "its own quick commands, too" "$(redis greedy GET user:1)" hello
wait $waiting || true
between "walks were limited" "$(counter rx slow limited)" 1 1000
expect "and served all the same, later" "$(grep -c user:1 <"$scratch/greedy")" 25
unload

# Redis listens at one socket, which leaves nothing to choose from.
SED='s|stage rx {|threads exe "/usr/bin/redis-server"; stage socket { all -> workers all by random; } stage rx {|
     s|threads exe "[^"]*"|threads exe "'"$(readlink "/proc/$(pgrep -n redis-server)/exe")"'"|' \
	compile "$IOP_SOURCE/examples" redis
"$IOPCTL" load "$scratch/$policy.bpf.o" --dev clean 2>"$scratch/refused" && give_up "it is loaded"
expect "that is said" "$(grep -c 'bound without SO_REUSEPORT' <"$scratch/refused")" 1
finish
