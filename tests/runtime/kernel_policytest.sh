#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# iopctl test: what it says, what it exits with, and that nothing is left behind, also
# when it is killed in the middle.

set -u

if [[ $EUID -ne 0 ]]; then
	echo "skipped: BPF programs are loaded, which needs root"
	exit 77
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/iop-policytest.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
failed=0

# check WHAT EXPECTED-EXIT-CODE EXPECTED-OUTPUT COMMAND…
check() {
	local what=$1 code=$2 expected=$3 rc=0
	shift 3
	"$@" >"$scratch/out" 2>&1 </dev/null || rc=$?
	if [[ $rc -ne $code || $(<"$scratch/out") != "$expected" ]]; then
		printf 'FAIL %s: exit code %s instead of %s, and said:\n' "$what" "$rc" "$code"
		diff <(printf '%s\n' "$expected") "$scratch/out" | sed 's/^/    /'
		failed=1
	else
		printf 'ok %s\n' "$what"
	fi
}

# As a user without rights, who cannot read the build folder either.
nobody() {
	cp "$IOPCTL" "$scratch/iopctl" && cp "$IOP_FIXTURE" "$scratch/fixture.bpf.o" &&
		chmod -R a+rX "$scratch" &&
		setpriv --reuid=65534 --regid=65534 --clear-groups \
			"$scratch/iopctl" test "$scratch/fixture.bpf.o"
}

json() {
	"$IOPCTL" test --json "$@" | python3 -c '
import json, sys
j = json.load(sys.stdin)
print(j["ok"], j["failed"], j["skipped"], j["tests"][-1]["failures"][-1]["got"])'
}

fine="ok the first class passes and meets worker 1
ok steering reaches both pools
ok dropped by the driver, dropped at the socket
ok the rest goes to the last two, and no farther
ok IPv6 is ours, another port is not, nothing is of no class
ok each test begins afresh"

check "all hold" 0 "$fine
6 passed, 0 failed" "$IOPCTL" test "$IOP_FIXTURE"

check "what does not hold is told with its line" 1 "$fine
FAIL wrong in three ways: fixture.iop:102: expected class rest, got class first
     fixture.iop:103: expected rx drop, got rx pass
     fixture.iop:104: expected socket worker 0, got socket worker 1
6 passed, 1 failed" "$IOPCTL" test "$IOP_FIXTURE_WRONG"

check "a param reaches the programs" 1 "$(head -n 5 <<<"$fine")
FAIL each test begins afresh: fixture.iop:94: expected rx drop, got rx pass
5 passed, 1 failed" "$IOPCTL" test "$IOP_FIXTURE" --set every=1

check "a machine with fewer cores skips what needs them" 3 "ok the first class passes and meets worker 1
skipped steering reaches both pools: a pool's cores are not all on this machine
$(tail -n 4 <<<"$fine")
5 passed, 0 failed, 1 skipped" "$IOPCTL" test "$IOP_FIXTURE_FAR"

if command -v setpriv >/dev/null; then
	check "without privilege all are skipped" 3 "$(sed 's/^ok \(.*\)/skipped \1: CAP_BPF is missing, which is needed to load programs and maps/' <<<"$fine")
0 passed, 0 failed, 6 skipped" nobody
fi

check "an unknown param" 2 "iopctl: error: policy fixture has no param evry
  help: it has: every, pace" "$IOPCTL" test "$IOP_FIXTURE" --set evry=1

check "no such file" 3 "iopctl: error: /nowhere.o: cannot open: No such file or directory" \
	"$IOPCTL" test /nowhere.o

if command -v python3 >/dev/null; then
	check "the same as JSON" 0 "6 1 0 socket worker 1" json "$IOP_FIXTURE_WRONG"
fi

# What the kernel holds for us, however a run ends. The policy has a name of this run's own, which
# its maps of variables bear; a program that is left holds them. So nobody else's are counted.
name=f$(printf '%06d' $(($$ % 1000000)))
LC_ALL=C sed "s/fixture\x00/$name\x00/g" "$IOP_FIXTURE" >"$scratch/own.bpf.o"
held() {
	bpftool map list 2>/dev/null | grep -c " name $name" || true
}
check "the fixture under a name of its own" 0 "$fine
6 passed, 0 failed" "$IOPCTL" test "$scratch/own.bpf.o"
"$IOPCTL" test "$scratch/own.bpf.o" >/dev/null 2>&1 &
child=$! seen=0
while kill -0 "$child" 2>/dev/null; do
	seen=$((seen + $(held)))
done
if ((seen == 0)); then
	echo "FAIL what a run holds cannot be told from what others do"
	failed=1
fi
for delay in 0.005 0.01 0.02 0.03 0.05 0.08; do
	"$IOPCTL" test "$scratch/own.bpf.o" >/dev/null 2>&1 &
	child=$!
	sleep "$delay"
	kill -KILL "$child" 2>/dev/null
	wait "$child" 2>/dev/null
done
for ((tries = 0; tries < 50; tries++)); do
	after=$(held)
	[[ $after -eq 0 ]] && break
	sleep 0.1 # the kernel frees programs when it finds time
done
if [[ $after -gt 0 ]]; then
	echo "FAIL a killed run leaves $after maps and the programs that use them"
	failed=1
else
	echo "ok a killed run leaves nothing"
fi
exit "$failed"
