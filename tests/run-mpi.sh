#!/bin/sh
# Runs one MPI test in several jobs, and merges their output into one TAP stream:
# the facts of each job, and a failure if a job ends with an error or prints fewer
# facts than it planned.
#
# A job is a number of PEs, optionally followed by a transport or a layout: +ucx
# for UCX only, +tcp for UCX without shared memory, +N for nodes of N PEs.
#
# MEMHEAP_TEST_NP    jobs (default: 1 2 4 5 8 2+ucx 4+ucx 5+ucx 4+tcp 5+2 8+3)
# MEMHEAP_TEST_TIME  seconds for one job (default: 60)
program=$1
name=$(basename "$program" .mpi)

if [ -z "$MPIRUN" ]; then
    echo "1..0 # SKIP no mpirun was found"
    exit 0
fi
. "${top_srcdir:-.}/tests/mpi/launch.sh"

total=0
for job in ${MEMHEAP_TEST_NP:-1 2 4 5 8 2+ucx 4+ucx 5+ucx 4+tcp 5+2 8+3}; do
    np=${job%%+*}
    case $job in
        *+ucx) reach="-x MEMHEAP_TRANSPORT=ucx" where=", over UCX" ;;
        *+tcp) reach="-x MEMHEAP_TRANSPORT=ucx -x UCX_TLS=tcp,self" where=", over TCP" ;;
        *+*) reach="-x MEMHEAP_NODE_PES=${job#*+}" where=", nodes of ${job#*+}" ;;
        *) reach="" where="" ;;
    esac
    # shellcheck disable=SC2086 # words of a command
    output=$(launch $reach -n "$np" "$program" 2>&1)
    status=$?
    planned=$(printf '%s\n' "$output" | sed -n 's/^1\.\.\([0-9]*\)$/\1/p' | head -n 1)
    facts=$(printf '%s\n' "$output" | grep -cE '^(not )?ok ')
    printf '%s\n' "$output" | grep -vE '^((not )?ok |1\.\.)' | sed 's/^/# /'
    printf '%s\n' "$output" | grep -E '^(not )?ok ' |
        sed -E "s/^((not )?ok) [0-9]+ - (.*)/\1 @ - $name, $np PEs$where: \3/" |
        awk -v n="$total" '{ n++; sub(/@/, n); print }'
    total=$((total + facts + 1))
    if [ "$status" -eq 0 ] && [ "$facts" = "$planned" ]; then
        echo "ok $total - $name, $np PEs$where: ends well"
    else
        echo "not ok $total - $name, $np PEs$where: ends with status $status" \
            "after $facts of ${planned:-no} facts"
    fi
done
echo "1..$total"
