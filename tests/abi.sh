#!/bin/sh
# The interfaces of the libraries have all that tests/abi.txt lists: functions with
# their types, structs with their sizes and offsets, constants, exported symbols and
# SONAMEs. There may be more. `make abi` writes the list again; HACKING says when.
#
#   tests/abi.sh [--write]
. "${top_srcdir:-.}/tests/tap.sh"
work=$(mktemp -d "$top_builddir/abi.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
known=$top_srcdir/tests/abi.txt

# Our part of the headers. That of OpenSHMEM is in tests/standard.
headers=$(cd "$top_srcdir/include" && ls memheap/*.h)
[ -n "${MPICC:-}" ] || headers=$(printf '%s\n' "$headers" | grep -v memheap/mpi.h)
flags="-I$top_srcdir/include"
[ -z "${MPICC:-}" ] || {
    headers="$headers shmemx.h shmemx_pools.h"
    flags="$flags -I$top_srcdir/include/shmem"
}
compiler=${MPICC:-$CC}
for header in $headers; do
    echo "#include <$header>"
done >"$work/all.c"

# Print the structs and unions with their sizes and offsets, and the constants, from the
# debug information of the headers.
layouts()
{
    # shellcheck disable=SC2086 # flags
    $compiler $flags -g -gdwarf-4 -fno-eliminate-unused-debug-types -c "$work/all.c" \
        -o "$work/all.o" && readelf --debug-dump=info "$work/all.o" | awk '
        function done()
        {
            if (tag ~ /(structure|union)_type/) {
                type = name ~ /^(memheap|shmemx|mspace)/ && size != "" ? name : ""
                if (type != "")
                    print "type " type ": " size " bytes"
            } else if (tag ~ /member/ && type != "")
                print "type " type ": " name " at " at + 0
            else if (tag ~ /enumerator/ && name ~ /^(MEMHEAP|SHMEMX)/)
                print "constant " name ": " value
            else if (tag !~ /array|subrange|pointer|const|enumeration/)
                type = ""
        }
        /Abbrev Number/ {
            done()
            tag = $0
            name = size = at = value = ""
        }
        /DW_AT_name/ { name = $NF }
        /DW_AT_byte_size/ { size = $NF }
        /DW_AT_data_member_location/ { at = $NF }
        /DW_AT_const_value/ { value = $NF }
        END { done() }'
}

describe()
{
    layouts
    # gcc writes the prototypes without the names of parameters.
    # shellcheck disable=SC2086 # flags
    $compiler $flags -aux-info "$work/prototypes" -fsyntax-only "$work/all.c" 2>&1
    sed -n 's|^/\* .*include/[a-z]*/.*:NC \*/ extern ||p' "$work/prototypes" |
        grep -E '[ *](memheap|shmemx|mspace)_[a-z_0-9]+ \(|[a-z]_mspace' |
        sed 's/^/function /'
    # shellcheck disable=SC2086 # flags
    $compiler $flags -E -dM "$work/all.c" |
        sed -n 's/^#define \(MEMHEAP_[A-Z_0-9]*\|SHMEMX_[A-Z_0-9]*\) \(..*\)/macro \1: \2/p' |
        grep -vE '^macro MEMHEAP_VERSION|_H:|__attribute__|_:'
    for library in "$top_builddir"/.libs/libmemheap*.so; do
        soname=$(readelf -dW "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
        echo "library $soname"
        nm -D --defined-only "$library" | sed -n 's/.* [^A] \(.*\)@@\(MEMHEAP.*\)/\1 \2/p' |
            grep -vE 'PRIVATE|^p?shmem_' | sed "s/^/symbol $soname /"
    done
}

if ! $compiler --version 2>/dev/null | grep -q 'Free Software Foundation' ||
    [ -z "${MPICC:-}" ]; then
    echo "1..0 # SKIP the list is that of gcc, with MPI"
    exit 0
fi
describe | LC_ALL=C sort -u >"$work/now"
if [ "${1:-}" = --write ]; then
    cp "$work/now" "$known"
    exit
fi

# There is something of each kind, so the description itself works.
for line in 'function void *memheap_malloc (memheap_t *, size_t);' \
    'type memheap_config: memory at ' 'type memheap_value: ' \
    'constant MEMHEAP_OK: 0' 'macro MEMHEAP_COMPONENT_ABI: ' \
    'symbol libmemheap_mspace.so.0 mspace_malloc MEMHEAP_MSPACE_1.0' \
    'function size_t shmemx_heap_size (void);' 'library libmemheap_shmem.so.0'; do
    grep -qF "$line" "$work/now" || miss "lacks: $line"
done
fact "the interfaces are described"
output=$(LC_ALL=C comm -23 "$known" "$work/now")
[ -z "$output" ] ||
    miss "are gone or differ; restore them, or raise -version-info as HACKING says and run make abi"
fact "what tests/abi.txt lists is there"
finish
