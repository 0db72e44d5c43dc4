#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Holds what iopc makes of a policy against a golden.
#
# usage: emit.sh [--update] IOPC WHAT CASE.iop GOLDEN
# --update writes GOLDEN anew; read the difference before it is committed.

set -euo pipefail
export LC_ALL=C

update=
if [[ ${1:-} == --update ]]; then
	update=1
	shift
fi
usage="usage: $0 [--update] IOPC WHAT CASE.iop GOLDEN"
iopc=${1:?$usage} what=${2:?$usage} case=${3:?$usage} golden=${4:?$usage}
made=$(mktemp)
trap 'rm -f "$made"' EXIT

"$iopc" --emit="$what" -o "$made" "$case"
if [[ -n $update ]]; then
	cp "$made" "$golden"
	exit 0
fi
diff -u --label golden --label made "$golden" "$made"
