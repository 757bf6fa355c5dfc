#!/bin/sh
# The headers in C99, C11 and C++, and the names that libshmem exports.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
work=$(mktemp -d "$top_builddir/headers.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

for header in shmem.h shmemx.h pshmem.h mpp/shmem.h mpp/shmemx.h memheap.h \
    base/component.h base/bitmap.h base/hashmap.h; do
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

library=$top_builddir/.libs/libshmem.so
names=$(nm -D --defined-only "$library" | awk '{ print $3 }' | sed 's/@.*//')
output=$(printf '%s\n' "$names" |
    grep -vE '^(p?shmemx?_|p?sh(malloc|free|realloc|memalign)$|p?start_pes$|MPI_(Init|Init_thread|Finalize|Finalized)$)')
[ -z "$output" ] || miss "exports more"
fact "libshmem exports the standard's names and extensions alone"
output=
for name in $(printf '%s\n' "$names" | grep -E '^(shmem|sh|start)'); do
    printf '%s\n' "$names" | grep -qx "p$name" || miss "no p$name"
done
fact "each routine has its name for profiling"
finish
