#!/bin/sh
# Calls of the system, of MPI and of UCX fail, one in each run of a program.
# faults/scenario.sh has the settings.
. "${top_srcdir:-.}/tests/faults/scenario.sh"
process=$top_builddir/tests/faults/process

# Heaps and pools of one process.

for component in $components; do
    scenario process "$component" 25 "MEMHEAP_COMPONENT=$component" \
        "$process" 300 heap range
done
scenario process save 30 MEMHEAP_RECORDS=1 "$process" 40 save
scenario process pools 30 MEMHEAP_TEST_NODES=2 "$process" 300 pools
always="posix_spawn_file_actions_init:1 posix_spawn_file_actions_adddup2:1"
scenario process guard 20 MEMHEAP_GUARD=1 "$process" 30 heap range
for policy in 4k,local thp,interleave 2m,node:0 mandatory:2m,mandatory:node:0; do
    scenario process "pages $policy" 20 \
        "MEMHEAP_PAGES=${policy%%,*} MEMHEAP_PLACE=${policy#*,}" \
        "$process" 30 heap
done

# A report, a trace and a stats page. The report has to be whole, and the trace has
# to have the count of its operations.
mkdir "$work/files"
effects()
{
    report=$(tail -n 1 "$work/files/report.json" 2>/dev/null)
    trace=none
    for file in "$work"/files/*.sht*; do
        [ ! -s "$file" ] || trace=${file##*.}
    done
    echo "report:$report,trace:$trace"
    rm -f "$work"/files/*
}
always="fstat:1"
scenario process aids 40 "MEMHEAP_RECORDS=1 MEMHEAP_LEAKS=1 MEMHEAP_CHECK=1
    MEMHEAP_TOP=all MEMHEAP_TRIM=1 MEMHEAP_REPORT=$work/files/report.json
    MEMHEAP_TRACE=$work/files/%h.sht" "$process" 60 heap
scenario process "compressed trace" 15 "MEMHEAP_TRACE=$work/files/%h.sht.xz
    MEMHEAP_REPORT=$work/files/report.json" "$process" 60 heap

# Tools, with a trace and with a running process. Only their own calls fail. Numbers
# that differ from run to run are not compared.

tool()
{
    name=$1
    shift
    scenario tool "$name" 8 MEMHEAP_TEST_FAIL_IN=memheap- "$@"
}
MEMHEAP_RECORDS=1 MEMHEAP_TRACE=$work/own.sht.xz "$process" 60 heap >/dev/null 2>&1
MEMHEAP_TOP=all "$process" 20 hold >"$work/held" &
held_by=$!
while [ ! -s "$work/held" ] && kill -0 $held_by; do sleep 0.1; done
tool info "$top_builddir/tools/memheap-info" --parsable
always="open:1 pread:3 reallocarray:1"
tool top "$top_builddir/tools/memheap-top" --once --json --interval 0.1 $held_by
if [ -x "$top_builddir/tools/memheap-map" ]; then
    always="fflush:1 fstat:1 malloc:1 pread:3 pwrite:1 reallocarray:1 stat:2"
    tool "map of a process" "$top_builddir/tools/memheap-map" --json -w 0.5 \
        -o "$work/map" $held_by
    always="fflush:1 reallocarray:5"
    tool "map of a trace" "$top_builddir/tools/memheap-map" --text --at end \
        "$work/own.sht.xz"
    tool "map in a file" "$top_builddir/tools/memheap-map" -o "$work/map" \
        "$work/own.sht.xz"
fi
if [ -x "$top_builddir/tools/memheap-report" ]; then
    MEMHEAP_RECORDS=1 MEMHEAP_REPORT=$work/own.json "$process" 60 heap >/dev/null 2>&1
    always=
    tool "report of a report" "$top_builddir/tools/memheap-report" folded "$work/own.json"
    tool "report of a trace" "$top_builddir/tools/memheap-report" show "$work/own.sht.xz"
fi
kill $held_by
wait $held_by 2>/dev/null
if [ -x "$top_builddir/tools/memheap-replay" ]; then
    always="calloc:6 fflush:1"
    tool replay "$top_builddir/tools/memheap-replay" --csv -c "$first" \
        -m "$work/map" "$work/own.sht.xz"
fi

# Jobs. A call fails in the first PE, in the last, or in all.

job()
{
    what=$1
    of_job=$2
    shift 2
    for pe in 0 1 all; do
        one=
        [ $pe = all ] || one=MEMHEAP_TEST_FAIL_PE=$pe
        case $pe in
            0) always=$of_first ;;
            1) always=$of_last ;;
            all) always=$of_all ;;
        esac
        scenario job "job $what, PE $pe" 4 "$of_job $one" "$MPIRUN" \
            $oversubscribe -n 2 "$top_builddir/tests/faults/job" "$@" "$work"
    done
    of_first=
    of_last=
    of_all=
}
if [ -n "$MPIRUN" ]; then
    of_first="PMPI_Iallreduce:1 calloc:12 on_exit:1"
    job plain ""
    of_last="pthread_create:1 ucp_rkey_pack:5 ucp_worker_signal:1"
    job ucx MEMHEAP_NODE_PES=1 returns
    of_all="open:3"
    job guard MEMHEAP_GUARD=1
    job aids "MEMHEAP_LEAKS=1 MEMHEAP_REPORT=$work/files/report.json
        MEMHEAP_TRACE=$work/files/%h.sht"
fi
finish
