#!/bin/sh
# Environment variables: sizes of the heap, components, and error messages.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/diverge
MEMHEAP_TEST_TIME=20
np=2
priority=MEMHEAP_$(echo "$first" | tr '[:lower:]' '[:upper:]')_PRIORITY

for component in $components; do
    # text | bytes that must be available as one block
    while read -r text bytes; do
        job 0 -x SHMEM_SYMMETRIC_SIZE="$text" --mca memheap $component \
            -n $np "$program" whole "$bytes"
        says "a block of"
        fact "$component: SHMEM_SYMMETRIC_SIZE=$text gives $bytes in one block"
    done <<END
3.1M 3250586
20kk 20480
20m 20971520
.5m 524288
1000000 1000000
1Gxyz 1073741824
0.001t 1099511628
END
done

# text | bytes that must be available as one block on each of 2 PEs of a node
total=$("$top_builddir/tools/memheap-info" --parsable |
    sed -n 's/^machine:memory:total:\([0-9]*\).*/\1/p')
for share in 8m/node:4194304 1%:$((total / 200)) 0.5%:$((total / 400)); do
    size=${share%:*}
    bytes=${share#*:}
    job 0 -x SHMEM_SYMMETRIC_SIZE="$size" -n 2 "$program" whole "$bytes"
    says "a block of"
    job 0 -x SHMEM_SYMMETRIC_SIZE="$size" -n 2 "$program" whole $((bytes + 4096))
    says "none of"
    fact "SHMEM_SYMMETRIC_SIZE=$size is split by the PEs of the node"
done

job 0 -x SMA_SYMMETRIC_SIZE=1m -n $np "$program" whole 1048576
says "a block of 1048576"
fact "SMA_SYMMETRIC_SIZE is supported"
job 0 -x SMA_SYMMETRIC_SIZE=1m -x SHMEM_SYMMETRIC_SIZE=2m -n $np "$program" \
    whole 2097152
says "a block of 2097152"
fact "SHMEM_SYMMETRIC_SIZE has precedence"
job 0 -n $np "$program" whole 500000000
says "a block of"
fact "if unset, the heap grows on demand"

for bad in many -5m 1e3 5.x "''"; do
    [ "$bad" = "''" ] && continue
    job error -x SHMEM_SYMMETRIC_SIZE="$bad" -n $np "$program" plain
    says "SHMEM_SYMMETRIC_SIZE=\"$bad\"" "a size such as"
    says_once
    fact "SHMEM_SYMMETRIC_SIZE=$bad ends the program"
done
job 5 -x SHMEM_SYMMETRIC_SIZE=many -n 1 "$program" thread
says_once
fact "shmem_init_thread returns where the size is bad"
job error -x SHMEM_SYMMETRIC_SIZE=900t -n $np "$program" plain
says "no address range of 900 TiB is free" "the machine can address 128 TiB"
says_once
fact "a heap larger than the address space is an error"

job error -x SHMEM_SYMMETRIC_SIZE=64m -n 2 \
    sh -c 'ulimit -v 1000000 && exec "$0" plain' "$program"
case $built_cflags in
    *sanitize*) skip "a limit on the address space is named" "sanitizers need more" ;;
    *)
        says "no address range of 64 MiB is free" "raise the limit (ulimit -v)"
        says_once
        fact "a limit on the address space is named"
        ;;
esac

job error -x SHMEM_SYMMETRIC_SIZE=1g -n 2 \
    sh -c 'ulimit -f 400000 && exec "$0" plain' "$program"
says "the limit on file sizes (ulimit -f) is below a heap of 1 GiB" "raise it"
says_once
fact "a limit on file sizes is named"
for limit in "-f 1000000" "-v 10000000"; do
    case $limit$built_cflags in
        -v*sanitize*) continue ;; # sanitizers need more address space
    esac
    job 0 -n 2 sh -c "ulimit $limit"' && exec "$0" whole 100000000' "$program"
    says "a block of " survived
    fact "the default size stays below a limit of the process: ulimit $limit"
done

job 0 -x SHMEM_SYMMETRIC_SIZE=1m -n 3 "$program" memory
says "shmem_malloc(1125899906842624): out of memory: the heap has 1 MiB" \
    "bytes of them in use" "the largest free block has" \
    "set a larger SHMEM_SYMMETRIC_SIZE"
says_once
fact "out of memory is reported once, with sizes and advice"

job error -x MEMHEAP_PAGES=mandatory:1g -x SHMEM_SYMMETRIC_SIZE=4t -n 3 \
    "$program" plain
says "pages of 1 GiB are mandatory for a heap, but not available" 1048576kB
says_once
fact "unavailable mandatory pages end the program"
job 0 -x MEMHEAP_PAGES=1g -x SHMEM_SYMMETRIC_SIZE=4t -n 3 "$program" plain
says "pages of 1 GiB are preferred for a heap, but not available" 1048576kB \
    "using the system's pages"
says_once
fact "unavailable preferred pages are a warning"
job error -x MEMHEAP_PLACE=mandatory:node:1000 -n 3 "$program" plain
says "pages on NUMA node 1000 are mandatory for a heap, but not available" \
    "the system has no node 1000"
says_once
fact "a mandatory NUMA node that does not exist is an error"

