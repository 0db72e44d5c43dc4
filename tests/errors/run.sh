#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs iopc on one case and compares what it says, to the last byte, with NAME.expect:
#
#   NAME.iop    a policy; a first line `# iopc: ARGUMENTS` replaces `--check`
#   NAME.args   command lines, one a line, each run in an empty folder; @ stands for the
#               folder of the cases, '' for an empty word, \033 for a byte
#   NAME.expect for each of them `$ COMMAND`, `exit CODE` and the whole of stderr
#
# usage: run.sh [--update] IOPC CASE
# --update writes NAME.expect anew; read the difference before it is committed.

set -euo pipefail
export LC_ALL=C NO_COLOR=1

update=
if [[ ${1:-} == --update ]]; then
	update=1
	shift
fi
iopc=$(realpath "${1:?usage: $0 [--update] IOPC CASE}")
case=$(realpath "${2:?usage: $0 [--update] IOPC CASE}")
folder=${case%/*}
expect=${case%.*}.expect
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A sanitizer's report has a code that iopc never has.
export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99:print_stacktrace=1

# run ARGUMENTS…: says what iopc says.
run() {
	local code=0
	mkdir -p "$scratch/here"
	(cd "$scratch/here" && "$iopc" "$@" </dev/null >../stdout 2>../stderr) || code=$?
	printf 'exit %d\n' "$code"
	sed "s|$folder|@|g" "$scratch/stderr"
	if ((code == 70 || code == 99 || code >= 128)); then
		echo "this is a crash, whatever is expected" | tee -a "$scratch/broken"
	fi
	if ((code != 0)) && [[ -n $(ls -A "$scratch/here") ]]; then
		echo "it failed, and left $(ls -A "$scratch/here")" | tee -a "$scratch/broken"
	fi
	rm -rf "$scratch/here"
}

# run_line COMMAND LINE
run_line() {
	local words word args=()
	read -r -a words <<<"$1"
	for word in "${words[@]:1}"; do
		[[ $word != "''" ]] || word=
		word=${word//@/$folder}
		printf -v word '%b' "$word"
		args+=("$word")
	done
	printf '$ %s\n' "$1"
	run "${args[@]}"
}

if [[ $case == *.args ]]; then
	while IFS= read -r line; do
		run_line "$line"
	done <"$case" >"$scratch/said"
else
	read -r first <"$case" || true
	args=(--check)
	[[ $first != '# iopc: '* ]] || read -r -a args <<<"${first#\# iopc: }"
	run "${args[@]}" "$case" >"$scratch/said"
fi

if [[ -e $scratch/broken ]]; then
	cat "$scratch/said"
	exit 1
fi
if [[ -n $update ]]; then
	cp "$scratch/said" "$expect"
	exit 0
fi
diff -u --label expected --label said "$expect" "$scratch/said"
