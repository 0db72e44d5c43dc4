#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Where iopc's products go, and that they are whole or not there.
#
# usage: outputs.sh IOPC ROOT

set -euo pipefail
export LC_ALL=C NO_COLOR=1

iopc=$(realpath "${1:?usage: $0 IOPC ROOT}")
root=$(realpath "${2:?usage: $0 IOPC ROOT}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
failed=0

fail() {
	printf 'line %d: %s\n' "${BASH_LINENO[0]}" "$*"
	failed=1
}

# expect CODE COMMAND…
expect() {
	local want=$1 code=0
	shift
	"$@" >stdout 2>stderr || code=$?
	if ((code != want)); then
		fail "$*: exit $code, not $want"
		cat stderr
	fi
}

# folder NAMES…: nothing else is here.
folder() {
	local there
	there=$(find . -mindepth 1 -maxdepth 1 ! -name stdout ! -name stderr -printf '%f\n' | sort | xargs)
	[[ $there == "$*" ]] || fail "there is: $there; not: $*"
	find . -mindepth 1 -maxdepth 1 ! -name stdout ! -name stderr -exec rm -rf {} +
}

policy() {
	printf 'policy %s;\nworkload w { match udp port 53; class a; stage rx { a -> drop; } }\n' "$1"
}

# An object is named after its source and lies here.
mkdir sub
policy one >sub/one.iop
policy two >sub/two.policy
policy name >two
expect 0 "$iopc" sub/one.iop sub/two.policy two
[[ ! -s stdout && ! -s stderr ]] || fail "it is silent when all is well"
head -c 4 one.bpf.o | cmp -s - <(printf '\177ELF') || fail "one.bpf.o is no ELF file"
folder one.bpf.o sub two two.bpf.o two.policy.bpf.o

# Of several files the good ones are written; the code is that of the worst.
policy one >one.iop
echo 'policy bad; nonsense' >bad.iop
expect 1 "$iopc" bad.iop one.iop
expect 3 "$iopc" bad.iop missing.iop
folder bad.iop one.bpf.o one.iop

# The same source gives the same bytes wherever it lies and is called from.
mkdir -p a/b c
policy one >a/b/one.iop
cp a/b/one.iop c/
expect 0 "$iopc" a/b/one.iop -o first.o
expect 0 env -C c "$iopc" one.iop -o ../second.o
expect 0 "$iopc" "$PWD/c/../a/b/one.iop" -o third.o
cmp first.o second.o && cmp first.o third.o || fail "objects differ by place"
folder a c first.o second.o third.o

# Texts go to the standard output, or where -o says.
policy one >one.iop
for what in ast policy plan header ir asm; do
	expect 0 "$iopc" --emit=$what one.iop
	[[ -s stdout ]] || fail "--emit=$what prints nothing"
	expect 0 "$iopc" --emit $what -oout.txt one.iop
	"$iopc" --emit=$what one.iop | cmp - out.txt || fail "--emit=$what: -o has something else"
done
expect 0 "$iopc" --emit=plan - -o out.txt <one.iop
expect 0 "$iopc" --emit=plan - <one.iop
grep -q '^policy one' stdout || fail "a policy from the standard input"
folder one.iop out.txt

# --check and --test write nothing, unless asked to.
policy one >one.iop
expect 0 "$iopc" --check one.iop
expect 0 "$iopc" --test one.iop
folder one.iop
policy one >one.iop
expect 0 "$iopc" --test -o tested.o one.iop
folder one.iop tested.o
{
	policy one
	echo 'test "no" { packet udp 10.0.0.1:1 -> 10.0.0.2:53; expect rx pass; }'
} >one.iop
expect 1 "$iopc" --test -o tested.o one.iop
grep -q '^FAIL no' stdout || fail "a failed test is told"
folder one.iop

# What was there stays until there is a whole new one: a link is followed, and another
# reader of the old file goes on reading it.
policy one >one.iop
echo old >target.o
ln -s target.o link.o
exec 3<target.o
expect 1 "$iopc" -o link.o <(echo 'policy bad')
cmp -s target.o <(echo old) || fail "a failed run has touched its output"
expect 0 "$iopc" -o link.o one.iop
[[ -L link.o ]] || fail "the link is gone"
cmp -s <(echo old) - <&3 || fail "the old file was written into"
exec 3<&-
folder link.o one.iop target.o

# What is no regular file is written to, and still there afterwards.
policy one >one.iop
mkfifo pipe
cat pipe >through &
expect 0 "$iopc" --emit=plan -o pipe one.iop
wait
grep -q '^policy one' through || fail "nothing came through the pipe"
[[ -p pipe ]] || fail "the pipe was replaced"
expect 0 "$iopc" -o /dev/null one.iop
[[ -c /dev/null ]] || fail "/dev/null was replaced"
if [[ -w /dev/full ]]; then
	expect 3 "$iopc" -o /dev/full one.iop
	grep -q 'cannot write `/dev/full`: No space left' stderr || fail "a full disk"
	code=0
	"$iopc" --emit=plan one.iop >/dev/full 2>stderr || code=$?
	((code == 3)) || fail "a full standard output: exit $code"
fi
folder one.iop pipe through

# Colour: on a terminal only, and not against the user's will.
if command -v script >/dev/null; then
	echo 'policy bad; nonsense' >bad.iop
	esc=$'\033['
	env -u NO_COLOR script -qec "'$iopc' --check bad.iop" /dev/null </dev/null >stdout 2>&1 || true
	grep -qF "$esc" stdout || fail "no colour on a terminal"
	script -qec "NO_COLOR=1 '$iopc' --check bad.iop" /dev/null </dev/null >stdout 2>&1 || true
	! grep -qF "$esc" stdout || fail "colour in spite of NO_COLOR"
	env -u NO_COLOR "$iopc" --check bad.iop 2>stderr || true
	! grep -qF "$esc" stderr || fail "colour into a file"
	folder bad.iop
fi

# The examples pass their own tests.
for example in "$root"/examples/*.iop; do
	expect 0 "$iopc" --test "$example"
done
expect 0 "$iopc" --version
grep -qE '^iopc [0-9]+\.[0-9]+\.[0-9]+$' stdout || fail "--version"
expect 0 "$iopc" --help
grep -q -- '--target=KERNEL' stdout || fail "--help"
exit $failed
