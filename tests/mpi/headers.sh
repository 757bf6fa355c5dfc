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

# The same names in C++, and both kinds of complex numbers.
cat > "$work/complex.cc" <<'END_OF_PROGRAM'
#include <complex>
#include <shmem.h>
#include <pshmem.h>
static double _Complex a[2];
static std::complex<double> b[2];
static float _Complex c[2];
static std::complex<float> d[2];
int main()
{
    long sync[SHMEM_SYNC_SIZE];
    shmem_complexd_sum_reduce(SHMEM_TEAM_WORLD, a, a, 2);
    shmem_complexd_sum_reduce(SHMEM_TEAM_WORLD, b, b, 2);
    shmem_complexf_prod_reduce(SHMEM_TEAM_WORLD, c, c, 2);
    shmem_complexf_prod_reduce(SHMEM_TEAM_WORLD, d, d, 2);
    shmem_complexd_sum_to_all(a, a, 2, 0, 0, 1, a, sync);
    shmem_complexd_sum_to_all(b, b, 2, 0, 0, 1, b, sync);
    shmem_sum_exscan(SHMEM_TEAM_WORLD, b, b, 2);
    return shmem_sum_reduce(SHMEM_TEAM_WORLD, c, c, 2) +
           shmem_prod_reduce(SHMEM_TEAM_WORLD, d, d, 2);
}
END_OF_PROGRAM
cp "$top_srcdir/tests/standard/generic.c" "$work/generic.cc"
for standard in c++98 c++17; do
    for compiler in "${CXX:-c++}" clang++; do
        # shellcheck disable=SC2086
        command -v ${compiler%% *} >/dev/null || continue
        for program in generic complex; do
            output=$($compiler -std=$standard $flags -Wno-long-long \
                "$work/$program.cc" 2>&1) || miss "does not compile"
            fact "$program names as $standard with $compiler"
        done
    done
done

# A generic name for a type that does not fit: the message has those that do.
cat > "$work/misfit.c" <<'END_OF_PROGRAM'
#include <shmem.h>
int main(void)
{
    volatile long v;
    void *p = 0;
    long double l;
    shmem_put(p, p, 1, 0);
    shmem_atomic_inc(&l, 0);
    shmem_atomic_add(SHMEM_CTX_DEFAULT, &l, 1, 0);
    shmem_wait_until(&v, SHMEM_CMP_EQ, 1);
    return shmem_xor_reduce(SHMEM_TEAM_WORLD, &l, &l, 1);
}
END_OF_PROGRAM
for compiler in "$CC" clang; do
    command -v "${compiler%% *}" >/dev/null || continue
    output=$($compiler -std=c11 $flags "$work/misfit.c" 2>&1) && miss "compiles"
    says pointer_to_float_double_longdouble_char_ \
        pointer_to_int_long_longlong_uint_ pointer_to_short_ushort_int_ \
        pointer_to_uchar_ushort_uint_
    fact "a generic name that does not fit names the types, with $compiler"
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
