#!/bin/sh
# memheap-top with running jobs.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
top=$top_builddir/tools/memheap-top
work=$(mktemp -d) || exit 1
trap ': >"$work/over"; wait; rm -rf "$work"' EXIT
MEMHEAP_TEST_TIME=60
COLUMNS=80
export COLUMNS
. "$top_srcdir/tests/mpi/inspected_job.sh"

# each_has HEAP KEY VALUE COUNT: check that COUNT heaps of the last output have this
# value. A sample may be taken between the two calls that the program repeats.
each_has()
{
    found=$(printf '%s\n' "$output" | tr '{' '\n' | grep -c "\"heap\": \"$1\".*\"$2\": $3[,}]")
    [ "$found" = "$4" ] || miss "$found heaps \"$1\" have $2 $3, and not $4"
}

for np in 2 4; do
    begin $np "$program" "$work/over"
    run 0 "$top" --once --interval 0.3 --job "$launcher"
    lines=$(printf '%s\n' "$output" | wc -l)
    [ "$lines" = $((np + 2)) ] || miss "has $lines lines"
    printf '%s\n' "$output" | grep -q '.\{81\}' && miss "has lines of more than 80"
    says "PE     PID HEAP" "USED" "ALLOC/S" "total"
    pe=0
    while [ $pe -lt $np ]; do
        printf '%s\n' "$output" | grep -qE "^ +$pe +[0-9]+ symmetric +.* [1-9][0-9.]*k? +[1-9][0-9.]*k? +0 +[0-9]+%$" ||
            miss "has no line of PE $pe with rates"
        pe=$((pe + 1))
    done
    fact "$np PEs: a line for each PE, and one for the total"

    run 0 env LC_ALL="$(comma_locale)" "$top" --once --json --interval 0.3 \
        --job "$launcher"
    is_json
    each_has symmetric failures 0 $np
    each_has symmetric gone false $np
    each_has symmetric live_blocks "3[12]" $np
    says "\"pe\": 0, " "\"pe\": $((np - 1)), " '"allocations_per_second": ' '"resident": '
    if command -v python3 >/dev/null; then
        printf '%s\n' "$output" | python3 -c '
import json, sys
for heap in json.loads(sys.stdin.readline())["heaps"]:
    assert heap["frees"] == heap["allocations"] - heap["live_blocks"], heap
    assert 520000 <= heap["used"] <= heap["peak"] <= heap["high_water"], heap
    assert heap["high_water"] <= heap["committed"] <= heap["size"], heap
    assert 0 < heap["allocations_per_second"] < 1e6, heap
' || miss "the figures do not go together"
    fi
    fact "$np PEs: the figures are printed as JSON"

    first=$(pids | head -n 1)
    last=$(pids | tail -n 1)
    run 0 "$top" -1 -i 0.1 "$first" "$last"
    says " $first symmetric" " $last symmetric"
    [ "$(printf '%s\n' "$output" | grep -c symmetric)" = 2 ] || miss "shows others"
    fact "$np PEs: processes are selected by their numbers"

    output=$(timeout 20 "$top" -i 0.1 "$first" 2>&1 </dev/null & watcher=$!
        sleep 0.4
        : >"$work/over"
        wait $watcher)
    says "$first symmetric gone"
    [ "$(printf '%s\n' "$output" | grep -c gone)" = 1 ] || miss "says so again and again"
    fact "$np PEs: a destroyed heap is shown as gone, and memheap-top ends"
    end
    fact "$np PEs: the job ends normally"
done

begin 2 -x MEMHEAP_TOP=all "$program" "$work/over" own
run 0 "$top" --once --json -i 0.1 --job "$launcher"
each_has symmetric live_blocks "3[12]" 2
each_has mine live_blocks "[34]" 2
each_has mine size 1048576 2
[ "$(printf '%s\n' "$output" | tr '{' '\n' | grep -c '"pe": 1, .*"heap"')" = 2 ] ||
    miss "the heap beside the symmetric one has not its PE"
printf '%s\n' "$output" | tr '{' '\n' | grep '"mine"' | grep -q '"resident": [1-9]' ||
    miss "knows nothing resident"
modes=$(stat -L -c '%a %s' /proc/"$(pids | head -n 1)"/fd/* 2>/dev/null | grep -c '^600 65536$')
[ "$modes" = 2 ] || miss "$modes pages are for their user alone"
end
fact "MEMHEAP_TOP=all publishes local heaps too"

begin 2 -x MEMHEAP_TOP=none "$program" "$work/over"
run 1 "$top" --once -i 0.1 --job "$launcher"
says "memheap-top: there is no heap to be seen; MEMHEAP_TOP=all"
end
fact "MEMHEAP_TOP=none publishes nothing"

begin 1 "$program" "$work/over"
run 1 "$top" --once -i 0.1 --job "$launcher"
end
fact "a job of one PE publishes nothing by default"

run 0 "$top" --help
says "Usage: memheap-top" --job --interval --sort --once --json
fact "--help prints the usage"
run 0 "$top" --version
says "memheap-top "
fact "--version prints the version"
# message | options
while IFS='|' read -r text options; do
    # shellcheck disable=SC2086
    run 2 "$top" $options
    says "$text" "Try memheap-top --help."
    fact "wrong use: $options"
done <<END
a process is a whole number, not "x"|x
a process is a whole number, not "0"|--job 0
--interval wants seconds, from 0.05 on, not "0"|-i 0
--interval wants seconds, from 0.05 on, not "1s"|-i 1s
--sort wants a column (PE, PID, HEAP, |--sort colour
END
run 1 "$top" --once 999999999
says "memheap-top: cannot look at process 999999999 (No such process)"
fact "a process that does not exist is reported"
finish
