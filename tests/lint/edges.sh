#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who may include whom. An edge that is not in the table below is a mistake, or a
# decision that belongs into the table and docs/design.md.

. "$(dirname "$0")/lib.sh"

# room: the rooms whose headers it may include, besides its own
declare -A MAY=(
	[base]=""
	[syntax]="base"
	[lang]="base abi"
	[sema]="base syntax lang"
	[plan]="base lang sema abi"
	[emit]="base lang sema plan abi"
	[interp]="base lang sema abi"
	[driver]="base syntax lang sema plan emit interp abi"
	[runtime]="abi"
	[abi]=""
	[stage]="abi"
	[sched]="abi stage"
)

# room_of PATH: the room that a file lives in, empty for tests, bench, grammar …
room_of() {
	local rest
	case $1 in
	compiler/*/*)
		rest=${1#compiler/}
		printf '%s' "${rest%%/*}"
		;;
	bpf/*/*)
		rest=${1#bpf/}
		printf '%s' "${rest%%/*}"
		;;
	runtime/*) printf 'runtime' ;;
	esac
}

# target_of FILE INCLUDE: the path in the tree that `#include "…"` means, if any.
target_of() {
	local file=$1 include=$2 folder candidate
	for folder in "${file%/*}" compiler bpf runtime runtime/include; do
		candidate=$folder/$include
		if [[ $candidate == *..* || $candidate == *./* ]]; then
			candidate=$(realpath -m --relative-to=. "$candidate")
		fi
		if [[ -f $candidate ]]; then
			printf '%s' "$candidate"
			return
		fi
	done
}

# check_own FILE LINE INCLUDE: an include of our own headers.
check_own() {
	local file=$1 line=$2 include=$3 room target other allowed
	room=$(room_of "$file")
	target=$(target_of "$file" "$include")
	if [[ -n $target ]]; then
		other=$(room_of "$target")
	else
		# Not there: generated, or a wrong room of which only the name is known.
		other=${include%%/*}
		[[ $include == */* && -v MAY[$other] ]] || return 0
	fi
	[[ -n $other && $other != "$room" ]] || return 0
	if [[ ! -v MAY[$room] ]]; then
		# Tools around the compiler stand on the driver's level.
		[[ $file == compiler/* ]] || return 0
		allowed=${MAY[driver]}
	else
		allowed=${MAY[$room]}
	fi
	[[ " $allowed " == *" $other "* ]] ||
		fault "$file:$line: $room must not include \"$include\" (of $other)"
}

# check_foreign FILE LINE INCLUDE: a library belongs to one room or side.
check_foreign() {
	local file=$1 line=$2 include=$3
	case $include in
	llvm-c/* | llvm/*)
		[[ $file == compiler/emit/* ]] ||
			fault "$file:$line: only compiler/emit may include <$include>"
		;;
	bpf/*)
		[[ $file != compiler/* ]] ||
			fault "$file:$line: the compiler must not need libbpf's <$include>"
		[[ $file != bpf/abi/* ]] ||
			fault "$file:$line: bpf/abi is plain C, without <$include>"
		;;
	esac
}

INCLUDE='^[[:space:]]*#[[:space:]]*include[[:space:]]*([<"])([^>"]+)[>"]'
while IFS=: read -r file line text; do
	[[ $text =~ $INCLUDE ]] || continue
	quote=${BASH_REMATCH[1]} include=${BASH_REMATCH[2]}
	check_foreign "$file" "$line" "$include"
	if [[ $quote == '"' || -v MAY[${include%%/*}] ]]; then
		check_own "$file" "$line" "$include"
	fi
done < <(sources 'compiler/*.c' 'compiler/*.h' 'compiler/*.def' 'runtime/*.c' 'runtime/*.h' \
		'bpf/*.c' 'bpf/*.h' 'grammar/*.y' 'grammar/*.l' |
		xargs -r grep -HnE '^[[:space:]]*#[[:space:]]*include' || true)

# The generated parser is seen by the room that owns it, and by nobody else.
while IFS=: read -r file line text; do
	fault "$file:$line: only compiler/syntax and grammar/ may see the parser: $text"
done < <(sources 'compiler/*.c' 'compiler/*.h' 'runtime/*.c' 'runtime/*.h' |
		grep -v '^compiler/syntax/' |
		xargs -r grep -HnowE 'yy[a-z_]+|YY[A-Z_]+' || true)
finish
