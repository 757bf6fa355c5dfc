# Source this: scenarios in which calls of the system, of MPI and of UCX fail.
#
# fail.c makes a call fail. A scenario is a program with settings. It runs once to
# count the calls of each function; each call is a point. Then it runs once for each
# point, and judge.awk says how a run may end.
#
#     MEMHEAP_TEST_FAULTS=PATTERN  all points of the scenarios with such names, or
#                                  of all scenarios ("all"), and a table of the
#                                  functions. Of functions that are called in
#                                  loops, fgets() and MPI_Test(), 20 calls.
#                                  Without it, a sample.
#     MEMHEAP_TEST_POINTS=N        at most N points of each of these scenarios
#     MEMHEAP_TEST_VERBOSE=1       what became of each run
. "${top_srcdir:-.}/tests/mpi/launch.sh"
. "${top_srcdir:-.}/tests/tap.sh"
fail=$top_builddir/tests/faults/.libs/fail.so
wanted=${MEMHEAP_TEST_FAULTS:-}
[ "$wanted" != all ] || wanted='*'
work=$(mktemp -d "$top_builddir/faults.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp"
MEMHEAP_TEST_TIME=10
LC_ALL=C # for the texts of errors
# UCX and Open MPI are not to replace mmap() and the like behind fail.so.
UCX_MEM_EVENTS=n
OMPI_MCA_memory=^patcher
OMPI_MCA_orte_tmpdir_base=$work/tmp
PRTE_MCA_prte_tmpdir_base=$work/tmp # of Open MPI 5
# What malloc() keeps would count as a leak: freed blocks, and an arena for a thread
# that allocates. In glibc 2.41, the text of an error allocates.
GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1
export LC_ALL UCX_MEM_EVENTS OMPI_MCA_memory OMPI_MCA_orte_tmpdir_base \
    PRTE_MCA_prte_tmpdir_base GLIBC_TUNABLES

# What a run has done, as a word; scenarios define it.
effects()
{
    echo none
}

# What runs have left. Files of MPI are not counted.
left()
{
    ls -A "$work/tmp" | grep -vE '^(ompi|pmix|orte|prte)'
    # shellcheck disable=SC2010 # names of memory files are plain
    ls -A /dev/shm | grep -i memheap
    pgrep -f "/job .*$work" >/dev/null && echo "a process"
}

# Run the scenario with a point, and write the line of the index. A run that takes
# too long gets a second chance, since the machine may be busy.
run_point()
{
    number=$1
    point=$2
    shift 2
    for times in 1 3; do
        # Process numbers come again on nodes, and so do the folders of Open MPI 5.
        rm -rf "$work"/tmp/prte*
        # shellcheck disable=SC2086 # words
        env TMPDIR="$work/tmp" LD_PRELOAD="$fail" MEMHEAP_TEST_FAIL="$point" $settings \
            timeout -k 5 $((times * limit)) "$@" \
            >"$work/out.$number" 2>"$work/err.$number" </dev/null
        status=$?
        [ $status = 124 ] || break
    done
    echo "$number $point $status $(effects)" >>"$work/index"
}

# scenario KIND NAME MOST SETTINGS COMMAND...
# A sample has MOST points, more of the first calls of each function than of later
# ones, and those of $always: words NAME:NUMBER, where faults were found. Settings
# are words NAME=VALUE.
always=
scenario()
{
    kind=$1
    name=$2
    most=$3
    settings=$4
    shift 4
    if [ -n "$wanted" ]; then
        most=${MEMHEAP_TEST_POINTS:-0}
        case $name in
            $wanted) ;;
            *) return ;;
        esac
    fi
    rm -f "$work"/out.* "$work"/err.* "$work"/met.* "$work/index"
    limit=$(time_limit)
    MEMHEAP_TEST_FAIL_LOG=$work/calls
    export MEMHEAP_TEST_FAIL_LOG
    : >"$work/calls"
    # shellcheck disable=SC2086 # words
    always=$(echo $always)
    run_point 0 none "$@"
    sort "$work/calls" | uniq -c | awk '
        {
            step = $2 ~ /^(fgets|PMPI_Test)$/ && $1 > 20 ? $1 / 20 : 1
            for (error = 3; error <= NF; error++) {
                for (n = 1; n <= $1 && $error != 0; n += step)
                    print int(n), $2 ":" int(n) ":" $error
            }
        }' | sort -n | awk -v most="$most" -v always="$always" '
        {
            called = $2
            sub(/:[^:]*$/, "", called)
            if (index(" " always " ", " " called " ") > 0)
                print ++found, $2
            else
                point[total++] = $2
        }
        END {
            sampled = most > 0 && most < total
            count = sampled ? most : total
            for (i = 0; i < count; i++) {
                part = (i + 0.5) / count
                print ++found, point[int(total * (sampled ? part * part : part))]
            }
        }' >"$work/points"
    always=
    while read -r number point; do
        MEMHEAP_TEST_FAIL_LOG=$work/met.$number
        run_point "$number" "$point" "$@"
    done <"$work/points"
    awk -v folder="$work" -v kind="$kind" -v verbose="$MEMHEAP_TEST_VERBOSE" \
        -f "$top_srcdir/tests/faults/judge.awk" "$work/index" >"$work/result"
    sed -n 's/^fault//p' "$work/result" >"$work/faulty"
    while read -r line; do
        miss "$line"
    done <"$work/faulty"
    after=$(left)
    [ -z "$after" ] || miss "left: $after"
    grep '^run' "$work/result"
    [ -z "$wanted" ] || sed -n 's/^row /# /p' "$work/result" | sort
    output=
    fact "$name: $(sed -n 's/^sum //p' "$work/result")"
}
