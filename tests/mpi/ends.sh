#!/bin/sh
# Ends of programs: shmem_global_exit(), and calls after shmem_finalize().
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/ends
MEMHEAP_TEST_TIME=20

# Drop what mpirun says of a job that a PE ended: the box of Open MPI 5, and now and
# then a warning of libevent in Open MPI 4.
without_launcher()
{
    sed '/^\[warn] Epoll /d' | awk '{ text = text $0 "\n" }
        END {
            if (match(text, /----+\nprterun has exited due to process rank /)) {
                after = substr(text, RSTART + RLENGTH)
                text = substr(text, 1, RSTART - 1)
                if (match(after, /\n----+\n/))
                    text = text substr(after, RSTART + RLENGTH)
            }
            printf "%s", text
        }' | sed '/^ *$/d'
}

# status | where the others are | PEs that share memory; 0: all
while IFS='|' read -r code where nodes; do
    MEMHEAP_NODE_PES=$nodes
    export MEMHEAP_NODE_PES
    job "$code" -n 3 "$program" "$code" "$where"
    says "<0 before>" "<1 before><after><last>" "<2 before>"
    [ "$(printf '%s\n' "$output" | without_launcher | grep -c .)" = 1 ] ||
        miss "has more than the output of the PEs"
    fact "global_exit($code), others in a $where, nodes of $nodes"
done <<END
0|barrier|0
0|lock|0
0|wait|0
0|loop|0
0|barrier|2
7|wait|2
7|loop|1
END
unset MEMHEAP_NODE_PES

# A PE may end the job while others are still in shmem_init().
for try in 1 2 3; do
    job 5 -n 5 "$program" start
    [ -z "$(printf '%s\n' "$output" | without_launcher)" ] || {
        miss "says something in try $try"
        break
    }
done
fact "all PEs call global_exit right after shmem_init"

for np in 1 2; do
    for name in twice calls; do
        job 0 -n $np "$program" $name
        says survived "warning: " "was called after shmem_finalize(), and has no effect"
        says_once
        fact "$np PEs: $name after the end is one warning"
    done
    job 0 -n $np "$program" handler
    says "warning: shmem_free was called after shmem_finalize(), which ran at exit"
    says_once
    fact "$np PEs: a free after the end at exit is one warning"
done
finish
