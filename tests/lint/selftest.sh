#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Puts the faults in that the lint tests look for: each must be found, in its file, and
# the same tree without it must pass.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

BSD='SPDX-License-Identifier: BSD-2-Clause'
DUAL="$BSD OR GPL-2.0-only"

# fresh: a small tree without a fault.
fresh() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree"/{grammar,compiler/{base,syntax,lang,sema,plan,emit,interp,driver},bpf/{abi,stage},runtime/cli}
	local room
	for room in base syntax lang sema plan emit interp driver; do
		printf '/* %s */\n' "$BSD" >"$tree/compiler/$room/$room.h"
		printf '/* %s */\n#include "%s/%s.h"\n#include <stdint.h>\n' "$BSD" $room $room \
			>"$tree/compiler/$room/$room.c"
	done
	printf '/* %s */\n#include <llvm-c/Core.h>\n#include "plan/plan.h"\n' "$BSD" \
		>"$tree/compiler/emit/emit.c"
	printf '/* %s */\nint yylex(void);\n' "$BSD" >"$tree/compiler/syntax/parse.c"
	printf '/* %s */\n' "$DUAL" >"$tree/bpf/abi/object.h"
	printf '/* %s */\n#include "abi/object.h"\n#include <bpf/bpf_helpers.h>\n' "$DUAL" \
		>"$tree/bpf/stage/rx.c"
	printf '/* %s */\n#include "abi/object.h"\n#include <bpf/libbpf.h>\n' "$BSD" \
		>"$tree/runtime/load.c"
	printf '/* %s */\n%%code {\n1\n2\n3\n}\n%%%%\nx: %s { $$ = f($1,\n  $3); }\n | %s { g(); };\n%%%%\nint f(void)\n{\n\n}\n' \
		"$BSD" "'{' y \"}\"" '/* { */ z' >"$tree/grammar/iop.y"
}

# expect LINT pass | expect LINT PATTERN
expect() {
	local lint=$1 pattern=$2 output rc=0
	output=$(bash "$here/$lint.sh" "$tree" 2>&1) || rc=$?
	if [[ $pattern == pass ]]; then
		((rc == 0)) && return
	elif ((rc == 1)) && grep -qE "$pattern" <<<"$output"; then
		return
	fi
	printf '%s: expected "%s", got %d:\n%s\n' "$lint" "$pattern" "$rc" "$output"
	failures=$((failures + 1))
}

fresh
for lint in spdx edges actions generated; do
	expect "$lint" pass
done

# wrong_edge FILE INCLUDE
wrong_edge() {
	fresh
	printf '#include %s\n' "$2" >>"$tree/$1"
	expect edges "^$1:[0-9]+: "
}
wrong_edge compiler/base/base.c '"syntax/syntax.h"'
wrong_edge compiler/base/base.c '"../syntax/syntax.h"'
wrong_edge compiler/base/base.c '"abi/object.h"'
wrong_edge compiler/syntax/syntax.c '"sema/not_there_yet.h"'
wrong_edge compiler/lang/lang.c '"sema/sema.h"'
wrong_edge compiler/plan/plan.c '"syntax/syntax.h"'
wrong_edge compiler/plan/plan.c '"emit/emit.h"'
wrong_edge compiler/interp/interp.c '<plan/plan.h>'
wrong_edge compiler/sema/sema.c '"interp/interp.h"'
wrong_edge compiler/sema/sema.c '<llvm-c/Core.h>'
wrong_edge compiler/driver/driver.c '<bpf/libbpf.h>'
wrong_edge runtime/load.c '"base/base.h"'
wrong_edge runtime/load.c '<llvm-c/Core.h>'
wrong_edge bpf/stage/rx.c '"sema/sema.h"'
wrong_edge bpf/abi/object.h '<bpf/bpf_helpers.h>'
wrong_edge bpf/abi/object.h '"stage/stage.h"'

fresh
printf 'extern int yylineno;\n' >>"$tree/compiler/sema/sema.c"
expect edges '^compiler/sema/sema.c:4: .*yylineno'

fresh
sed -i 1d "$tree/compiler/plan/plan.h"
expect spdx '^compiler/plan/plan.h: no SPDX'
fresh
sed -i 's/ OR GPL-2.0-only//' "$tree/bpf/stage/rx.c"
expect spdx '^bpf/stage/rx.c: its licence is "BSD-2-Clause"'

fresh
sed -i 's/ | .*/ | z { g(\n1,\n2); };/' "$tree/grammar/iop.y"
expect actions '^grammar/iop.y:10: an action of 3 lines'

fresh
printf '/* A Bison parser, made by GNU Bison 3.8.2.  */\n' >"$tree/compiler/syntax/parser.c"
expect generated '^compiler/syntax/parser.c: written by bison'
fresh
: >"$tree/bpf/stage/rx.bc"
expect generated '^bpf/stage/rx.bc: made by a build'

exit $((failures > 0))
