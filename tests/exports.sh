#!/bin/sh
# The libraries export exactly the symbols that the installed headers declare, with
# the version of the interface. Libraries and programs are hardened.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
work=$(mktemp -d "$top_builddir/exports.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# Print the memheap_* functions and variables that headers declare. A generated
# program takes the address of each name, so the compiler decides.
declared()
{
    for header; do
        echo "#include <$header>"
    done > "$work/a.c"
    # shellcheck disable=SC2086 # flags
    ${MPICC:-$CC} -I"$top_srcdir/include" -I"$top_srcdir/include/shmem" -E -P \
        "$work/a.c" |
        tr '\n' ' ' | sed 's/static inline[^{]*{[^}]*}//g; s/{[^}]*}//g' |
        tr ';' '\n' | grep -vE '^ *(typedef|struct [a-z_]+ *$|enum )' |
        grep -oE "\b((memheap|p?shmemx|mspace)_[a-z0-9_]+|[a-z]+_mspace[a-z_]*) *(\(|$)" |
        tr -d ' (' | grep -vE '_t$' | sort -u
}

# exported LIBRARY VERSION: print the symbols of a library that have a version.
exported()
{
    nm -D --defined-only "$top_builddir/.libs/$1.so" |
        sed -n "s/.* [^A] \(.*\)@@$2\$/\1/p" | sort -u
}

# same LIBRARY VERSION HEADER...: compare exported and declared symbols.
same()
{
    library=$1 version=$2
    shift 2
    declared "$@" > "$work/declared"
    exported "$library" "$version" > "$work/exported"
    [ -s "$work/declared" ] || miss "declare nothing"
    output=$(comm -23 "$work/declared" "$work/exported")
    [ -z "$output" ] || miss "are declared and not exported"
    fact "$library exports all that its headers declare"
    output=$(comm -13 "$work/declared" "$work/exported")
    [ -z "$output" ] || miss "are exported and not declared"
    fact "$library exports no other symbols as $version"
}

core=$(cd "$top_srcdir/include" && ls memheap/*.h | grep -vE '/(call_sites|mpi|mspace)\.h')
# shellcheck disable=SC2086 # words
same libmemheap MEMHEAP_1.0 $core

output=$(nm -D --defined-only "$top_builddir/.libs/libmemheap.so" |
    sed -n 's/.* [^A] //p' | grep -vE '@@MEMHEAP_(1\.0|PRIVATE)$')
[ -z "$output" ] || miss "have no version"
fact "each symbol of libmemheap has a version"

same libmemheap_mspace MEMHEAP_MSPACE_1.0 memheap/mspace.h

if [ -e "$top_builddir/.libs/libmemheap_mpi.so" ]; then
    declared memheap/mpi.h | grep '^memheap_mpi_' > "$work/declared"
    exported libmemheap_mpi MEMHEAP_MPI_1.0 > "$work/exported"
    output=$(diff "$work/declared" "$work/exported") || miss "differ"
    fact "libmemheap_mpi exports what memheap/mpi.h declares"
    declared shmemx.h shmemx_pools.h | grep 'shmemx' |
        grep -vE '_(team_world|team_shared|ctx_default|at_end|int_at_end)$' \
            > "$work/declared"
    nm -D --defined-only "$top_builddir/.libs/libmemheap_shmem.so" |
        sed -n 's/.* [^A] \(p\{0,1\}shmemx_.*\)@@MEMHEAP_SHMEM_1.0$/\1/p' |
        grep -vE '_(team_world|team_shared|ctx_default)$' | sort -u \
        > "$work/exported"
    output=$(comm -13 "$work/exported" "$work/declared")
    [ -z "$output" ] || miss "are declared and not exported"
    output=$(sed 's/^p//' "$work/exported" | sort -u |
        comm -23 - "$work/declared")
    [ -z "$output" ] || miss "are exported and not declared"
    fact "libmemheap_shmem exports the extensions that its headers declare"
fi

# hardened FLAG COMMAND PATTERN TEXT: the output of readelf for each library and
# program has the pattern, if the build has the flag.
hardened()
{
    case $built_hardening in
        *"$1"*) ;;
        *)
            skip "$4" "built without $1"
            return
            ;;
    esac
    for file in $files; do
        output=$(readelf -W $2 "$file")
        printf '%s\n' "$output" | grep -qE -e "$3" || miss "$file"
    done
    fact "$4"
}

files="$top_builddir/.libs/libmemheap*.so $top_builddir/tools/.libs/memheap-info"
# shellcheck disable=SC2086 # a pattern
files=$(ls $files 2>/dev/null || echo "$top_builddir/.libs/libmemheap.so")
hardened -z,relro -l GNU_RELRO "tables of the linker become read-only"
hardened -z,now -d '\((BIND_NOW|FLAGS)\).*NOW' "symbols are bound at the start"
hardened -z,noexecstack -l 'GNU_STACK.* RW +0x' "no stack is executable"
hardened -fcf-protection -n IBT "jumps have landing pads"
for file in $files; do
    output=$(readelf -dW "$file" | grep TEXTREL) && miss "$file"
done
fact "no code is written to at the start"
# libmemheap_mspace has no array to protect.
files=$(ls "$top_builddir"/.libs/libmemheap*.so | grep -v mspace)
hardened -fstack-protector --dyn-syms 'UND __stack_chk_fail' "stacks are protected"
files=$top_builddir/.libs/libmemheap.so
hardened -D_FORTIFY_SOURCE --dyn-syms 'UND __[a-z]+_chk@' "calls of the C library are fortified"
finish
