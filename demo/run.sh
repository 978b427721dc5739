#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The main job on real input, from pickles to snapshots and back, damage included. Every answer is checked: this is a
# test as well as a tour. Works in a temporary folder. SNAPJAR names the program, PYTHON the interpreter.
set -euo pipefail

demo=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
snapjar=${SNAPJAR:-$demo/../build/cli/snapjar}
snapjar=$(realpath "$snapjar")
python=${PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$demo"
export LC_ALL=C.UTF-8

folder=$(mktemp -d "${TMPDIR:-/tmp}/snapjar-demo.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"
step_count=0

tell()
{
    step_count=$((step_count + 1))
    printf '\n== %d. %s\n' "$step_count" "$*"
}

fail()
{
    printf 'demo FAILED: %s\n' "$*" >&2
    exit 1
}

# Shows a command as one would type it, without folders.
show()
{
    local word line=''
    for word in "$@"; do
        case $word in */snapjar) word=snapjar ;; */python3*) word=python3 ;; "$demo"/*) word=demo/${word##*/} ;; esac
        line+=" $word"
    done
    printf '\n$%s\n' "$line"
}

# run COMMAND...: must succeed.
run()
{
    show "$@"
    "$@" || fail "exit code $? from: $*"
}

# refuse CODE DIAGNOSTIC COMMAND...: must fail with just this code and name this diagnostic.
refuse()
{
    local want=$1 diagnostic=$2 code=0
    shift 2
    show "$@"
    "$@" >refuse.out 2>&1 || code=$?
    cat refuse.out
    [[ $code -eq $want ]] || fail "exit code $code, must be $want, from: $*"
    grep -qF -- "$diagnostic" refuse.out || fail "no word of $diagnostic from: $*"
    printf '(exit code %s)\n' "$code"
}

# must_be FILE OTHER: the same bytes.
must_be()
{
    cmp -- "$1" "$2" || fail "$1 is not $2"
    printf '%s and %s: the same bytes\n' "$1" "$2"
}

# flip FILE OFFSET: flips the lowest bit of one byte.
flip()
{
    "$python" -c 'import sys
name, offset = sys.argv[1], int(sys.argv[2])
with open(name, "r+b") as file:
    file.seek(offset); byte = file.read(1)[0]
    file.seek(offset); file.write(bytes([byte ^ 1]))' "$1" "$2"
}

# fact FILE RECORD KEY: a number or text from `info --json`, as "offset" or "header.payload.size".
fact()
{
    "$snapjar" info --json "$1" | "$python" -c 'import json, sys
value = [row for row in map(json.loads, sys.stdin) if row["kind"] == "record"][int(sys.argv[1])]
for key in sys.argv[2].split("."):
    value = value[key]
print(value)' "$2" "$3"
}

tell "An ordinary program saves its jobs with pickle. It has never heard of snapjar."
run "$python" "$demo/jobs.py" .
wc -c -- *.pickle *.gz

tell "Put them in jars: one snapshot, a file of five pickles (five records), a gzip file, each protocol, an array."
run "$snapjar" pack job.pickle -o job.snapjar -t model:JobState -s 3 --label customer=acme --label shard:=7
run "$snapjar" pack history.pickle -o history.snapjar -t model:JobState -s 3
run "$snapjar" pack job.pickle.gz -o from-gzip.snapjar -t model:JobState -s 3
for protocol in 0 1 2 3 4 5; do
    "$snapjar" pack "protocol-$protocol.pickle" -o "protocol-$protocol.snapjar" -t model:JobState -s 3
done
[[ ! -f array.pickle ]] || run "$snapjar" pack array.pickle -o array.snapjar -t jobs:Result

tell "What is here? Headers only: no payload byte is read, no class is needed."
run "$snapjar" ls .
run "$snapjar" info job.snapjar
run "$snapjar" info --json job.snapjar
[[ $(fact job.snapjar 0 header.schema_version) == 3 ]] || fail "schema_version"
[[ $("$snapjar" info --json history.snapjar | grep -c '"kind":"record"') -eq 5 ]] || fail "history.snapjar must have five records"

