#!/bin/sh
# The installed library as a user meets it: every example is built with
# pkg-config alone, and run on four PEs with each component.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
stage=$(mktemp -d "$top_builddir/stage.XXXXXX") || exit 1
trap 'rm -rf "$stage"' EXIT
MEMHEAP_TEST_TIME=60

output=$(MAKEFLAGS= make -C "$top_builddir" install DESTDIR="$stage" 2>&1) ||
    miss "does not install"
prefix=$stage$configured_prefix
# The libraries look for each other where they will be in the end.
LD_LIBRARY_PATH=$prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
[ -d "$prefix/lib/pkgconfig" ] || miss "no $prefix/lib/pkgconfig"
fact "make install"

# What pkg-config says of a package here, for the folder of the installation.
flags()
{
    PKG_CONFIG_PATH="$prefix/lib/pkgconfig" \
        pkg-config --define-variable=prefix="$prefix" --cflags --libs "$1"
}

build()
{
    compiler=$1 package=$2 name=$3
    # shellcheck disable=SC2046 # the flags are words
    output=$($compiler -O2 -Wall -Wextra -Werror \
        "$top_srcdir/examples/$name.c" $(flags "$package") \
        -o "$prefix/$name" 2>&1) || miss "does not compile"
    fact "$name builds with pkg-config $package alone"
}

build "$MPICC" shmem hello
build "$MPICC" shmem sort
build "$MPICC" shmem halo
build "$CC" shmem hello
build "$CC" memheap range
# shellcheck disable=SC2046
output=$($CC -O2 -Wall -Wextra -Werror -shared -fPIC \
    "$top_srcdir/examples/plugin.c" $(flags memheap) -o "$prefix/pile.so" 2>&1) ||
    miss "does not compile"
fact "the plug-in builds with pkg-config memheap alone"

for component in buddy ptmalloc pile; do
    settings="-x MEMHEAP_COMPONENT=$component -x MEMHEAP_PLUGIN_PATH=$prefix"
    # shellcheck disable=SC2086
    job 0 $settings -n 4 "$prefix/hello"
    says "PE 0 of 4: block at 0x" "component $component, greeted by PE 3" \
        "PE 3 of 4" "greeted by PE 2"
    blocks=$(printf '%s\n' "$output" | sed -n 's/.*block at \(0x[0-9a-f]*\),.*/\1/p' | sort -u | wc -l)
    [ "$blocks" = 1 ] || miss "has $blocks addresses"
    fact "hello, component $component"
    # shellcheck disable=SC2086
    job 0 $settings -n 4 "$prefix/sort"
    says "round 4: 320000 keys" sorted
    fact "sort, component $component"
    # shellcheck disable=SC2086
    job 0 $settings -n 4 "$prefix/halo"
    says "PE 0: from 0.9" "PE 3: from 0.0"
    fact "halo, component $component"
    output=$(MEMHEAP_COMPONENT=$component MEMHEAP_PLUGIN_PATH=$prefix \
        "$prefix/range" 2>&1)
    status=$?
    check_status 0
    says "component $component:" "lies 16 bytes into the block" "in use"
    fact "range, component $component"
done

output=$(MEMHEAP_PLUGIN_PATH=$prefix/pile.so "$prefix/bin/memheap-info" 2>&1)
says pile buddy ptmalloc SHMEM_SYMMETRIC_SIZE MEMHEAP_COMPONENT
fact "memheap-info lists the plug-in too"
# shellcheck disable=SC2086
job 0 -n 2 "$prefix/bin/memheap-replay" -n 2000 --traces \
    "$prefix/share/memheap/traces"
says ptmalloc buddy same none
fact "memheap-replay replays the installed traces"
for page in memheap-info.1 memheap-replay.1; do
    [ -f "$prefix/share/man/man1/$page" ] || miss "no $page"
done
fact "the man pages are installed"
finish
