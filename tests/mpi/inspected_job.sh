# Source this: jobs that run while a tool inspects them. `work` is a folder.
#
#   begin PES [mpirun's arguments]  starts a job of tests/mpi/inspected_heaps, and waits
#                                   until it is ready; its launcher is `launcher`
#   end                             stops it, and waits for it
#   pids                            prints its process ids, by PE
program=$top_builddir/tests/mpi/inspected_heaps
launcher=

begin()
{
    pes=$1
    shift
    rm -f "$work/over"
    : >"$work/ready"
    launch -n "$pes" "$@" >"$work/ready" 2>&1 &
    launcher=$!
    for _ in $(seq 600); do
        grep -q ready "$work/ready" && break
        sleep 0.05
    done
    grep -q ready "$work/ready" || miss "the job does not start: $(cat "$work/ready")"
}

end()
{
    : >"$work/over"
    wait "$launcher" || miss "the job ends with status $?"
}

# The processes of the job, by PE.
pids()
{
    "$top" --once --json --interval 0.05 --job "$launcher" 2>/dev/null |
        tr '{' '\n' | sed -n 's/.*"pe": \([0-9]*\), "pid": \([0-9]*\), "heap": "symmetric".*/\1 \2/p' |
        sort -n | cut -d' ' -f2
}
