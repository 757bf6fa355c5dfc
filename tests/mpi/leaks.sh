#!/bin/sh
# Reports at the end of a heap: statistics, and blocks that were never freed.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/leaky
MEMHEAP_TEST_TIME=30
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# The number of lines of the output that have a text.
says_times()
{
    count=$(printf '%s\n' "$output" | grep -cF -- "$2")
    [ "$count" = "$1" ] || miss "says $count times: $2"
}

for np in 1 2 4 5; do
    job 0 -x MEMHEAP_LEAKS=1 -n $np "$program" leak
    says "memheap: leak: 512 bytes at 0x" \
        ", allocation 2, tag \"mesh\", from leaky_mesh at leaky.c:" \
        "memheap: leak: 5000 bytes at 0x" \
        "memheap: leak: 48 bytes at 0x" \
        "memheap: 3 blocks of heap \"symmetric\" were never freed: 5.43 KiB"
    says_times 4 memheap:
    line=$(printf '%s\n' "$output" | grep 'leak: 5000')
    case $line in
        *", allocation 3, from "*leaky.c:32) ;;
        *) miss "has another line for a block that was resized: $line" ;;
    esac
    fact "$np PEs: each leak is reported once, with its size and line"

    job 0 -x MEMHEAP_LEAKS=1 -x MEMHEAP_LEAKS_STATUS=9 -n $np "$program" clean
    says_times 0 memheap:
    fact "$np PEs: without leaks, no message and status 0"

    job 9 -x MEMHEAP_LEAKS=1 -x MEMHEAP_LEAKS_STATUS=9 -n $np "$program" leak
    says "3 blocks of heap \"symmetric\" were never freed"
    fact "$np PEs: leaks set the exit status if MEMHEAP_LEAKS_STATUS is set"

    job 0 -x MEMHEAP_LEAKS_STATUS=9 -n $np "$program" leak
    says_times 0 memheap:
    fact "$np PEs: without MEMHEAP_LEAKS, nothing is reported"

    job 0 -x MEMHEAP_REPORT=1 -x MEMHEAP_RECORDS=1 -x SHMEM_SYMMETRIC_SIZE=1m \
        -n $np "$program" leak
    says "memheap: heap \"symmetric\", component " " on $np PE" \
        "memheap:   size           1 MiB on each PE" \
        "memheap:   live blocks    3 on each PE" \
        "memheap:   allocations    5 on each PE" \
        "memheap:   frees          2 on each PE" \
        "memheap:   resizes        1 on each PE" \
        "memheap:   failures       0 on each PE" \
        "memheap:   resident" "memheap:   pages          default: " \
        "memheap:   tag \"mesh\": 512 bytes in 1 block, 512 bytes at most"
    says "      live      at most       in all      calls  call site" \
        " 512 bytes    512 bytes    512 bytes          1  leaky_mesh at leaky.c:"
    says_times 23 memheap:
    fact "$np PEs: the statistics are printed once"

    file="$folder/of_%h"
    job 0 -x MEMHEAP_REPORT="$file" -n $np "$program" leak
    says_times 0 memheap:
    output=$(cat "$folder/of_symmetric")
    says "\"pes\": $np," "\"heap\": \"symmetric\"" \
        "\"sum\": {" "\"allocations\": $((5 * np))," \
        "\"each\": [" "{\"pe\": $((np - 1)), \"size\": " "\"tags\": []" "\"sites\": []"
    is_json
    fact "$np PEs: the statistics are written as JSON"
done

# A locale of the test's own, if the machine has the sources.
locale=$(comma_locale)
localedef -c -i de_DE -f UTF-8 "$folder/comma" >/dev/null 2>&1 && locale=comma
job 0 -x LOCPATH="$folder" -x LC_ALL=$locale -x MEMHEAP_RECORDS=1 \
    -x MEMHEAP_REPORT="$file" -n 2 "$program" latin1
says_times 0 memheap:
output=$(cat "$folder/of_symmetric")
is_json
says "\"pages\": {\"kind\": \"default\", \"resident\": " "\"fragmentation\": 0." "{\"tag\": \"m?sh\", \"used\": 512, "
fact "a report is JSON in every locale, and with every tag"

job 3 -x MEMHEAP_LEAKS=1 -n 1 "$program" exit
says_times 0 memheap:
fact "a program that fails reports no leaks"

job 0 -x MEMHEAP_REPORT=/proc/nowhere/report -n 2 "$program" leak
says "memheap: PE 0: warning: MEMHEAP_REPORT: cannot write /proc/nowhere/report (No such"
says_once
fact "a report that cannot be written is a warning"
finish
