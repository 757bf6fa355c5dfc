#!/bin/sh
# Fuzzes the library and its tools. Each target runs on its seeds, and then on new
# inputs for its share of FUZZ_SECONDS. `make fuzz` runs this script too.
. "${top_srcdir:-.}/tests/tap.sh"
seconds=${FUZZ_SECONDS:-20}
work=$(mktemp -d "$top_builddir/fuzz.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

cat >"$work/empty.c" <<'END_OF_SOURCE'
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return size > 0 && data == NULL;
}
END_OF_SOURCE
if ! ${FUZZ_CC:-clang} -fsanitize=fuzzer,address,undefined -o "$work/empty" \
    "$work/empty.c" >/dev/null 2>&1 || ! "$work/empty" -runs=1 >/dev/null 2>&1; then
    echo "1..0 # SKIP this takes clang with libFuzzer (Debian: clang," \
        "libclang-rt-14-dev)"
    exit 0
fi

MEMHEAP_TEST_TIME=600
run 0 env MAKEFLAGS='' make -s -C "$top_builddir" -j 2 \
    "FUZZ_CC=${FUZZ_CC:-clang}" fuzz-targets
fact "the fuzz targets build"

targets=$(find "$top_builddir/tests/fuzz" -name '*.fuzz' | sort)
each=$((seconds / $(echo "$targets" | wc -l)))
new_inputs=-max_total_time=$each
[ $each -gt 0 ] || new_inputs=-runs=0
MEMHEAP_TEST_TIME=$((each + 300))
ASAN_OPTIONS=allocator_may_return_null=1
export ASAN_OPTIONS
for target in $targets; do
    name=$(basename "$target" .fuzz)
    found=$top_builddir/fuzz-$name-
    seed=${MEMHEAP_TEST_SEED:-$(od -An -N 3 -t u4 /dev/urandom | tr -d ' ')}
    mkdir "$work/$name"
    run 0 nice "$target" -verbosity=0 "-seed=$seed" "$new_inputs" -max_len=1000 \
        -len_control=0 -timeout=30 "-artifact_prefix=$found" \
        "-dict=$top_srcdir/tests/fuzz/$name.dict" "$work/$name" \
        "$top_srcdir/tests/fuzz/seeds/$name"
    if [ "$status" -ne 0 ]; then
        # shellcheck disable=SC2012 # the newest file
        echo "# to repeat it: $target $(ls -t "$found"* 2>/dev/null | head -n 1)"
    fi
    fact "$name stands all seeds, and $each s of new inputs with -seed=$seed"
done
finish
