#!/bin/sh
# Calls fail, one in each run of a job on two nodes, which are network namespaces of
# this machine: above all those of the node monitor. tests/faults/scenario.sh has the
# settings.
. "${top_srcdir:-.}/tests/mpi/netns.sh"
nodes_alone "$@"
. "${top_srcdir:-.}/tests/faults/scenario.sh"
[ -n "$MPIRUN" ] || skip "no mpirun was found"
[ "$launcher_kind" = openmpi ] || skip "the nodes are made for Open MPI's mpirun"
nodes_make 2
# A PE that takes a node for lost waits half a minute for the launcher.
MEMHEAP_TEST_TIME=45
nodes_use node1:1 node2:1

# Programs on the other node inherit only what -x names.
names="LD_PRELOAD MEMHEAP_TEST_FAIL MEMHEAP_TEST_FAIL_LOG MEMHEAP_TEST_FAIL_PE TMPDIR
    UCX_MEM_EVENTS LC_ALL"
export_options=
for name in $names; do
    export_options="$export_options -x $name"
done
for pe in 0 1; do
    always="accept4:1 bind:1 calloc:1 connect:1 getifaddrs:1 listen:1 pipe2:1 poll:1
        pthread_create:1 pthread_create:2 recv:1 recv:2 recv:3 send:1 send:2 setsockopt:1 socket:1
        socket:2 write:1 write:2"
    # shellcheck disable=SC2086 # words
    scenario job "job on two nodes, PE $pe" 1 "MEMHEAP_TEST_FAIL_PE=$pe" "$MPIRUN" \
        $export_options -n 2 "$top_builddir/tests/faults/job" returns "$work"
done
finish