tell "Is all of it whole?"
run "$snapjar" verify .

tell "A snapshot is a valid zstd stream, so the pickle comes out without snapjar too, byte for byte."
run zstd -qt job.snapjar history.snapjar
show zstd -dc history.snapjar
zstd -dcq history.snapjar >plain.pickle
must_be plain.pickle history.pickle

tell "Damage: one bit of the payload, one of the header, a cut, a text-mode transfer, a file that is something else."
cp history.snapjar flipped.snapjar
flip flipped.snapjar "$(($(fact history.snapjar 2 payload_offset) + 9))"
refuse 1 payload-checksum-mismatch "$snapjar" verify flipped.snapjar
refuse 1 payload-checksum-mismatch "$snapjar" unpack flipped.snapjar -o never.pickle
[[ ! -e never.pickle ]] || fail "unpack left a partial file"
cp job.snapjar header.snapjar
flip header.snapjar 60
refuse 1 header-checksum-mismatch "$snapjar" info header.snapjar
head -c -100 history.snapjar >torn.snapjar
refuse 1 record-cut-short "$snapjar" verify torn.snapjar
sed 's/\r$//' job.snapjar >text.snapjar
refuse 1 text-mode-damage "$snapjar" verify text.snapjar
refuse 1 not-snapjar "$snapjar" verify job.pickle
head -c 500 job.pickle >half.pickle
refuse 1 pickle-cut-short "$snapjar" pack half.pickle -o never.snapjar -t model:JobState
[[ ! -e never.snapjar ]] || fail "pack left a file"
run "$snapjar" explain record-cut-short

tell "Recover what is whole. The damaged file stays as it is."
cp flipped.snapjar before
refuse 1 "" "$snapjar" recover flipped.snapjar -o rescued.snapjar
must_be flipped.snapjar before
refuse 1 "" "$snapjar" recover torn.snapjar -o rescued-torn.snapjar
run "$snapjar" verify rescued.snapjar rescued-torn.snapjar

tell "Append. A torn tail is never written over: it is refused, or set aside when asked."
refuse 1 tail-torn "$snapjar" append torn.snapjar job.pickle -t model:JobState -s 3
run "$snapjar" append --repair torn.snapjar job.pickle -t model:JobState -s 3
run "$snapjar" ls torn.snapjar
run "$snapjar" append job.snapjar job.pickle -t model:JobState -s 4
run "$snapjar" verify torn.snapjar job.snapjar

tell "Unpack: the pickle is written only after everything was verified."
run "$snapjar" unpack history.snapjar -o history.out
must_be history.out history.pickle
run "$snapjar" unpack from-gzip.snapjar -o from-gzip.out
must_be from-gzip.out job.pickle
"$snapjar" unpack rescued.snapjar -o rescued.out
"$snapjar" unpack rescued-torn.snapjar -o rescued-torn.out
for protocol in 0 1 2 3 4 5; do
    "$snapjar" unpack "protocol-$protocol.snapjar" -o "protocol-$protocol.out"
    cmp "protocol-$protocol.out" "protocol-$protocol.pickle" || fail "protocol $protocol"
done

tell "Load them, and compare with what the program had in memory: values, identities, cycles."
run "$python" "$demo/check.py" history history.out
run "$python" "$demo/check.py" history rescued.out 0,1,3,4
run "$python" "$demo/check.py" history rescued-torn.out 0,1,2,3
for protocol in 0 1 2 3 4 5; do
    "$python" "$demo/check.py" job "protocol-$protocol.out" | sed "s/^/protocol $protocol: /"
done
if [[ -f array.pickle ]]; then
    run "$snapjar" unpack array.snapjar -o array.out
    run "$python" "$demo/check.py" array array.out
else
    echo "(numpy is not installed: no array)"
fi

printf '\nEverything is as it should be: %d steps.\n1 passed, 0 failed\n' "$step_count"
