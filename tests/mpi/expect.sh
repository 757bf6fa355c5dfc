# To be sourced: TAP for scripts that start jobs and read what they print.
#
#   job WANTED [mpirun's arguments]  runs a job, whose status is to be: a
#                                    number, or "error" for any but 0 and a
#                                    time limit
#   says TEXT...                     what it printed contains each TEXT
#   says_once                        the library printed one line, no more
#   is_json                          what it printed is one value of JSON
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

is_json()
{
    problem=$(printf '%s\n' "$output" | awk -f "$top_srcdir/tests/json.awk") ||
        miss "$problem"
    printf '%s\n' "$output" | iconv -f UTF-8 -t UTF-8 >/dev/null 2>&1 ||
        miss "is not UTF-8"
    if command -v python3 >/dev/null; then
        problem=$(printf '%s\n' "$output" | python3 -c \
            'import json, sys; json.loads(sys.stdin.buffer.read())' 2>&1) ||
            miss "$problem"
    fi
}

# A locale that writes numbers with a comma, or else one of UTF-8.
comma_locale()
{
    for locale in $(locale -a 2>/dev/null); do
        [ "$(LC_ALL=$locale locale decimal_point 2>/dev/null)" != , ] || break
        locale=C.UTF-8
    done
    echo "${locale:-C.UTF-8}"
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
