#!/bin/sh
# The messages of each routine of the standard, for each mistake that it can find in
# its arguments.
MEMHEAP_TEST_NP=1 exec "${SHELL:-sh}" "${top_srcdir:-.}/tests/run-mpi.sh" \
    "$top_builddir/tests/mpi/each_routine"
