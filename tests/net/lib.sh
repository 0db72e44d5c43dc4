# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the tests of this folder share. A test runs in network and process namespaces of its
# own: what it leaves running ends with it, and nobody's port, address or server is in its
# way. Its policy has a name of its own, for names of policies belong to the whole machine.

set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

if [[ $EUID -ne 0 ]]; then
	echo "skipped: BPF programs are loaded, which needs root"
	exit 77
fi
if [[ -z ${IOP_NET_ID:-} ]]; then
	IOP_NET_ID=$$ exec unshare --net --pid --fork --kill-child --mount-proc -- \
		bash "$0" "$@"
fi

ip link set lo up

IOPC=$IOP_BUILD/iopc
IOPCTL=$IOP_BUILD/iopctl
tools=$IOP_BUILD/tests
scratch=$(mktemp -d "${TMPDIR:-/tmp}/iop-net.XXXXXX")
policy=
names=() # of all policies so far
failed=0

leave() {
	local rc=$?
	trap - EXIT
	set +e
	local name
	for name in "${names[@]}"; do
		[[ ! -d /sys/fs/bpf/iop/$name ]] || "$IOPCTL" unload "$name" >/dev/null 2>&1
		rm -rf "/sys/fs/bpf/$name" # what a test has pinned itself
	done
	kill "${pids[@]}" 2>/dev/null
	wait
	rm -rf "$scratch"
	exit "$rc"
}
pids=()
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# expect WHAT GOT WANTED
expect() {
	if [[ $2 == "$3" ]]; then
		printf 'ok %s\n' "$1"
	else
		printf 'FAIL %s: got "%s", expected "%s"\n' "$1" "$2" "$3"
		failed=1
	fi
}

# between WHAT GOT LEAST MOST
between() {
	if [[ $2 =~ ^[0-9]+$ ]] && (($2 >= $3 && $2 <= $4)); then
		printf 'ok %s: %s\n' "$1" "$2"
	else
		printf 'FAIL %s: got "%s", expected %s to %s\n' "$1" "$2" "$3" "$4"
		failed=1
	fi
}

# eventually WHAT COMMAND…: within three seconds.
eventually() {
	local what=$1 try
	shift
	for ((try = 0; try < 30; try++)); do
		if "$@"; then
			printf 'ok %s\n' "$what"
			return
		fi
		sleep 0.1
	done
	printf 'FAIL %s\n' "$what"
	failed=1
}

give_up() {
	printf 'FAIL %s\n' "$*"
	exit 1
}

# background NAME COMMAND…
background() {
	local name=$1
	shift
	"$@" </dev/null >"$scratch/$name.log" 2>&1 &
	pids+=("$!")
}

# --- clients ---------------------------------------------------------------------

declare -A client_pid=()

# client NAME HERE THERE…: a network namespace behind a veth device NAME of ours. HERE is
# our address with its prefix; THERE are the client's, those of IPv6 with a colon.
client() {
	local name=$1 here=$2 pid there
	shift 2
	unshare --net sleep infinity &
	pid=$!
	pids+=("$pid")
	client_pid[$name]=$pid
	until [[ $(readlink "/proc/$pid/ns/net") != "$(readlink /proc/self/ns/net)" ]]; do
		sleep 0.05
	done
	ip link add "$name" type veth peer name "${name}0" netns "/proc/$pid/ns/net"
	ip address add "$here" dev "$name"
	ip link set "$name" up
	in_client "$name" ip link set lo up
	in_client "$name" ip link set "${name}0" up
	for there in "$@"; do
		if [[ $there == *:* ]]; then
			in_client "$name" ip address add "$there" dev "${name}0" nodad
		else
			in_client "$name" ip address add "$there" dev "${name}0"
		fi
	done
	in_client "$name" ip route add default via "${here%/*}"
}

# in_client NAME COMMAND…
in_client() {
	local name=$1
	shift
	nsenter --net="/proc/${client_pid[$name]}/ns/net" -- timeout -k 1 30 "$@"
}

# ask NAME [OPTION…] ADDRESS PORT HEX: who answers, as "WORKER COUNT" pairs.
ask() {
	local name=$1
	shift
	in_client "$name" "$tools/udp_ask" "$@" | tr '\n' ' ' | sed 's/ $//'
}

