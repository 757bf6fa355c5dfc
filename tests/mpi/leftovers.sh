#!/bin/sh
# A job leaves nothing behind after a normal end, an abort, and the death of a PE.
# Files of MPI are not counted, nor is what other jobs of the machine have.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/diverge
MEMHEAP_TEST_TIME=20
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp"

# What the processes of this list of numbers have left.
left()
{
    ls -A "$work/tmp" | grep -vE '^(ompi|pmix|orte)'
    # shellcheck disable=SC2010 # names of memory files are plain
    ls -A /dev/shm | grep -i memheap
    ipcs -m -p 2>/dev/null | grep -wFf "$1"
}

for how in plain size kill status global; do
    # shellcheck disable=SC2016 # for the inner shell
    output=$(TMPDIR=$work/tmp launch -n 3 sh -c 'echo "PE process $$" && exec "$0" "$1"' \
        "$program" $how 2>&1)
    printf '%s\n' "$output" | sed -n 's/^PE process //p' >"$work/pids"
    [ "$(wc -l <"$work/pids")" = 3 ] || miss "has not 3 processes"
    after=$(left "$work/pids")
    [ -z "$after" ] || miss "left: $after"
    fact "nothing is left in /dev/shm, TMPDIR or as a segment after: $how"
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
