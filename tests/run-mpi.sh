#!/bin/sh
# Starts one MPI test for each number of PEs in MEMHEAP_TEST_NP, and merges
# what they print into one TAP stream: their facts, each with its number of
# PEs, and a failure for a run that ends badly or says less than it planned.
#
# MEMHEAP_TEST_NP    numbers of PEs (default: 1 2 4 5)
# MEMHEAP_TEST_TIME  seconds for one run (default: 60)
program=$1
name=$(basename "$program" .mpi)

if [ -z "$MPIRUN" ]; then
    echo "1..0 # SKIP no mpirun was found"
    exit 0
fi
. "${top_srcdir:-.}/tests/mpi/launch.sh"

total=0
for np in ${MEMHEAP_TEST_NP:-1 2 4 5}; do
    output=$(launch -n "$np" "$program" 2>&1)
    status=$?
    planned=$(printf '%s\n' "$output" | sed -n 's/^1\.\.\([0-9]*\)$/\1/p' | head -n 1)
    facts=$(printf '%s\n' "$output" | grep -cE '^(not )?ok ')
    printf '%s\n' "$output" | grep -vE '^((not )?ok |1\.\.)' | sed 's/^/# /'
    printf '%s\n' "$output" | grep -E '^(not )?ok ' |
        sed -E "s/^((not )?ok) [0-9]+ - (.*)/\1 @ - $name, $np PEs: \3/" |
        awk -v n="$total" '{ n++; sub(/@/, n); print }'
    total=$((total + facts + 1))
    if [ "$status" -eq 0 ] && [ "$facts" = "$planned" ]; then
        echo "ok $total - $name, $np PEs: ends well"
    else
        echo "not ok $total - $name, $np PEs: ends with status $status" \
            "after $facts of ${planned:-no} facts"
    fi
done
echo "1..$total"