# --- the policy ------------------------------------------------------------------

# load EXAMPLE OPTION…: an example, under a name of this test; SED, if it is set, changes it,
# and AS is a program that runs iopctl.
load() {
	load_from "$IOP_SOURCE/examples" "$@"
}

# load_file NAME OPTION…: the same of a policy that lies beside the tests.
load_file() {
	load_from "$IOP_SOURCE/tests/net" "$@"
}

load_from() {
	local folder=$1 name=$2
	shift 2
	compile "$folder" "$name"
	timeout 60 ${AS:+"$AS"} "$IOPCTL" load "$scratch/$policy.bpf.o" "$@" || give_up "it cannot be loaded"
	remember
}

# compile FOLDER NAME: makes $scratch/$policy.bpf.o of it.
compile() {
	policy=net_$2_${IOP_NET_ID}
	((${#names[@]} == 0)) || policy+=_${#names[@]}
	names+=("$policy")
	sed -e "s/^policy $2;/policy $policy;/" ${SED:+-e "$SED"} "$1/$2.iop" >"$scratch/$policy.iop"
	"$IOPC" "$scratch/$policy.iop" -o "$scratch/$policy.bpf.o" || give_up "it does not compile"
}

# remember: what of the policy the kernel holds.
remember() {
	local pin
	programs=() maps=()
	while read -r pin; do
		programs+=("$(id_of prog "$pin")")
	done < <(find "/sys/fs/bpf/iop/$policy" -path '*program*' -type f)
	while read -r pin; do
		maps+=("$(id_of map "$pin")")
	done < <(find "/sys/fs/bpf/iop/$policy" -path '*maps/*' -type f)
}

# id_of KIND PIN
id_of() {
	bpftool -j "$1" show pinned "$2" | sed -n 's/.*"id":\([0-9]*\).*/\1/p'
}

# unload, and see that nothing is left of the policy.
unload() {
	local kind
	unload_policy
	expect "no device has a program" "$(ip -details link show | grep -c 'prog/xdp')" 0
	for kind in "${!client_pid[@]}"; do
		expect "${kind}0 fills in checksums later again" \
			"$(in_client "$kind" ethtool -k "${kind}0" | sed -n 's/^tx-checksumming: //p')" on
	done
}

# The same where others may have programs and settings.
unload_policy() {
	local name=$policy id
	expect "programs were pinned" "$((${#programs[@]} > 0))" 1
	timeout 60 "$IOPCTL" unload "$policy" || give_up "it cannot be unloaded"
	policy=
	expect "its folder is gone" "$(find "/sys/fs/bpf/iop/$name" 2>/dev/null || true)" ''
	for id in "${programs[@]}"; do
		eventually "program $id is gone" gone prog "$id"
	done
	for id in "${maps[@]}"; do
		eventually "map $id is gone" gone map "$id"
	done
}

gone() { ! bpftool "$1" show id "$2" >/dev/null 2>&1; }

# counter STAGE CLASS COUNTER
counter() {
	"$IOPCTL" stats "$policy" --json | awk -v stage="\"$1\"" -v class="\"$2\"" -v key="\"$3\":" '
		{ value = $2; sub(/,$/, "", value) }
		$1 == "\"stage\":" { in_stage = value == stage }
		$1 == "\"class\":" { in_class = value == class }
		in_stage && in_class && $1 == key { print value }'
}

# chosen STAGE CLASS: "NUMBER COUNT" of the cores or workers that were chosen, in pairs.
chosen() {
	"$IOPCTL" stats "$policy" --json | awk -v stage="\"$1\"" -v class="\"$2\"" '
		{ value = $2; sub(/,$/, "", value) }
		$1 == "\"stage\":" { in_stage = value == stage }
		$1 == "\"class\":" { in_class = value == class }
		$1 == "\"core\":" || $1 == "\"worker\":" { number = value }
		in_stage && in_class && $1 == "\"chosen\":" && value > 0 {
			printf "%s%s %s", sep, number, value
			sep = " "
		}'
}

finish() {
	exit "$failed"
}
