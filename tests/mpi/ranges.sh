#!/bin/sh
# One address range on all PEs, with different mappings on each PE.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/ranges
MEMHEAP_TEST_TIME=30

for np in 1 2 4 5; do
    job 0 -n "$np" "$program" some
    says "symmetric at 0x"
    fact "$np PEs: candidates that one PE has mapped are skipped"
done

job 0 -n 1 "$program" : -n 1 "$top_builddir/tests/mpi/diverge" join : \
    -n 1 "$program" some
says "symmetric at 0x"
fact "a different program on one PE is supported"

for np in 2 5; do
    job error -x SHMEM_SYMMETRIC_SIZE=64g -n "$np" "$program" all
    says "memheap: PE 1: no address range of 64 GiB is free on all PEs" \
        "this is in the way:"
    says_once
    fact "$np PEs: no common range ends all with a message"
done
finish
