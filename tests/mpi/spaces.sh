#!/bin/sh
# Spaces that only some PEs have, and errors of spaces.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/spaces
MEMHEAP_TEST_TIME=60
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
device=MEMHEAP_DEVICE_FOLDER=$folder

says_not()
{
    for text in "$@"; do
        case $output in
            *"$text"*) miss "says: $text" ;;
        esac
    done
}

# transport, PEs per node
for how in auto+0 ucx+0 auto+2; do
    transport=MEMHEAP_TRANSPORT=${how%+*}
    nodes=MEMHEAP_NODE_PES=${how#*+}
    set -- -x "$transport" -x "$nodes"
    job 0 "$@" -x "$device" -n 4 "$program" part
    says "PE 0 has" "PE 1 has" "PE 2 has" "PE 3 has" made ended
    fact "$how: all have the device"
    job 0 "$@" -n 4 "$program" part
    says "PE 0 lacks" "PE 1 lacks" "PE 2 lacks" "PE 3 lacks" made ended
    fact "$how: no PE has the device"
    job 0 "$@" -x "$device" -n 2 "$program" part : "$@" -n 3 "$program" part
    says "PE 0 has" "PE 1 has" "PE 2 lacks" "PE 4 lacks" made ended
    fact "$how: the first PEs have the device"
    job 0 "$@" -n 2 "$program" part : "$@" -x "$device" -n 2 "$program" part
    says "PE 0 lacks" "PE 1 lacks" "PE 2 has" "PE 3 has" made ended
    fact "$how: the last PEs have the device"
    job 0 "$@" -n 1 "$program" part : "$@" -x "$device" -n 1 "$program" part : \
        "$@" -n 1 "$program" part : "$@" -x "$device" -n 1 "$program" part : \
        "$@" -n 1 "$program" part : "$@" -x "$device" -n 1 "$program" part
    says "PE 0 lacks" "PE 1 has" "PE 2 lacks" "PE 3 has" "PE 4 lacks" \
        "PE 5 has" made ended
    fact "$how: every second PE has the device"
    job error "$@" -x "$device" -n 1 "$program" stranger : "$@" -n 1 "$program" \
        stranger
    says "memheap: PE 0: shmem_int_p: 0x" "is in space 1, and PE 1 is not a member"
    says_not survived
    fact "$how: access to a PE that is not a member is an error"
    job 0 "$@" -n 4 "$program" team
    says "shmemx_space_destroy: space 1 is in use by a team that was split from its own; destroy that first" \
        refused "refused again" ended "one call"
    fact "$how: a space cannot be destroyed while a team split from its own exists"
    job 0 "$@" -n 4 "$program" cache
    says "shmemx_space_destroy: space \"graph\" is in use by cache \"nodes\"; destroy that first" \
        refused ended
    fact "$how: a space cannot be destroyed while a cache uses it"
done
[ -z "$(ls -A "$folder")" ] || miss "left a file in the folder of the device"
fact "nothing is left in the folder of the device"

job 0 -x "$device" -n 2 "$program" part : -n 1 "$program" part : \
    -x "$device" -n 1 "$program" part
says "memheap: PE 0: shmemx_space_create: " \
    "the PEs that have the device are not the same distance apart" refused
fact "PEs that are no arithmetic progression get an error"
job 0 -n 3 "$program" nobody
says_not memheap:
fact "no PE has an unknown device"
job error -n 3 "$program" differ
says "PEs 0 to 1 called shmemx_space_create of 4096 bytes" \
    "PE 2 called shmemx_space_create of 8192 bytes"
says_once
fact "PEs that make different calls are reported"
job 0 -n 3 "$program" large
says "shmemx_space_create: " "no address range of 900 TiB is free" refused
says_once
fact "a space larger than the address space is an error"
job 0 -n 2 "$program" backed
says "shmemx_space_create: out of memory"
says_once
fact "memory for all of a space is committed at creation, or creation fails"
if [ "$(cat /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages 2>/dev/null)" = 0 ]; then
    job 0 -n 2 "$program" huge
    says "shmemx_space_create: not supported" "warning: "
    fact "unavailable mandatory pages are an error, preferred ones a warning"
fi
job 0 -n 2 "$program" default
says "shmemx_space_destroy: SHMEMX_SPACE_DEFAULT cannot be destroyed"
fact "the default space cannot be destroyed"
job 0 -n 3 "$program" free
says "shmemx_space_free(0x" "is no address of heap \"space 2\"" \
    "shmem_free(0x" "is no address of heap \"symmetric\"" \
    "it lies 16 bytes into the block" "may have been freed before"
fact "wrong frees are reported, with the space"
job 7 -x MEMHEAP_LEAKS=1 -x MEMHEAP_LEAKS_STATUS=7 -n 2 "$program" leak
says "leak: 1000 bytes at 0x" "1 block of heap \"space 1\" was never freed" \
    "leak: 2000 bytes at 0x" "from main at spaces.c"
fact "leaks in spaces are reported"
job 0 -x MEMHEAP_REPORT=1 -n 2 "$program" leak
says "heap \"symmetric\", component" "heap \"space 1\", component" \
    "allocations    1 on each PE"
fact "statistics of spaces are reported"
job 0 -n 2 "$program" many
says "there are 62 spaces and registrations already" "62 spaces"
fact "the number of spaces is limited"
finish
