#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Each source file says its licence in its first lines: BSD-2-Clause, and under bpf/,
# which the kernel loads, BSD-2-Clause OR GPL-2.0-only. Inputs of tests are data: a line
# on top would only move the lines that their expected messages name.

. "$(dirname "$0")/lib.sh"

PATTERNS=('*.c' '*.h' '*.def' '*.y' '*.l' '*.ebnf' '*.iop' '*.sh' '*.cmake' '*CMakeLists.txt'
	  '*.in' '*.service' '*.1' '*.5' '*.7' '*.8' '*.clang-format' '*.clang-tidy'
	  '*.editorconfig' '*.gitignore' .ci scripts bench/run)

while read -r file; do
	case $file in
	tests/*.iop | tests/*.inc | tests/fuzz/*corpus*) continue ;;
	bpf/*CMakeLists.txt) want='BSD-2-Clause' ;;
	bpf/*) want='BSD-2-Clause OR GPL-2.0-only' ;;
	*) want='BSD-2-Clause' ;;
	esac
	says=$(head -n 5 "$file" | sed -n 's/.*SPDX-License-Identifier: *//p' |
		sed 's/ *\(\*\/\|-->\)\? *$//; s/^(\(.*\))$/\1/')
	if [[ -z $says ]]; then
		fault "$file: no SPDX-License-Identifier in its first five lines"
	elif [[ $says != "$want" && ! ($file == bpf/* && $says == 'BSD-2-Clause OR GPL-2.0-only') ]]; then
		fault "$file: its licence is \"$says\", it should be \"$want\""
	fi
done < <(sources "${PATTERNS[@]}")
finish