job error -x MEMHEAP_COMPONENT=nobody -n 3 "$program" plain
says 'no component has the name "nobody"' "there are: "
says_once
fact "an unknown component is an error"
job error -x MEMHEAP_COMPONENT="^$built_components" -n 3 "$program" plain
says "leaves no component"
says_once
fact "a list that excludes all components is an error"
job error -x MEMHEAP_NOBODY_PRIORITY=3 -n 3 "$program" plain
says "no parameter has the name MEMHEAP_NOBODY_PRIORITY"
says_once
fact "an unknown parameter is an error"
job error -x MEMHEAP_COMPONET=$first -n 3 "$program" plain
says "no parameter has the name MEMHEAP_COMPONET (from the environment);" \
    "the nearest is MEMHEAP_COMPONENT"
says_once
fact "an unknown parameter is told the nearest name"
job 0 -x SHMEM_SYMETRIC_SIZE=1m -n 3 "$program" plain
says "warning: the environment variable SHMEM_SYMETRIC_SIZE has no effect; " \
    "the nearest is SHMEM_SYMMETRIC_SIZE"
says_once
fact "an unknown variable of OpenSHMEM is a warning"
job 0 -x SHMEM_SYMMETRIC_HEAP_SIZE=3m -n $np "$program" whole 3145728
says "a block of 3145728"
fact "SHMEM_SYMMETRIC_HEAP_SIZE is supported"
job error -x "$priority=high" -n 3 "$program" plain
says "$priority=\"high\"" "a whole number from 0 to 100"
says_once
fact "an invalid value is an error"

for call in memfd_create fchmod; do
    for pe in -1 0 2; do
        job error -n 3 "$top_builddir/tests/mpi/refused" $call $pe
        says "PE $((pe < 0 ? 0 : pe)): cannot create a memory file (Operation not permitted)"
        says_once
        fact "refused memory files are reported: $call, PE $pe"
    done
done
job error -n 3 "$top_builddir/tests/mpi/refused" memfd_create 0 memheap-agree
says "PE 0: cannot create a memory file (Operation not permitted)"
says_once
fact "a refused memory file of the agreement is reported"
job error -x MEMHEAP_TRANSPORT=pigeon -n 3 "$program" plain
says 'MEMHEAP_TRANSPORT is "pigeon"; it can be auto or ucx'
says_once
fact "an invalid transport is an error"
job error -x MEMHEAP_NODE_PES=-1 -n 3 "$program" plain
says 'MEMHEAP_NODE_PES="-1"' "a whole number from 0"
says_once
fact "nodes with a negative number of PEs are an error"
job error -n 2 "$program" plain : -n 1 -x MEMHEAP_TRANSPORT=ucx "$program" plain
says "PE 2 called shmem_init with MEMHEAP_TRANSPORT=ucx"
says_once
fact "different transports on different PEs are an error"
for tls in all tcp,self; do
    job 0 -x MEMHEAP_TRANSPORT=ucx -x UCX_TLS=$tls -n 3 \
        "$top_builddir/tests/mpi/busy"
    says "2 PEs reached one that was busy"
    fact "the progress thread of a computing PE serves others, UCX_TLS=$tls"
done
for setting in MEMHEAP_TRANSPORT=ucx MEMHEAP_NODE_PES=1 MEMHEAP_NODE_PES=2; do
    nodes=3
    [ "$setting" = MEMHEAP_NODE_PES=2 ] && nodes=2
    job 0 -x "$setting" -x SHMEM_DEBUG=1 -x MEMHEAP_PROGRESS_THREAD=0 \
        -x MEMHEAP_MAP_NONBLOCK=1 -x SHMEM_SYMMETRIC_SIZE=50m -n 3 \
        "$program" whole 52428800
    says ", $nodes nodes" "a block of 52428800"
    fact "$setting makes $nodes nodes of 3 PEs"
done

for component in $components; do
    job 0 --mca memheap "$component" -x SHMEM_DEBUG=1 -n 1 "$program" plain
    says "component $component"
    fact "mpirun --mca memheap $component selects"
    job 0 --mca "memheap_${component}_priority" 99 -x SHMEM_DEBUG= -n 1 \
        "$program" plain
    says "component $component"
    fact "mpirun --mca memheap_${component}_priority selects"
done
job 0 -x MEMHEAP_COMPONENT="$last_component" --mca memheap "$first" \
    -x SMA_DEBUG=1 -n 1 "$program" plain
says "component $last_component"
fact "the library's own variable has precedence"
job 0 -x SHMEM_VERSION=1 -n 3 "$program" plain
says "memheap 0.1.0, OpenSHMEM 1.6"
[ "$(printf '%s\n' "$output" | grep -c 'OpenSHMEM 1.6')" = 1 ] ||
    miss "says it more than once"
fact "SHMEM_VERSION prints the version once"
job 0 -x SHMEM_INFO=1 -x MEMHEAP_CHECK=1 -n 3 "$program" plain
says SHMEM_SYMMETRIC_SIZE= "MEMHEAP_CHECK=1 (environment)" \
    "check all metadata after every operation"
fact "SHMEM_INFO prints all parameters with their sources"
job error -x MEMHEAP_PARAM_FILE=/proc/nowhere/params -n 2 "$program" plain
says "cannot read the parameter file /proc/nowhere/params"
says_once
fact "a missing parameter file is an error"
finish
