#!/bin/bash -eu
# SPDX-License-Identifier: MIT
#
# Builds all fuzz targets as OSS-Fuzz wants them (https://google.github.io/oss-fuzz/getting-started/new-project-guide/): with the
# compiler, flags and engine that the environment names, libraries linked statically, and in $OUT each target beside its seeds and
# its dictionary. The image needs meson, ninja, python3, pkg-config and the static zstd, xxhash, jansson, sodium, zlib, bzip2
# and lzma. It is run from the source folder by hand in the same way:
#   CC=clang CFLAGS='-O1 -g -fsanitize=address,fuzzer-no-link' LIB_FUZZING_ENGINE=-fsanitize=fuzzer OUT=/tmp/out \
#     tests/fuzz/oss-fuzz/build.sh
cd "$(dirname "$0")/../../.."
: "${CC:?}" "${OUT:?}" "${LIB_FUZZING_ENGINE:?}"
work=${WORK:-$OUT/work}
rm -rf "$work/build"
mkdir -p "$OUT" "$work"

meson setup "$work/build" --prefer-static -Dbuildtype=plain -Dwerror=false -Dfuzz=true -Dfuzz_engine="$LIB_FUZZING_ENGINE" \
    -Dcli=false -Dpython=disabled -Db_lundef=false -Db_pie=false

for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    meson compile -C "$work/build" "$name"
    cp "$work/build/tests/fuzz/$name" "$OUT/"
    corpus=tests/fuzz/corpus/${name#fuzz_}.hex
    if [[ -f $corpus ]]; then
        python3 tests/fuzz/corpus.py expand "$corpus" "$work/seeds/$name"
        python3 -c 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", sys.argv[2])' "$OUT/${name}_seed_corpus" "$work/seeds/$name"
    fi
    dictionary=tests/fuzz/${name#fuzz_}.dict
    [[ ! -f $dictionary ]] || cp "$dictionary" "$OUT/$name.dict"
done
