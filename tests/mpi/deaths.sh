#!/bin/sh
# One PE dies or stops at a random moment, and the job does not hang: it ends within
# five seconds, or the others report for what they wait and go on when the PE does.
#
#     MEMHEAP_TEST_DEATHS=N    so many deaths (default: 10)
#     MEMHEAP_TEST_SEED=S      other moments
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/deaths
deaths=${MEMHEAP_TEST_DEATHS:-10}
work=$(mktemp -d "$top_builddir/deaths.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp"
MEMHEAP_TEST_TIME=20

left()
{
    ls -A "$work/tmp" | grep -vE '^(ompi|pmix|orte)'
    # shellcheck disable=SC2010 # names of memory files are plain
    ls -A /dev/shm | grep -i memheap
    pgrep -f "^$program .*$work" >/dev/null && echo "a process"
}

# The seconds since the PE died.
seconds_since_end()
{
    echo "$(stat -c %.Y "$work/end") $(date +%s.%N)" | awk '{ print $2 - $1 }'
}

# Let a stopped PE go on when the others have reported that they wait.
continue_when_reported()
{
    tries=0
    while [ $tries -lt 100 ] && kill -0 "$launcher" 2>/dev/null; do
        if grep -q 'waits\? in' "$work/output"; then
            kill -CONT "$(sed -n 's/^victim //p' "$work/output")"
            return
        fi
        tries=$((tries + 1))
        sleep 0.1
    done
    miss "does not report the wait"
}

# Moments are up to 0.7 s from the start of MPI, so some lie in shmem_init(). The
# start of MPI is not included: mpirun may hang if a process dies in it. Stops come
# later, since waits in shmem_init() are not reported.
awk -v seed="${MEMHEAP_TEST_SEED:-1}" -v deaths="$deaths" 'BEGIN {
    srand(seed)
    split("kill stop exit leave kill", how)
    for (i = 0; i < deaths; i++) {
        word = how[i % 5 + 1]
        pes = int(rand() * 2) * 2 + 2
        print word, pes, int(rand() * pes), int(rand() * 3), \
            int(rand() * 700) + (word == "stop" ? 1000 : 0)
    }
}' >"$work/list"

while read -r how pes pe nodes ms; do
    : >"$work/output"
    TMPDIR=$work/tmp launch -x MEMHEAP_WAIT_REPORT=1 -x MEMHEAP_NODE_PES=$nodes \
        -n "$pes" "$program" "$how" "$pe" "$ms" "$work" >"$work/output" 2>&1 &
    launcher=$!
    [ "$how" != stop ] || continue_when_reported
    wait $launcher
    status=$?
    output=$(cat "$work/output")
    case $how in
        stop)
            check_status 0
            says "all went on"
            ;;
        *)
            took=$(seconds_since_end)
            echo "# ended after $took seconds"
            check_status error
            awk "BEGIN { exit !($took < 5) }" || miss "took $took seconds to end"
            ;;
    esac
    after=$(left)
    [ -z "$after" ] || miss "left: $after"
    fact "PE $pe of $pes, nodes of $nodes: $how after $ms ms"
done <"$work/list"
finish
