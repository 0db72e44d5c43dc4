#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Each link of the documentation to a file leads to one, and each to a heading to one that
# is there. What stands in backquotes and looks like a file of ours is one.
#
# usage: links.sh ROOT

set -euo pipefail
export LC_ALL=C.UTF-8

cd "${1:?usage: $0 ROOT}"
faults=0

fault() {
	printf '%s\n' "$*"
	faults=$((faults + 1))
}

# headings FILE: as anchors, in the way of those who show Markdown.
headings() {
	awk '/^```/ { code = !code } !code && /^#+ / { sub(/^#+ */, ""); print }' "$1" |
		tr '[:upper:]' '[:lower:]' | sed 's/[^[:alnum:] _-]//g; s/ /-/g'
}

# prose FILE: without blocks of code.
prose() {
	awk '/^```/ { code = !code; next } !code' "$1"
}

for page in README.md docs/*.md; do
	folder=$(dirname "$page")
	while read -r link; do
		[[ $link != *://* ]] || continue
		target=$folder/${link%%#*}
		[[ $link != '#'* ]] || target=$page
		if [[ ! -e $target ]]; then
			fault "$page: there is no $link"
		elif [[ $link == *'#'* ]] && ! headings "$target" | grep -qxF "${link#*#}"; then
			fault "$page: $target has no heading for #${link#*#}"
		fi
	done < <(prose "$page" | grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//')
	# shellcheck disable=SC2016 # backquotes of Markdown
	while read -r name; do
		# NAME stands for any.
		compgen -G "${name//NAME/*}" >/dev/null || fault "$page: there is no file $name"
	done < <(prose "$page" | grep -oE '`(bench|bpf|cmake|compiler|docs|examples|grammar|runtime|scripts|tests)/[A-Za-z0-9_./-]+`' | tr -d '`')
done
exit $((faults > 0))
