# Words are split as choose() sets it, and no pattern is expanded.
set -f

fail()
{
    printf '%s: %s\n' "$name" "$2" >&2
    exit "$1"
}

# A word as a shell reads it.
quote()
{
    case $1 in
        '' | *[!A-Za-z0-9_@%+=:,./^-]*)
            printf "'%s'" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")"
            ;;
        *) printf '%s' "$1" ;;
    esac
}

# A command as one line that a shell reads.
print_command()
{
    separator=
    for word in "$@"; do
        printf '%s' "$separator"
        quote "$word"
        separator=' '
    done
    echo
}

# choose VARIABLE VALUE CONFIGURED NAME...: set $tool to the value of the
# user's variable; or to what was found when memheap was configured; or to the
# first NAME on the PATH. A value is one path, or else a command and its first
# arguments: $tool is to be expanded without quotes.
choose()
{
    variable=$1 value=$2 tool=$3
    shift 3
    newline='
'
    IFS=$newline
    if [ -n "$value" ]; then
        tool=$value
        command -v "$tool" >/dev/null && return
        IFS=" $newline"
        for word in $tool; do
            command -v "$word" >/dev/null && return
            break
        done
        fail 127 "$variable=$value cannot be run"
    fi
    [ -z "$tool" ] || [ ! -x "$tool" ] || return 0
    for tool in "$@"; do
        command -v "$tool" >/dev/null && return
    done
    fail 127 "there is no $1 on the PATH; install MPI, or say with $variable which to use"
}
