#!/bin/sh
# The installed headers compile in C99 and later and in C++98 and later, alone and
# next to headers of the same names; libmemheap_shmem exports the right routines.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
work=$(mktemp -d "$top_builddir/headers.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

flags="-I$top_srcdir/include -I$top_srcdir/include/shmem"
flags="$flags -Wall -Wextra -Wshadow -Werror -fsyntax-only"
headers=$(cd "$top_srcdir/include" && ls memheap/*.h &&
    cd shmem && ls ./*.h mpp/*.h | sed 's|^\./||')
[ "$(printf '%s\n' "$headers" | wc -l)" -gt 20 ] || miss "are not all there"
fact "the installed headers are found"

for header in $headers; do
    printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' \
        "$header" "$header" > "$work/a.c"
    cp "$work/a.c" "$work/a.cc"
    case $header in
        # Without the C++ bindings of old MPIs.
        memheap/mpi.h)
            c=$MPICC
            cxx=${MPICXX:+$MPICXX -DOMPI_SKIP_MPICXX -DMPICH_SKIP_MPICXX}
            ;;
        *) c=$CC cxx=${CXX:-c++} ;;
    esac
    for standard in c99 c11; do
        output=$($c -std=$standard -pedantic $flags "$work/a.c" 2>&1) ||
            miss "does not compile"
        fact "$header as $standard"
    done
    # shellcheck disable=SC2086 # a command, maybe with arguments
    command -v ${cxx%% *} >/dev/null || continue
    for standard in c++98 c++11 c++17; do
        output=$($cxx -std=$standard $flags -Wno-long-long "$work/a.cc" 2>&1) ||
            miss "does not compile"
        fact "$header as $standard"
    done
done

# A program's own headers of the same names are found first.
for name in base/status cache component context log memory param placement pool \
    status version; do
    mkdir -p "$work/own/base"
    echo "#define OWN_$(echo "$name" | tr a-z/ A-Z_) 1" > "$work/own/$name.h"
done
cat > "$work/own/main.c" <<'END_OF_PROGRAM'
#include "base/status.h"
#include "cache.h"
#include "component.h"
#include "context.h"
#include "log.h"
#include "memory.h"
#include "param.h"
#include "placement.h"
#include "pool.h"
#include "status.h"
#include "version.h"
#include <memheap/cache.h>
#include <memheap/component.h>
#include <memheap/context.h>
#include <memheap/placement.h>
#include <shmem.h>
#include <shmemx.h>
#if OWN_BASE_STATUS + OWN_CACHE + OWN_COMPONENT + OWN_CONTEXT + OWN_LOG +      \
        OWN_MEMORY + OWN_PARAM + OWN_PLACEMENT + OWN_POOL + OWN_STATUS +       \
        OWN_VERSION !=                                                         \
    11
#error "not the program's own headers"
#endif
int main(void)
{
    memheap_cache_t *cache = NULL;
    memheap_context_t *context = NULL;
    return cache != NULL || context != NULL || MEMHEAP_OK != 0;
}
END_OF_PROGRAM
output=$($CC -std=c11 "-I$work/own" $flags "$work/own/main.c" 2>&1) ||
    miss "does not compile"
fact "a program may have headers of these names"

for standard in c11 gnu17; do
    for compiler in "$CC" clang; do
        command -v "${compiler%% *}" >/dev/null || continue
        output=$($compiler -std=$standard $flags "$top_srcdir/tests/standard/generic.c" 2>&1) ||
            miss "does not compile"
        fact "every generic name as $standard with $compiler"
    done
done

library=$top_builddir/.libs/libmemheap_shmem.so
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' |
    sed 's/@.*//' | sort -u > "$work/exported"
awk -f "$top_srcdir/tests/standard/symbols.awk" \
    "$top_srcdir/tests/standard/types.tsv" \
    "$top_srcdir/tests/standard/routines.tsv" | sort -u > "$work/standard"
[ "$(wc -l < "$work/standard")" -gt 1700 ] || miss "the table is not whole"
output=$(comm -23 "$work/standard" "$work/exported")
[ -z "$output" ] || miss "lacks some"
fact "libmemheap_shmem exports every routine of the standard"
sed 's/^/p/' "$work/standard" | sort > "$work/profiling"
output=$(comm -23 "$work/profiling" "$work/exported")
[ -z "$output" ] || miss "lacks some"
fact "libmemheap_shmem exports its profiling name too"
output=$(sort -u "$work/standard" "$work/profiling" |
    comm -13 - "$work/exported" |
    grep -vE '^(p?shmemx_|MPI_(Init|Init_thread|Finalize|Finalized)$)')
[ -z "$output" ] || miss "exports more"
fact "otherwise, it exports only extensions and MPI's start and end"
finish
