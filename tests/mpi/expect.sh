# Source this: TAP for scripts that start jobs and read their output.
#
#   job WANTED [mpirun's arguments]  runs a job and checks its exit status:
#                                    WANTED is a number, or "error" for any
#                                    except 0 and the time limit
#   says_once                        checks that the library printed one line
#
# It also provides the functions of tests/tap.sh.
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
