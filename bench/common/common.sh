# Source this: what the scripts of bench/ share.
#
#   next_option "$@"    reads one option; described below
#   need PROGRAM...     ends the script unless these programs are built
#   say, progress       print a message, and a progress line on a terminal
#   find_peer           finds the OpenSHMEM of Open MPI
#   peer_replay         builds a trace replay with it
#   preloadable         finds the library of another malloc
#   find_mallocs        finds glibc, jemalloc and mimalloc
#   have_gnuplot        tells whether pictures can be drawn
#   $median, $bar       the sources of awk functions
name=bench/${0##*/}
source=$(cd "$(dirname "$0")/.." && pwd) || exit 1
build=$source/build
folder=

if [ "$(id -u)" = 0 ]; then
    OMPI_ALLOW_RUN_AS_ROOT=1
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
fi

say()
{
    echo "$name: $*" >&2
}

wrong()
{
    say "$1; try --help"
    exit 2
}

# Overwrite the progress line. An empty text removes it.
progress()
{
    [ ! -t 2 ] || printf '\r\033[K%s' "$1" >&2
}

# Print the comment at the top of the script.
usage()
{
    sed -n '1d; /^#/!q; s/^# \{0,1\}//p' "$0"
}

# next_option ARGUMENTS...: put the first argument into $option, its value into
# $value, and the number of arguments used into $taken. False if the first
# argument is not an option. $valued lists the script's options that take a value,
# $flags those without one. -b, -o and -r set $build, $folder and $rounds.
next_option()
{
    option=$1 value= taken=1
    case $option in
        -h | --help) usage; exit 0 ;;
        -?*) ;;
        *) return 1 ;;
    esac
    case " $flags " in
        *" $option "*) return 0 ;;
    esac
    case " $valued " in
        *" $option "*) ;;
        *) wrong "unknown option \"$option\"" ;;
    esac
    [ $# -gt 1 ] || wrong "$option needs a value"
    value=$2 taken=2
    case $option in
        -b) build=$value ;;
        -o) folder=$value ;;
        -r) rounds=$value
            case $rounds in
                0 | *[!0-9]* | '') wrong "-r takes a number from 1 on, not \"$rounds\"" ;;
            esac ;;
    esac
}

# need PROGRAM...: end the script unless the build folder has these programs.
need()
{
    for needed in "$@"; do
        [ -x "$build/$needed" ] || {
            say "there is no $build/$needed; build memheap there first" \
                "(./quickstart), or name another folder by -b"
            exit 1
        }
    done
}

# other_program NAME OPTION: print the first program of this name on the PATH that
# does not belong to memheap. Programs of memheap mention it if called with OPTION.
other_program()
(
    IFS=:
    set -f
    for place in $PATH; do
        program=${place:-.}/$1
        if [ -x "$program" ] && ! "$program" "$2" 2>&1 | grep -q memheap; then
            echo "$program"
            exit
        fi
    done
    exit 1
)

# Put the compiler wrapper and the launcher of Open MPI into $oshcc and $oshrun.
# Those of memheap may precede them on the PATH. False, with a message, if they
# are not found.
find_peer()
{
    oshcc=$(other_program oshcc --showme:version) &&
        oshrun=$(other_program oshrun --version) && return
    say "without Open MPI's OpenSHMEM: apt-get install" \
        "--no-install-recommends openmpi-bin libopenmpi-dev"
    return 1
}

# peer_replay PROGRAM: build bench/pgas-replay.c with Open MPI.
peer_replay()
{
    "$oshcc" -O2 -I"$build" -I"$source" -o "$1" "$source/bench/pgas-replay.c" \
        "$source/base/text.c" \
        "$source/tools/common/reader.c" "$source/tools/common/trace.c" -llzma
}

# preloadable FILE PACKAGE: print the path of a library.
preloadable()
{
    path=$(/sbin/ldconfig -p 2>/dev/null | awk -v name="$1" \
        '$1 == name { print $NF; exit }')
    [ -n "$path" ] ||
        say "without $1: apt-get install --no-install-recommends $2"
    echo "$path"
}

# Put NAME=LIBRARY of each malloc that is installed into $mallocs. The library, for
# LD_PRELOAD, is empty for glibc.
find_mallocs()
{
    jemalloc=$(preloadable libjemalloc.so.2 libjemalloc2)
    mimalloc=$(preloadable libmimalloc.so.2 libmimalloc2.0)
    mallocs="glibc= ${jemalloc:+jemalloc=$jemalloc} ${mimalloc:+mimalloc=$mimalloc}"
}

have_gnuplot()
{
    command -v gnuplot >/dev/null && return
    say "without gnuplot, no picture: apt-get install" \
        "--no-install-recommends gnuplot-nox"
    return 1
}

# The median of the numbers in a string, or "" if it is empty.
# shellcheck disable=SC2034 # used by scripts that source this
median='
function median(list,   n, i, j, t, a) {
    n = split(list, a, " ")
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && a[j - 1] + 0 > a[j] + 0; j--) {
            t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
        }
    return n == 0 ? "" : a[int((n + 1) / 2)]
}
'

# bar(what, ratio, limit): print whether a ratio, or "", is at most the limit.
# shellcheck disable=SC2034
bar='
function bar(what, ratio, limit) {
    printf "%-40s %6s  <= %.1f  %s\n", what,
        ratio == "" ? "-" : sprintf("%.2f", ratio), limit,
        ratio == "" ? "-" : ratio <= limit ? "pass" : "miss"
}
'
