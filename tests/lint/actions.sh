#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A production is one call: no action in the grammar is longer than two lines.

. "$(dirname "$0")/lib.sh"

while read -r grammar; do
	while read -r complaint; do
		fault "$complaint"
	done < <(awk -v file="$grammar" '
		# The rules stand between the first and the second %%.
		/^%%/ { section++; next }
		section != 1 { next }
		{
			n = length($0)
			for (i = 1; i <= n; i++) {
				c = substr($0, i, 1)
				two = substr($0, i, 2)
				if (comment) {
					if (two == "*/") { comment = 0; i++ }
				} else if (quote != "") {
					if (c == "\\") i++
					else if (c == quote) quote = ""
				} else if (two == "/*") { comment = 1; i++ }
				else if (two == "//") break
				else if (c == "\"" || c == "\x27") quote = c
				else if (c == "{") { if (depth++ == 0) start = NR }
				else if (c == "}" && --depth == 0 && NR - start + 1 > 2)
					printf "%s:%d: an action of %d lines, two are allowed\n",
						file, start, NR - start + 1
			}
			quote = ""
		}' "$grammar")
done < <(sources 'grammar/*.y')
finish
