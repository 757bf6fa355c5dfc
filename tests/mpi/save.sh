#!/bin/sh
# A heap that one job saves and another one loads, and what is refused.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/save.mpi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
file=$folder/heap

# transport + PEs per node
for how in auto+0 ucx+0 auto+2; do
    set -- -x MEMHEAP_TRANSPORT="${how%+*}" -x MEMHEAP_NODE_PES="${how#*+}" -n 4
    job 0 "$@" "$program" write "$file"
    says "saved: 0"
    fact "$how: a job saves its heap and ends at once"
    job 0 "$@" "$program" read "$file"
    says "loaded: 1" "whole: 1"
    fact "$how: the next job has all of it"
done

job 0 -n 4 "$program" turned "$file"
says "memheap: PE 0: shmemx_heap_load: the file has the heap of PE 1 of 4, and this is PE 0 of 4" \
    "loaded: 0" "usable: 1"
says_once
fact "the file of another PE is refused"
job 0 -n 3 "$program" read "$file"
says "the file has the heap of PE 0 of 4, and this is PE 0 of 3" "loaded: 0" "usable: 1"
says_once
fact "another number of PEs is refused"
job 0 -n 4 "$program" blocks "$file"
says "heap \"symmetric\": the heap has blocks already" "loaded: 0" "usable: 1"
says_once
fact "a heap with blocks is refused"
job 0 -x MEMHEAP_COMPONENT=fit -n 4 "$program" read "$file"
says "the heap was saved with component $first, and this one has fit; set MEMHEAP_COMPONENT=$first" \
    "loaded: 0" "usable: 1"
says_once
fact "another component is refused"
job 0 -x SHMEM_SYMMETRIC_SIZE=64k -n 4 "$program" read "$file"
says "no place for a block of" "loaded: 0" "usable: 1"
says_once
fact "a smaller heap is refused"
job 0 -x MEMHEAP_GUARD=1 -n 4 "$program" read "$file"
says "a heap with MEMHEAP_GUARD cannot be loaded" "loaded: 0" "usable: 1"
says_once
fact "a guarded heap is refused"

cp "$file.2" "$folder/kept"
job 0 -n 4 "$program" write "$file"
cp "$folder/kept" "$file.2"
job 0 -n 4 "$program" read "$file"
says "memheap: PE 0: shmemx_heap_load: the files of the PEs are of different saves" \
    "loaded: 0" "usable: 1"
says_once
fact "files of different saves are refused"
job 0 -n 4 "$program" write "$file"
printf x | dd of="$file.3" bs=1 seek=9000 conv=notrunc 2>/dev/null
job 0 -n 4 "$program" read "$file"
says "memheap: PE 3: shmemx_heap_load: the saved heap is damaged: its contents have changed" \
    "loaded: 0" "usable: 1"
says_once
fact "a damaged file of one PE is refused by all"
: >"$file.1"
job 0 -n 4 "$program" read "$file"
says "memheap: PE 1: shmemx_heap_load: the saved heap is damaged: the file ends too early" \
    "loaded: 0" "usable: 1"
says_once
fact "an empty file of one PE is refused by all"
job 0 -n 4 "$program" full "$file"
says "memheap: PE 3: shmemx_heap_save: cannot save heap \"symmetric\" (No space left on device)" \
    "saved: 0"
says_once
fact "a full file system is an error on all PEs"
finish
