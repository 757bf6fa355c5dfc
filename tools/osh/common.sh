# Functions of oshcc and oshrun. make inserts them into both scripts.

# Disable the expansion of patterns. choose() sets IFS to split a command.
set -f

fail()
{
    printf '%s: %s\n' "$name" "$2" >&2
    exit "$1"
}

# Quote a word for a shell.
quote()
{
    case $1 in
        '' | *[!A-Za-z0-9_@%+=:,./^-]*)
            printf "'%s'" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")"
            ;;
        *) printf '%s' "$1" ;;
    esac
}

# Print a command as one line, quoted for a shell.
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

# choose VARIABLE VALUE CONFIGURED NAME...: set $tool to
#   1. VALUE, the value of the user's VARIABLE, if it is set; else to
#   2. CONFIGURED, the tool that configure found, if it still exists; else to
#   3. the first NAME on the PATH.
# End the script if VALUE cannot be run, or if there is no tool.
# VALUE is one path, or a command followed by arguments. Callers must therefore
# expand $tool without quotes.
choose()
{
    variable=$1 value=$2 tool=$3
    shift 3
    newline='
'
    IFS=$newline
    if [ -n "$value" ]; then
        tool=$value
        program=$(command -v "$tool") || {
            IFS=" $newline"
            for word in $tool; do
                program=$(command -v "$word")
                break
            done
        }
        [ -n "$program" ] || fail 127 "$variable=$value cannot be run"
        [ ! "$program" -ef "$0" ] ||
            fail 127 "$variable=$value is $name itself; name the one of MPI"
        return
    fi
    [ -z "$tool" ] || [ ! -x "$tool" ] || return 0
    for tool in "$@"; do
        command -v "$tool" >/dev/null && return
    done
    fail 127 "there is no $1 on the PATH; install it, or say with $variable which to use"
}
