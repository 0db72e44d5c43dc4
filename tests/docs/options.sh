#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Manual pages and programs name the same options, verbs and exit codes.
#
# usage: options.sh IOPC IOPCTL ROOT

set -euo pipefail
export LC_ALL=C

iopc=${1:?usage: $0 IOPC IOPCTL ROOT} iopctl=$2
man=$3/docs/man
failed=0

# same WHAT PROGRAM'S PAGE'S
same() {
	if [[ $2 == "$3" ]]; then
		printf 'ok %s: %s\n' "$1" "$(tr '\n' ' ' <<<"$2")"
	else
		printf 'FAIL %s (< program, > page)\n' "$1"
		diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") || true
		failed=1
	fi
}

# options: the long ones that a help text has a line for, or says by themselves.
options() {
	grep -oE -- '^  --[a-z-]+|`iopctl --version' | sed 's/.*--/--/' | sort -u
}
options_of_page() {
	grep -oE -- 'Fl -[a-z-]+' "$1" | sed 's/Fl -/--/' | sort -u
}

verbs() {
	"$iopctl" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'
}

# codes: the exit codes of a help text.
codes() {
	sed -n '/^Exit codes/,$p' | grep -oE '[0-9]+ ' | tr -d ' ' | sort -u
}
codes_of_page() {
	sed -n '/^\.Sh EXIT/,/^\.El/s/^\.It \([0-9]*\)$/\1/p' "$1" | sort -u
}

same "options of iopc" "$("$iopc" --help | options)" "$(options_of_page "$man/iopc.1")"
same "options of iopctl" \
	"$({ "$iopctl" --help; for verb in $(verbs); do "$iopctl" "$verb" --help; done; } | options)" \
	"$(options_of_page "$man/iopctl.8")"
same "verbs of iopctl" "$(verbs | sort)" \
	"$(sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$man/iopctl.8" | sort)"
same "what --emit takes" \
	"$("$iopc" --help | tr '\n' ' ' | sed 's/.*--emit=WHAT *\(.*\)--check.*/\1/' |
		grep -oE '\b(ast|policy|plan|header|ir|asm|obj)\b' | sort -u)" \
	"$(sed -n 's/^\.It Cm \([a-z]*\)$/\1/p' "$man/iopc.1" | sort)"
same "exit codes of iopc" "$("$iopc" --help | codes)" "$(codes_of_page "$man/iopc.1")"
same "exit codes of iopctl" "$("$iopctl" --help | codes)" "$(codes_of_page "$man/iopctl.8")"
exit "$failed"
