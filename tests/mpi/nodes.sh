#!/bin/sh
# Jobs on several nodes, as network namespaces of this machine: all programs of
# these tests, the examples, a trace, wrong calls, and the loss of a node.
. "${top_srcdir:-.}/tests/mpi/netns.sh"
nodes_alone "$@"
. "${top_srcdir:-.}/tests/mpi/expect.sh"
[ "$launcher_kind" = openmpi ] || {
    echo "1..0 # SKIP the nodes are made for Open MPI's mpirun"
    exit 0
}
nodes_make 3
# shellcheck disable=SC2154 # make sets it
tests=$top_builddir/tests/mpi
cd /run/tmp || exit 1

# Run a program that prints TAP; all its facts must hold.
holds()
{
    job 0 "$@"
    planned=$(printf '%s\n' "$output" | sed -n 's/^1\.\.\([0-9]*\)$/\1/p')
    good=$(printf '%s\n' "$output" | grep -c '^ok ')
    [ "$good" = "$planned" ] || miss "has $good of ${planned:-no} facts"
}

nodes_use node1:2 node2:2
job 0 -x SHMEM_DEBUG=1 -x UCX_LOG_LEVEL=info -n 4 "$tests/diverge" plain
says "2 nodes" tcp/eth0
fact "two nodes are detected, and communicate over their network"
for program in "$tests"/*.mpi; do
    holds -n 4 "$program"
    fact "2 + 2 PEs: $(basename "$program" .mpi)"
done

# As bridges of containers have: the same address on each node.
nodes_use node1:1 node2:1
for i in 1 2; do
    ip link add bridge$i type veth peer name bridge netns node$i
    ip link set bridge$i up
    ip -n node$i addr add 172.17.0.1/16 dev bridge
    ip -n node$i link set bridge up
done
job error -x UCX_NET_DEVICES=bridge -n 2 "$tests/diverge" plain
says "cannot be reached (UCX has chosen a network that does not lead there; " \
    "UCX_NET_DEVICES selects another)"
job 0 -x UCX_NET_DEVICES=eth0 -n 2 "$tests/diverge" plain
fact "a network that leads to no other node is named, and can be avoided"
for i in 1 2; do
    ip link del bridge$i
done

# The node monitors try all networks at once. A mistake here shows in a part of the
# jobs only.
nodes_networks 3 5 || miss "no networks"
nodes_use node1:1 node2:1 node3:1
for _ in 1 2 3 4 5 6 7 8; do
    job 0 -x UCX_NET_DEVICES=eth0 -n 3 "$tests/diverge" plain
done
fact "nodes with several networks monitor each other"
for port in port1 port2 port3; do
    for network in 1 2 3 4 5; do
        ip link del $port-$network
    done
done

# PEs of each node | slots of each node | options of mpirun
while IFS='|' read -r layout nodes options; do
    # shellcheck disable=SC2086 # they are words
    nodes_use $nodes
    for name in rma heap_growth collective team; do
        # shellcheck disable=SC2086
        holds $options "$tests/$name.mpi"
        fact "$layout: $name"
    done
    # shellcheck disable=SC2086
    job 0 $options "$tests/diverge" memory
    says "shmem_malloc(1125899906842624): out of memory: the heap has" survived
    says_once
    fact "$layout: out of memory is reported once, and survived"
    # shellcheck disable=SC2086
    job error $options "$tests/diverge" size
    says "the PEs differ in collective call" "called shmem_malloc(64); PE" \
        "called shmem_malloc(128)"
    says_once
    fact "$layout: a PE that differs ends all with a message"
done <<END
PEs 0 and 1|node1:1 node2:1|-n 2 --map-by slot
PEs 0 2 and 1 3|node1:2 node2:2|-n 4 $nodes_in_turn
PEs 0 1 and 2 3 4|node1:2 node2:3|-n 5 --map-by slot
PEs 0 2 and 1 3 4|node1:2 node2:3|-n 5 $nodes_in_turn
PEs 0 1, 2 and 3 4|node1:2 node2:1 node3:2|-n 5 --map-by slot
PEs 0 3, 1 and 2 4|node1:2 node2:1 node3:2|-n 5 $nodes_in_turn
END

nodes_use node1:2 node2:1 node3:2
# name | call of all other PEs | call of the last PE
while IFS='|' read -r name common odd; do
    job error -n 5 "$tests/diverge" "$name"
    says "PEs 0 to 3 called $common" "PE 4 called $odd"
    says_once
    fact "PEs of three nodes differ: $name"
done <<END
alignment|shmem_align(4096, 100)|shmem_align(64, 100)
kind|shmem_malloc(64)|shmem_free(0x
block|shmem_free(0x|shmem_free(0x
skip|shmem_malloc(64)|shmem_barrier_all
exit|shmem_barrier_all|shmem_finalize
root|shmem_long_broadcast of 32 bytes from PE 0|shmem_long_broadcast of 32 bytes from PE 1
count|shmem_long_sum_reduce of 4 elements|shmem_long_sum_reduce of 8 elements
instead|shmem_long_sum_reduce of 1 elements|shmem_long_broadcast of 8 bytes from PE 4
fewer|shmem_long_broadcast of 8 bytes from PE 0|shmem_long_sum_reduce of 1 elements
END
while IFS='|' read -r name call why; do
    job error -n 5 "$tests/diverge" "$name"
    says "memheap: PE 4: $call: " "$why"
    says_once
    fact "a wrong call to a PE of another node: $name"
done <<END
put-local|shmem_putmem|is no symmetric address of 8 bytes on PE 0
get-local|shmem_getmem|is no symmetric address of 8 bytes on PE 0
put-past|shmem_putmem_nbi|bytes on PE 0: the heap lies from 0x
put-pe|shmem_putmem|there is no PE 5; the job has PEs 0 to 4
typed-put|shmem_long_put|is no symmetric address of 24 bytes on PE 0
amo|shmem_int_atomic_fetch_add|is no symmetric address of 4 bytes on PE 0
signal|shmem_long_put_signal|is no symmetric address of 8 bytes on PE 0
END
for name in kill status; do
    job error -n 5 "$tests/diverge" $name
    fact "a PE that ends, ends the PEs of other nodes: $name"
done
job 7 -n 5 "$tests/diverge" global
fact "global_exit ends all nodes with its status"
job 0 -n 5 "$tests/ends" 0 loop
says "<0 before>" "<1 before><after><last>" "<2 before>" "<3 before>" "<4 before>"
fact "after global_exit, the PEs of all nodes write their buffers"
job 0 -n 5 "$tests/ends" 0 deaf
says "<0 before>" "<1 before><after><last>" "<2 before>" "<3 before>" "<4 before>"
fact "so they do if they ignore what the launcher sends"

nodes_use node1:2 node2:2
job 0 -n 4 "$tests/busy"
says "3 PEs reached one that was busy"
fact "the progress thread serves other nodes while a PE computes"
for program in mixed_nodes heap_growth threads; do
    holds -x MEMHEAP_PROGRESS_THREAD=0 -n 4 "$tests/$program.mpi"
    fact "without a progress thread: $program"
done

traces=$top_srcdir/tools/traces
job 0 -n 4 "$top_builddir/tools/memheap-replay" --verify all --operations 4000 \
    "$traces/pgas-mixed.sht.xz" "$traces/pgas-isx.sht.xz"
says pgas-mixed pgas-isx
fact "traces are replayed on two nodes, with checked contents"

# name | arguments | expected output
printf 'one two two three Three THREE\n%.0s' 1 2 3 4 5 6 7 8 >words
while IFS='|' read -r name arguments text; do
    # shellcheck disable=SC2086,SC2154 # they are words; make sets them
    output=$("$top_builddir/libtool" --quiet --tag=CC --mode=link "$MPICC" \
        $built_cflags -O2 -I"$top_builddir" \
        -I"$top_srcdir/include/shmem" -I"$top_srcdir/include" "$top_srcdir/examples/$name.c" -o "$name" \
        "$top_builddir/libmemheap_shmem.la" 2>&1) || miss "$name does not build"
    # shellcheck disable=SC2086
    [ "$held" = no ] || job 0 -n 4 "$PWD/$name" $arguments
    says "$text"
    fact "example: $name"
done <<END
hello||PE 3 of 4: block at 0x
sort|5000|sorted
halo||PE 3: from 0.000000
heat|64 400 $PWD/heat.ppm|heat.ppm
histogram|$PWD/words 3|three
queue|100000|9592
END

# Lost nodes. oshrun lets mpirun notice the loss within 20 seconds; otherwise
# mpirun would wait for the lost node before it ends.
MEMHEAP_TEST_TIME=90
OSHRUN_MPIRUN=$MPIRUN
MPIRUN=$top_builddir/tools/osh/oshrun
export OSHRUN_MPIRUN

# The running PEs of tests/mpi/lost.
remaining()
{
    pgrep -c -x 'lost|lt-lost'
}

# Start a job, break its network when it is ready, and wait for its end on all
# nodes.
#   loses HOW "COMMAND" [mpirun's arguments]
loses()
{
    how=$1 command=$2
    shift 2
    : >out
    launch "$@" "$tests/lost" "$how" >out 2>&1 &
    pid=$!
    until grep -q ready out || ! kill -0 $pid; do sleep 0.1; done
    $command
    begin=$(date +%s)
    wait $pid
    status=$?
    while [ "$(remaining)" != 0 ] && [ $(($(date +%s) - begin)) -lt 60 ]; do
        sleep 0.1
    done
    took=$(($(date +%s) - begin))
    output=$(cat out)
    # Once it has lost a node, mpirun of Open MPI 5 ends with 0.
    [ "$openmpi_version" = 5 ] || check_status error
    [ $took -lt 60 ] || miss "took $took seconds to end"
    [ "$(remaining)" = 0 ] || miss "PEs are left"
    echo "# all had ended after $took seconds"
}

loses meet "ip -n node2 link set eth0 down" -n 4
says "node node2 with PEs 2 to 3, or the network to it, is lost" MEMHEAP_NODE_TIMEOUT
says_once
fact "if the link of a node goes down, PEs in a barrier end"
ip -n node2 link set eth0 up
loses put "ip link set port2 nomaster" -n 4
says "node node2 with PEs 2 to 3, or the network to it, is lost"
says_once
fact "if the network drops the packets of a node, PEs that put to it end"
ip link set port2 master nodes
nodes_use node1:2 node2:1 node3:2
loses wait "ip link set port3 nomaster" -n 5 -x MEMHEAP_NODE_TIMEOUT=4
says "node node3 with PEs 3 to 4, or the network to it, is lost" "for 4 seconds"
fact "if one of three nodes is lost, waiting PEs end"
ip link set port3 master nodes
nodes_use node1:1 node2:1
job 0 -x MEMHEAP_NODE_TIMEOUT=2 -n 2 "$tests/lost" compute 30
says "nobody was lost"
fact "a PE that computes for half a minute is not taken for lost"
job 0 -x MEMHEAP_NODE_TIMEOUT=0 -n 2 "$tests/lost" compute 0
says "nobody was lost"
fact "the node monitor can be disabled"
finish
