# To be sourced: TAP for scripts that start jobs and read what they print.
#
#   job WANTED [mpirun's arguments]  runs a job, whose status is to be: a
#                                    number, or "error" for any but 0 and a
#                                    time limit
#   says TEXT...                     what it printed contains each TEXT
#   says_once                        the library printed one line, no more
#   fact NAME                        prints whether all of these held
#   finish                           prints the plan
. "${top_srcdir:-.}/tests/mpi/launch.sh"

facts=0
held=yes
output=

if [ -z "$MPIRUN" ]; then
    echo "1..0 # SKIP no mpirun was found"
    exit 0
fi

miss()
{
    held=no
    echo "# $1"
}

check_status()
{
    case $1:$status in
        error:0 | *:124) miss "ended with status $status" ;;
        error:*) ;;
        "$status:$status") ;;
        *) miss "ended with status $status instead of $1" ;;
    esac
}

job()
{
    wanted=$1
    shift
    output=$(launch "$@" 2>&1)
    status=$?
    check_status "$wanted"
}

says()
{
    for text in "$@"; do
        case $output in
            *"$text"*) ;;
            *) miss "does not say: $text" ;;
        esac
    done
}

says_once()
{
    lines=$(printf '%s\n' "$output" | grep -c '^memheap:')
    [ "$lines" = 1 ] || miss "has $lines lines of the library instead of 1"
}

fact()
{
    facts=$((facts + 1))
    if [ "$held" = yes ]; then
        echo "ok $facts - $1"
    else
        printf '%s\n' "$output" | sed 's/^/#   /'
        echo "not ok $facts - $1"
    fi
    held=yes
}

finish()
{
    echo "1..$facts"
}
