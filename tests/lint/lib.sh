# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the lint tests share. Each takes the root of a tree, names every fault with its
# file (and line), and exits with 1 if there was one.

set -euo pipefail
export LC_ALL=C

cd "${1:?usage: $0 ROOT}"
faults=0

fault() {
	printf '%s\n' "$*"
	faults=$((faults + 1))
}

finish() {
	if ((faults)); then
		printf '%d fault(s)\n' "$faults"
		exit 1
	fi
	exit 0
}

# sources [PATTERN…]: the tracked files that exist; in a tree without git, all of them.
# A checkout of another user's is read as well.
sources() {
	local file
	if git -c safe.directory='*' rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git -c safe.directory='*' ls-files -- "$@"
	else
		find . -name .git -prune -o -path ./build -prune -o -type f -printf '%P\n' |
			matching "$@"
	fi | while read -r file; do
		[[ ! -f $file ]] || printf '%s\n' "$file"
	done | sort
}

# matching PATTERN…: as git's pathspecs do, a pattern's * also stands for slashes, and
# a folder stands for what is in it.
matching() {
	local file pattern
	while read -r file; do
		[[ $# -gt 0 ]] || printf '%s\n' "$file"
		for pattern in "$@"; do
			# shellcheck disable=SC2053 # it is a pattern
			if [[ $file == $pattern || $file == $pattern/* ]]; then
				printf '%s\n' "$file"
				break
			fi
		done
	done
}
