# To be sourced: TAP for scripts that start jobs and read what they print.
#
#   job WANTED [mpirun's arguments]  runs a job, whose status is to be: a
#                                    number, or "error" for any but 0 and a
#                                    time limit
#   says_once                        the library printed one line, no more
#
# and what tests/tap.sh has.
. "${top_srcdir:-.}/tests/mpi/launch.sh"

if [ -z "$MPIRUN" ]; then
    echo "1..0 # SKIP no mpirun was found"
    exit 0
fi
. "${top_srcdir:-.}/tests/tap.sh"

job()
{
    wanted=$1
    shift
    output=$(launch "$@" 2>&1)
    status=$?
    check_status "$wanted"
}

says_once()
{
    lines=$(printf '%s\n' "$output" | grep -c '^memheap:')
    [ "$lines" = 1 ] || miss "has $lines lines of the library instead of 1"
}
