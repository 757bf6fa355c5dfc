#!/bin/sh
# The guard reports wrong accesses to symmetric memory, and correct programs
# pass.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/guarded
mistakes=$top_builddir/tests/mpi/mistakes
MEMHEAP_TEST_TIME=60
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
guard="-x MEMHEAP_GUARD=1"

# The message of one PE, from its first line on; lines of others may be mixed in.
says_of()
{
    pe=$1
    shift
    all=$output
    output=$(printf '%s\n' "$all" | grep "^memheap: PE $pe: ")
    says "$@"
    output=$all
}

says_nothing()
{
    case $output in
        *memheap:*) miss "says something" ;;
    esac
}

for how in auto+0 ucx+0 auto+2; do
    for np in 1 2 4; do
        job 0 $guard -x MEMHEAP_TRANSPORT=${how%+*} \
            -x MEMHEAP_NODE_PES=${how#*+} -x SHMEM_SYMMETRIC_SIZE=4m \
            -n $np "$program" churn
        says done
        says_nothing
        fact "$how: $np PEs use memory correctly, more than the size of the heap"
    done
    job 0 $guard -x MEMHEAP_TRANSPORT=${how%+*} \
        -x MEMHEAP_NODE_PES=${how#*+} -n 3 "$program" signalled
    says_nothing
    fact "$how: signals work"
done

# The first PE ends the job, so others may print only part of their message.
job error $guard -n 1 "$mistakes" overrun
says "bytes behind the block of 400 bytes at 0x" \
    " of heap \"symmetric\", allocation 1, tag \"grid\"" \
    "the access is from main at mistakes.c:" \
    "the block was allocated from main at mistakes.c:"
fact "an overrun is reported"
job error $guard -n 1 "$mistakes" use-after-free
says "12 bytes into the freed block of 400 bytes at 0x" \
    "the block was allocated from main at mistakes.c:" \
    "and freed from main at mistakes.c:"
fact "a use after free is reported"
for np in 2 4; do
    job error $guard -n $np "$mistakes" overrun
    says "bytes behind the block of 400 bytes at 0x"
    fact "$np PEs: an overrun is reported"
    for mistake in stray-write stray-put; do
        job error $guard -n $np "$mistakes" $mistake
        for pe in 0 1; do
            case $output in
                *"memheap: PE $pe: "*)
                    says_of $pe \
                        "28 bytes into the freed block of 400 bytes at 0x" \
                        "of heap \"symmetric\" on PE $((pe + 1 < np ? pe + 1 : 0)), through its window"
                    ;;
            esac
        done
        says "28 bytes into the freed block"
        fact "$np PEs: a $mistake is reported, with the PE that has the memory"
    done
    for tls in all tcp,self; do
        job error $guard -x MEMHEAP_TRANSPORT=ucx -x UCX_TLS=$tls -n $np \
            "$mistakes" stray-put
        says "shmem_int_p reaches 0x" \
            ", 28 bytes into the freed block of 400 bytes at 0x" \
            "of heap \"symmetric\" on PE "
        fact "$np PEs over UCX, $tls: a stray put is reported before it is sent"
    done
done

job error $guard -n 2 "$program" reduce
says "shmem_long_sum_reduce reaches 0x" "behind the block of 15968 bytes at 0x"
fact "a result that is larger than its block is reported before it is written"

device="-x MEMHEAP_DEVICE_FOLDER=$folder"
job error $guard -n 1 "$program" space : $guard $device -n 1 "$program" space : \
    $guard -n 1 "$program" space : $guard $device -n 1 "$program" space
says "memheap: PE 1: " \
    "8 bytes into the freed block of 4000 bytes at 0x" \
    "of heap \"space 1\" on PE 3, through its window"
fact "a wrong write to a space is reported with world PE numbers"

job 0 -n 2 "$mistakes" use-after-free
says_nothing
fact "without MEMHEAP_GUARD, nothing is reported"
finish
