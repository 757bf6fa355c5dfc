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
while IFS='|' read -r count rank advice; do
    output=$(env "$count=4" "$rank=0" "$program" s 2>&1)
    status=$?
    check_status 0
    says "warning: the launcher has started 4 processes, but each is a job of one PE; start it by $advice"
    output=$(env "$count=4" "$rank=1" "$program" s 2>&1)
    case $output in *launcher*) miss "has the warning twice" ;; esac
    fact "PEs that do not know of each other are warned: $count"
done <<END
SLURM_STEP_NUM_TASKS|SLURM_PROCID|srun --mpi=pmix with Open MPI, or --mpi=pmi2 with MPICH
OMPI_COMM_WORLD_SIZE|OMPI_COMM_WORLD_RANK|the mpirun of the MPI that it was built with
END
job error -n 2 "$program" mMs
says "MPI was finalized, and cannot start again"
fact "the library cannot start after MPI was finalized"
finish
