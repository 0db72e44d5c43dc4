#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# iopc --test (an interpreter of the checked policy) and iopctl test (the compiled
# programs in this kernel) say the same, word for word, of the examples and of a policy
# with each kind of decision, some of its expectations wrong.

set -u

if [[ $EUID -ne 0 ]]; then
	echo "skipped: BPF programs are loaded, which needs root"
	exit 77
fi
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/iop-agree.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
failed=0

# fail WHAT FILE
fail() {
	printf 'FAIL %s\n' "$1"
	sed 's/^/    /' "$2"
	failed=1
}

# agree EXIT-CODE POLICY
agree() {
	local code=$1 policy=$2 name rc_iopc=0 rc_iopctl=0
	name=$(basename "$policy" .iop)
	cd "$(dirname "$policy")" || exit 1
	if ! "$IOPC" "$name.iop" -o "$scratch/$name.o" 2>"$scratch/err"; then
		fail "$name does not compile" "$scratch/err"
		return
	fi
	"$IOPC" --test "$name.iop" >"$scratch/iopc" 2>"$scratch/err" || rc_iopc=$?
	"$IOPCTL" test "$scratch/$name.o" >"$scratch/iopctl" 2>&1 || rc_iopctl=$?
	if ! diff "$scratch/iopc" "$scratch/iopctl" >"$scratch/diff"; then
		fail "$name: iopc --test (<) and iopctl test (>) differ" "$scratch/diff"
	elif [[ $rc_iopc -ne $code || $rc_iopctl -ne $code ]]; then
		fail "$name: exit codes $rc_iopc and $rc_iopctl instead of $code" "$scratch/iopctl"
	else
		printf 'ok %s: %s\n' "$name" "$(tail -n 1 "$scratch/iopctl")"
	fi
}

for policy in "$here"/../../examples/*.iop "$here"/../protocols/*.iop; do
	agree 0 "$policy"
done
agree 0 "$here/agree_few.iop"
agree 0 "$here/agree_least.iop"
agree 0 "$here/agree_length.iop"
agree 0 "$here/agree_element.iop"
agree 1 "$here/agree.iop"
agree 1 "$here/agree_tx.iop"
agree 1 "$here/agree_tcp.iop"
exit "$failed"
