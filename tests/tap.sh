# Source this: TAP for scripts that run programs and check their output.
#
#   run WANTED COMMAND...  runs a program and checks its exit status: WANTED is
#                          a number, or "error" for any except 0 and the time
#                          limit
#   says TEXT...           checks that the output contains each TEXT
#   is_json                checks that the output is one JSON value
#   miss TEXT              records that another check failed
#   fact NAME              prints whether all checks since the last fact passed
#   skip NAME REASON       prints that a fact was not tested
#   finish                 prints the plan
facts=0
held=yes
output=

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

run()
{
    wanted=$1
    shift
    output=$(timeout "${MEMHEAP_TEST_TIME:-60}" "$@" 2>&1 </dev/null)
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

# Print a locale with a decimal comma, or else a UTF-8 locale.
comma_locale()
{
    for locale in $(locale -a 2>/dev/null); do
        [ "$(LC_ALL=$locale locale decimal_point 2>/dev/null)" != , ] || break
        locale=C.UTF-8
    done
    echo "${locale:-C.UTF-8}"
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

skip()
{
    facts=$((facts + 1))
    echo "ok $facts - $1 # SKIP $2"
}

finish()
{
    echo "1..$facts"
}
