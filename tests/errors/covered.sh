#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Is each message of sema and plan expected by some case? Messages are the first string
# of a call that reports; what printf puts into them may be anything.
#
# usage: covered.sh ROOT

set -euo pipefail
export LC_ALL=C
cd "${1:?usage: $0 ROOT}"

# What cannot be provoked by a small policy, or not any more since the parser refuses it.
UNREACHED=(
	'all sources together are too large'
	'the ranges of set `%s` are too many for a map: '
	'too many matches share ports to tell them apart'
	'a pool holds cores only'
	'a stage holds rules and settings'
	'this does not belong into a workload'
	'one statement, then a semicolon'
	'this set is empty'
	'only numbers have named values'
	'a field takes one value'
	'a path has at most %d bytes'
	'header `%s` has no fields'
	'expected a field, a param or a number'
)

# messages: of each call, the strings up to the end of its statement that stand where a
# message does, one a line.
messages() {
	awk '
		{ text = text $0 "\n" }
		END {
			call = "(diag_error|diag_warning|diag_note|sema_later|complain)\\("
			while (match(text, call)) {
				text = substr(text, RSTART + RLENGTH)
				end = index(text, ";\n")
				statement = substr(text, 1, end)
				# the first string; of `a ? "x" : "y"` both
				while (match(statement, /"([^"\\]|\\.)*"/)) {
					print substr(statement, RSTART + 1, RLENGTH - 2)
					before = substr(statement, 1, RSTART - 1)
					statement = substr(statement, RSTART + RLENGTH)
					if (statement !~ /^[ \t\n]*:[ \t\n]*"/)
						break
				}
			}
		}' "$@"
}

cat tests/errors/*.expect >"${TMPDIR:-/tmp}/covered.$$"
trap 'rm -f "${TMPDIR:-/tmp}/covered.$$"' EXIT
missing=0 n=0
while IFS= read -r message; do
	n=$((n + 1))
	for known in "${UNREACHED[@]}"; do
		[[ $message != "$known" ]] || continue 2
	done
	# What is no conversion stands for itself.
	pattern=$(sed -e 's/[][\.*^$+?(){}|]/\\&/g' -e 's/%\(\\\.\\\*\)\?[a-z]*[sudc]/.*/g' -e 's/%%/%/g' \
		-e 's/\\\\"/"/g' <<<"$message")
	if ! grep -qE -- "$pattern" "${TMPDIR:-/tmp}/covered.$$"; then
		printf 'no case expects: %s\n' "$message"
		missing=$((missing + 1))
	fi
done < <(messages compiler/sema/*.c compiler/plan/*.c | sort -u)
printf '%d messages, %d without a case\n' "$n" "$missing"
((n > 100 && missing == 0))
