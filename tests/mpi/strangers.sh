#!/bin/sh
# What others can reach: ports, shared memory, and the node monitor, among
# strangers and without descriptors.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
offers=$top_builddir/tests/mpi/offers

# The plan of `finish` counts the facts that the program prints.
if [ -n "$(ip -4 -o addr show scope global up 2>&1)" ]; then
    job 0 -n 2 "$top_builddir/tests/mpi/monitored"
    printf '%s\n' "$output" | grep -E '^(not )?ok '
    facts=$(printf '%s\n' "$output" | grep -cE '^(not )?ok ')
    [ "$facts" = 12 ] || miss "has $facts facts"
    fact "the job of the node monitor ends normally"
else
    skip "the node monitor" "this machine has no address"
fi

# variables
while read -r variables; do
    # shellcheck disable=SC2086 # they are words
    job 0 $variables -n 2 "$offers"
    says "0 ports, 0 segments"
    fact "a job on one machine has no port and no SysV segment: $variables"
done <<END

-x MEMHEAP_TRANSPORT=ucx
-x MEMHEAP_NODE_PES=1
-x MEMHEAP_NODE_PES=1 -x MEMHEAP_PROGRESS_THREAD=0
END
if unshare --pid --fork --mount-proc true 2>/dev/null; then
    job 0 -x MEMHEAP_NODE_PES=1 --mca pml ob1 --mca btl tcp,self -n 2 \
        unshare --pid --fork --mount-proc --kill-child "$offers"
    says " ports, 0 segments"
    fact "PEs of different PID namespaces have a port, and no SysV segment"
else
    skip "PEs of different PID namespaces" "namespaces take root"
fi
job 0 -x MEMHEAP_TRANSPORT=ucx -x UCX_TLS=tcp,sysv,self -n 2 "$offers"
says " ports, "
case $output in
    *"0 ports"* | *"0 segments"*) miss "offers nothing" ;;
esac
fact "UCX_TLS chooses other transports"
finish
