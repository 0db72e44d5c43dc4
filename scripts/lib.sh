# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the scripts share: how they speak, how they clean up after themselves, and
# what they know about the system they run on. Sourced, never run.

set -euo pipefail

IOP_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
IOP_SCRIPT=$(basename "$0")
IOP_SCRATCH=

# Exit codes, the same as those of iopc and iopctl.
EX_USAGE=2
EX_ENVIRONMENT=3

progress() { printf '%s: %s …\n' "$IOP_SCRIPT" "$*"; }
say()      { printf '%s: %s\n' "$IOP_SCRIPT" "$*"; }
complain() { printf '%s: %s\n' "$IOP_SCRIPT" "$*" >&2; }

# die CODE TEXT
die() {
	local code=$1
	shift
	complain "$*"
	exit "$code"
}

# on_exit COMMAND: evaluated when the script ends, however it ends; last added first.
IOP_ON_EXIT=()
on_exit() { IOP_ON_EXIT+=("$1"); }

iop_leave() {
	local rc=$? i
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	for ((i = ${#IOP_ON_EXIT[@]} - 1; i >= 0; i--)); do
		eval "${IOP_ON_EXIT[i]}"
	done
	exit "$rc"
}
trap iop_leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# need_scratch: makes IOP_SCRATCH, a folder of this run, gone at its end.
need_scratch() {
	[[ -z $IOP_SCRATCH ]] || return 0
	IOP_SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/iop-$IOP_SCRIPT.XXXXXX")
	on_exit 'rm -rf "$IOP_SCRATCH"'
}

# need_root WHY
need_root() {
	[[ $EUID -eq 0 ]] || die "$EX_ENVIRONMENT" "run this as root: $1"
}

# quietly COMMAND…: silent when it works, its last lines and its code when it fails.
quietly() {
	local rc=0 log
	need_scratch
	log=$IOP_SCRATCH/quietly.log
	"$@" </dev/null >"$log" 2>&1 9>&- || rc=$?
	if ((rc != 0)); then
		complain "failed with $rc: $*"
		tail -n 60 "$log" | sed 's/^/  | /' >&2
	fi
	return "$rc"
}

# os_name: "debian 12", "debian 13", or what else /etc/os-release says.
os_name() {
	local ID=unknown VERSION_ID=
	if [[ -r /etc/os-release ]]; then
		# shellcheck disable=SC1091
		. /etc/os-release
	fi
	printf '%s %s\n' "$ID" "$VERSION_ID"
}

have() { command -v "$1" >/dev/null 2>&1; }
