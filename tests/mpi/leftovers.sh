#!/bin/sh
# A job leaves nothing behind after a normal end, an abort, and the death of a PE.
# Files of Open MPI are not counted.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/diverge
MEMHEAP_TEST_TIME=20

left()
{
    ls -A /dev/shm /tmp 2>/dev/null |
        grep -iE 'memheap|symmetric|shmem' | grep -vi 'vader\|osc_rdma'
    ipcs -m 2>/dev/null | awk '$1 ~ /^0x/ { print $1, $2 }'
}

before=$(left)
for how in plain size kill status global; do
    output=$(launch -n 3 "$program" $how 2>&1)
    after=$(left)
    [ "$before" = "$after" ] || miss "left: $after"
    fact "nothing is left in /dev/shm, /tmp or as a segment after: $how"
done

# Other users cannot open the memory: the file has no name, and this mode.
output=$(launch -n 1 sh -c '
    "$0" hold & pid=$!
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        mode=$(stat -L -c %a /proc/$pid/fd/* 2>/dev/null | grep -c "^600$")
        [ "$mode" -gt 0 ] && break
        sleep 0.2
    done
    kill $pid
    echo "private files: $mode"' "$program" 2>&1)
case $output in
    *"private files: 0"* | "") miss "no memory file with mode 600" ;;
esac
fact "memory files are accessible to their user only"
finish
