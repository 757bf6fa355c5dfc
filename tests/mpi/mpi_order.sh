#!/bin/sh
# MPI and this library in one program, started and ended in each order: m and
# s start MPI and the library, M and S end them.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/with_mpi
MEMHEAP_TEST_TIME=20

for order in msSM msMS smSM smMS tsSM stMS sSsS msM smSsSM msSsMS s; do
    job 0 -n 3 "$program" "$order"
    fact "MPI and the library work in order $order"
done
job 0 -n 1 "$program" sSsS
fact "both work with one PE"
output=$("$program" smMS 2>&1)
status=$?
check_status 0
fact "both work without a launcher"
job error -n 2 "$program" mMs
says "MPI was finalized, and cannot start again"
fact "the library cannot start after MPI was finalized"
finish
