#!/bin/sh
# Memcheck and AddressSanitizer report errors in symmetric memory, with the call
# that allocated it, and report nothing for correct programs.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/guarded
mistakes=$top_builddir/tests/mpi/mistakes
MEMHEAP_TEST_TIME=120
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
on="-x MEMHEAP_CHECKERS=1"

says_nothing()
{
    case $output in
        *memheap:* | *"== Invalid"* | *"== Conditional"* | *"== Use of"* | \
            *"points to"* | *"ERROR:"*) miss "says something" ;;
    esac
}

skip()
{
    facts=$((facts + 1))
    echo "ok $facts # SKIP $*"
}

memcheck()
{
    # An uninstalled program may be a libtool script.
    valgrind="valgrind -q --trace-children=yes --trace-children-skip=*/sh,*/sed,*/ls,*/cat,*/expr,*/addr2line,*/basename,*/dirname,*/uname"
    valgrind="$valgrind --suppressions=$top_srcdir/tests/mpi/memcheck.supp"
    job 0 $on -n 2 $valgrind "$mistakes" uninitialised
    says "Conditional jump or move depends on uninitialised value" \
        "main (mistakes.c:30)"
    fact "memcheck: an uninitialized value is found"
    job 0 $on -n 2 $valgrind "$mistakes" overrun
    says "Invalid write of size 4" "main (mistakes.c:44)" \
        "is 0 bytes after a block of size 400 client-defined" \
        "main (mistakes.c:27)"
    fact "memcheck: an overrun is found"
    job 0 $on -n 2 $valgrind "$mistakes" use-after-free
    says "Invalid read of size 4" "main (mistakes.c:40)" \
        "is 12 bytes inside a block of size 400 free'd" \
        "main (mistakes.c:39)" "Block was alloc'd at" "main (mistakes.c:27)"
    fact "memcheck: a use after free is found"
    for np in 1 2; do
        job 0 $on -n $np $valgrind "$program" unset
        count=$(printf '%s\n' "$output" | grep -c 'unset (guarded.c:')
        [ "$count" = "$np" ] || miss "has $count reports instead of $np"
        fact "memcheck: $np PEs: memory of calloc() is initialized"
    done
    for mistake in stray-write stray-put; do
        job 0 $on -n 2 $valgrind "$mistakes" $mistake
        says "Invalid write of size 4" "main (mistakes.c:" \
            "is 28 bytes inside a block of size 400 free'd" \
            "Block was alloc'd at" "main (mistakes.c:27)"
        fact "memcheck: a $mistake is found"
    done
    for how in auto ucx; do
        job 0 $on -x MEMHEAP_TRANSPORT=$how -n 2 $valgrind "$program" signalled
        says done
        says_nothing
        fact "memcheck: $how: data put by other PEs is initialized"
        job 0 $on -x MEMHEAP_TRANSPORT=$how -x MEMHEAP_CHECK=1 -n 2 $valgrind \
            "$program" churn 12
        says done
        says_nothing
        fact "memcheck: $how: correct programs pass"
    done
}

# Build a program with the sanitizer, against a library built without it.
build()
{
    "$MPICC" -g -fsanitize=address -I"$top_srcdir/include/shmem" \
        -I"$top_srcdir/include" -I"$top_srcdir" "$1" -o "$2" \
        -L"$top_builddir/.libs" -lmemheap_shmem -lmemheap \
        -Wl,-rpath,"$top_builddir/.libs" >"$folder/log" 2>&1
}

asan()
{
    mistakes=$folder/mistakes
    program=$folder/guarded
    build "$top_srcdir/tests/mpi/guarded.c" "$program" || {
        skip "the tests' compiler has no AddressSanitizer"
        return
    }
    build "$top_srcdir/examples/mistakes.c" "$mistakes"
    for np in 1 2; do
        job error $on -n $np "$mistakes" overrun
        says "AddressSanitizer: use-after-poison" "main " "mistakes.c:44" \
            ", 0 bytes behind the block of 400 bytes at 0x" \
            "of heap \"symmetric\", allocation 1, tag \"grid\"" \
            "the block was allocated from main at mistakes.c:27"
        fact "ASan: $np PEs: an overrun is found"
        job error $on -n $np "$mistakes" use-after-free
        says "AddressSanitizer: use-after-poison" "mistakes.c:40" \
            ", 12 bytes into the freed block of 400 bytes at 0x" \
            "the block was allocated from main at mistakes.c:27" \
            "and freed from main at mistakes.c:39"
        fact "ASan: $np PEs: a use after free is found"
    done
    for how in auto ucx; do
        job error $on -x MEMHEAP_TRANSPORT=$how -n 2 "$mistakes" stray-put
        says "AddressSanitizer: use-after-poison" "WRITE of size" \
            "shmem_int_p" "mistakes.c:53" \
            ", 28 bytes into the freed block of 400 bytes at 0x"
        fact "ASan: $how: a stray put is found"
        for check in 0 1; do
            job 0 $on -x MEMHEAP_TRANSPORT=$how -x MEMHEAP_CHECK=$check -n 4 \
                "$program" churn
            says done
            says_nothing
            fact "ASan: $how, MEMHEAP_CHECK=$check: correct programs pass"
        done
    done
    job error $on -n 2 "$mistakes" stray-write
    says "AddressSanitizer: use-after-poison" "mistakes.c:49" \
        ", 28 bytes into the freed block of 400 bytes at 0x" \
        "of heap \"symmetric\" on PE " ", through its window"
    fact "ASan: a stray write is found"
    # Blocks must have the same size on all PEs, even if only one has the sanitizer.
    job 0 $on -n 1 "$program" churn : $on -n 2 "$top_builddir/tests/mpi/guarded" churn
    says done
    says_nothing
    fact "ASan: a single PE may have the sanitizer"
}

case $built_cflags in
    *sanitize*) skip "memcheck does not run programs with a sanitizer" ;;
    *)
        if valgrind --version >/dev/null 2>&1 &&
            grep -q '^#define HAVE_VALGRIND_MEMCHECK_H' "$top_builddir/config.h"; then
            memcheck
        else
            skip "there is no valgrind"
        fi
        ;;
esac
asan
finish
