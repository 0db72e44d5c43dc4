#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/demo --quick, as a user calls it: it shows its four measurements, the flood was
# limited, and nothing is left of it; nor when it is ended in the middle, or killed and
# called again.

# In this network namespace, as a user would.
export IOP_NET_ID=$$
. "$(dirname "$0")/lib.sh"

# start: a demo in the background, what it says in $scratch/demo.
start() {
	rm -f "$scratch/demo"
	setsid "$IOP_SOURCE/scripts/demo" --quick --build="$IOP_BUILD" \
		</dev/null >"$scratch/demo" 2>&1 &
	demo=$!
	pids+=("$demo")
}

# reached TEXT: waits until the demo has said this.
reached() {
	local try
	for ((try = 0; try < 600; try++)); do
		grep -qsF "$1" "$scratch/demo" && return
		kill -0 "$demo" 2>/dev/null || break
		sleep 0.1
	done
	sed 's/^/  | /' "$scratch/demo"
	give_up "the demo never said: $1"
}

# left PID: what is left of the demo with this process id.
left() {
	local process
	ip netns list | grep "^iop-demo-$1-" || true
	ip -brief link show | grep "^iop$1[cf]" || true
	find /sys/fs/bpf/iop -maxdepth 1 -name dns_edge 2>/dev/null || true
	grep -ls "^$1\$" "${TMPDIR:-/tmp}"/iop-demo.*/id || true
	for process in $(pgrep -x 'nsd.*|udp_flood'); do
		! grep -qsz "^IOP_DEMO=$folder\$" "/proc/$process/environ" || echo "process $process"
	done
}

# folder_of PID
folder_of() {
	local id
	id=$(grep -ls "^$1\$" "${TMPDIR:-/tmp}"/iop-demo.*/id || true)
	printf '%s\n' "${id%/id}"
}

if "$IOPCTL" list | grep -cw dns_edge >/dev/null; then
	echo "skipped: a policy dns_edge is loaded on this machine"
	exit 77
fi

start
reached 'starting nsd'
folder=$(folder_of "$demo")
rc=0
wait "$demo" || rc=$?
expect "the demo ends well" "$rc" 0
((rc == 0)) || sed 's/^/  | /' "$scratch/demo"
for row in 'no policy, clean' 'no policy, beside a flood' 'dns_edge, clean' 'dns_edge, beside a flood'; do
	# answers a second, p50, ms, p99, ms, lost, %
	numbers=$(sed -n "s/^  $row *//p" "$scratch/demo" | sed 's/ ms//g; s/ %//')
	expect "a row of four numbers: $row" "$(wc -w <<<"$numbers")" 4
done
limited=$(awk '$1 == "dns.costly" { print $3; exit }' "$scratch/demo")
between "the flood was limited" "$limited" 10000 10000000
expect "nothing is left" "$(left "$demo")" ''

start
reached 'measuring 2 s: dns_edge, beside a flood'
folder=$(folder_of "$demo")
kill -TERM -- "-$demo"
rc=0
wait "$demo" || rc=$?
expect "ended in the middle it says so" "$((rc > 128))" 1
expect "and nothing is left" "$(left "$demo")" ''

start
reached 'measuring 2 s: dns_edge, clean'
folder=$(folder_of "$demo")
kill -KILL "$demo"
wait "$demo" 2>/dev/null || true
expect "killed, it leaves something" "$(($(left "$demo" | wc -l) > 4))" 1
killed=$demo killed_folder=$folder
start
reached 'starting nsd'
kill -TERM -- "-$demo"
wait "$demo" || true
folder=$killed_folder
expect "which the next one takes away" "$(left "$killed")" ''
expect "with what it made itself" "$(left "$demo")" ''
finish
