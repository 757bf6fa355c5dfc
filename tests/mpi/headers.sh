#!/bin/sh
# The headers in C99, C11 and C++, and the names that libshmem exports.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
work=$(mktemp -d "$top_builddir/headers.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

for header in shmem.h shmemx.h pshmem.h mpp/shmem.h mpp/shmemx.h memheap.h \
    placement.h page_pool.h range_pool.h include/memheap/memory_policy.h \
    include/memheap/component.h base/bitmap.h base/hashmap.h; do
    printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' \
        "$header" "$header" > "$work/a.c"
    cp "$work/a.c" "$work/a.cc"
    flags="-I$top_srcdir -I$top_srcdir/shmem -I$top_srcdir/memheap"
    flags="$flags -Wall -Wextra -Werror -fsyntax-only"
    for standard in c99 c11; do
        case $header:$standard in base/*map.h:c99) continue ;; esac
        output=$($CC -std=$standard -pedantic $flags "$work/a.c" 2>&1) ||
            miss "does not compile"
        fact "$header as $standard"
    done
    case $header in base/*map.h) continue ;; esac
    if command -v "${CXX:-c++}" >/dev/null; then
        output=$(${CXX:-c++} -std=c++11 $flags "$work/a.cc" 2>&1) ||
            miss "does not compile"
        fact "$header as C++"
    fi
done

for standard in c11 gnu17; do
    for compiler in "$CC" clang; do
        command -v "${compiler%% *}" >/dev/null || continue
        output=$($compiler -std=$standard $flags "$top_srcdir/tests/standard/generic.c" 2>&1) ||
            miss "does not compile"
        fact "every generic name as $standard with $compiler"
    done
done

library=$top_builddir/.libs/libshmem.so
nm -D --defined-only "$library" | awk '{ print $3 }' | sed 's/@.*//' |
    sort -u > "$work/exported"
awk -f "$top_srcdir/tests/standard/symbols.awk" \
    "$top_srcdir/tests/standard/types.tsv" \
    "$top_srcdir/tests/standard/routines.tsv" | sort -u > "$work/standard"
[ "$(wc -l < "$work/standard")" -gt 1700 ] || miss "the table is not whole"
output=$(comm -23 "$work/standard" "$work/exported")
[ -z "$output" ] || miss "lacks some"
fact "libshmem exports every routine of the standard"
sed 's/^/p/' "$work/standard" | sort > "$work/profiling"
output=$(comm -23 "$work/profiling" "$work/exported")
[ -z "$output" ] || miss "lacks some"
fact "each under its name for profiling too"
output=$(sort -u "$work/standard" "$work/profiling" |
    comm -13 - "$work/exported" |
    grep -vE '^(p?shmemx_|memheap_mpi_|MPI_(Init|Init_thread|Finalize|Finalized)$)')
[ -z "$output" ] || miss "exports more"
fact "and nothing else but extensions and MPI's start and end"
finish
