#!/bin/sh
# memheap-top with running jobs.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
top=$top_builddir/tools/memheap-top
map=$top_builddir/tools/memheap-map
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

# sites OPTIONS...: run memheap-top with --sites until all heaps of the job have been called.
sites()
{
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        run 0 "$top" --once --sites -i 0.2 --job "$launcher" "$@"
        case $output in *" not called; "* | *'"not_called": '[1-9]*) ;; *) break ;; esac
    done
}

for np in 2 4; do
    begin $np "$program" "$work/over"
    run 0 "$top" --once --interval 1 --job "$launcher"
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

    run 0 env LC_ALL="$(comma_locale)" "$top" --once --json --interval 1 \
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

    sites
    says "$np of $np heaps keep no records; start the program with MEMHEAP_RECORDS=1"
    fact "$np PEs: call sites need MEMHEAP_RECORDS"

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

begin 2 -x MEMHEAP_TOP=all -x MEMHEAP_RECORDS=1 "$program" "$work/over" own
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
fact "MEMHEAP_TOP=all publishes local heaps too"
sites
says "LIVE  HEAP" "  mine " "  symmetric "
fact "call sites of several heaps have the names of the heaps"
run 0 "$top" --once -i 0.1 --sort heap --job "$launcher"
[ "$(printf '%s\n' "$output" | awk '$2 ~ /^[0-9]+$/ { printf "%s%s ", $3, $1 }')" = \
    "mine0 mine1 symmetric0 symmetric1 " ] || miss "is in another order"
fact "heaps are sorted by their names, and then by PE"
end

# Processes outside of jobs. All processes of the user are looked at.

hold()
{
    : >"$work/held"
    MEMHEAP_TOP=all "$top_builddir/tests/faults/process" 3 hold >"$work/held" &
    until grep -q ready "$work/held"; do sleep 0.05; done
}
hold
stays=$!
hold
ends=$!
run 0 "$top" --once -i 0.1
printf '%s\n' "$output" | grep -qE "^ +- +$stays held " || miss "has no process without a PE"
run 0 "$top" --once --json -i 0.1 "$stays"
says "\"pe\": null, \"pid\": $stays, "
fact "a process outside of a job has no PE"
"$top" -i 0.05 --json >"$work/looks" &
watcher=$!
# after WORDS...: wait for a look that comes after these.
after()
{
    for _ in $(seq 400); do
        tail -n 2 "$work/looks" | head -n 1 | tr '{' '\n' | grep "\"pid\": $ends, " >"$work/look"
        "$@" && return
        sleep 0.05
    done
    miss "waits without end for: $*"
}
after grep -q '"gone": false' "$work/look"
kill $ends
after grep -q '"gone": true' "$work/look"
after test ! -s "$work/look"
tail -n 2 "$work/looks" | head -n 1 | grep -q "\"pid\": $stays, " || miss "forgets the other process"
kill $watcher $stays
wait $watcher $stays $ends 2>/dev/null
fact "a process that has ended is shown as gone, and then forgotten"

# Call sites

np=4
begin $np -x MEMHEAP_RECORDS=1 "$program" "$work/over"
sites
says "call sites, summed over $np of $np heaps:" "NOW  AT MOST  IN ALL   CALLS  LIVE  CALL SITE"
printf '%s\n' "$output" | grep -qE "^ +[0-9.]+M +[0-9.]+M +[0-9.]+M +$((np * 10)) +$((np * 10))  .*inspected_heaps" ||
    miss "has no line of the large blocks"
printf '%s\n' "$output" | sed -n '/CALL SITE/,$p' | sed -n 2p | grep -q " $((np * 10)) " ||
    miss "begins with another call site"
fact "call sites are summed over the PEs, by bytes now"
sites --json
is_json
says "\"sites_of\": {\"heaps\": $np, \"without_records\": 0, \"not_called\": 0}"
printf '%s\n' "$output" | tr '{' '\n' |
    grep -qE "\"heap\": \"symmetric\", \"site\": \"[^\"]*inspected_heaps[^\"]*\", \"used\": $((np * 20160)), \"peak\": $((np * 20160)), \"live_blocks\": $((np * 20)), \"allocations\": $((np * 20)), " ||
    miss "has not the call site of 20 blocks"
fact "call sites are printed as JSON"

# The screen. The job of 4 PEs runs.

# show COLUMNS ROWS KEYS [OPTIONS]: run memheap-top on a terminal, press keys, and
# take what it writes as the output. It redraws after each key.
show()
{
    size="rows $2 cols $1"
    keys=$3
    shift 3
    output=$(printf '%b' "$keys" | TERM=xterm timeout 60 script -qec \
        "stty $size; exec $top --job $launcher $*" /dev/null)
    status=$?
    check_status 0
}

# frame N: the Nth screen of the output, without colours.
frame()
{
    printf '%s\n' "$output" | awk -v n="$1" 'BEGIN { RS = "\033\\[H" } NR == n + 1' |
        sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g'
}

# frame_has N TEXT...
frame_has()
{
    shown=$(frame "$1")
    number=$1
    shift
    for text in "$@"; do
        case $shown in
            *"$text"*) ;;
            *) miss "screen $number does not show: $text" ;;
        esac
    done
}

escape=$(printf '\033')
if command -v script >/dev/null; then
    show 80 24 'sr<>p+hhq' -i 60
    says "${escape}[?1049h" "${escape}[?1049l" "${escape}[32m"
    case $output in *"${escape}[?1049l") ;; *) miss "does not end with the shell's screen" ;; esac
    frame_has 1 "4 heaps of 4 processes, every 60 s, by PE" "used  [" "minute" "PE     PID HEAP" \
        " total " "h help  q end"
    frame_has 2 "by PID"
    frame_has 3 "by PID reversed"
    frame_has 4 "by PE reversed"
    frame_has 6 ", paused"
    frame_has 7 ", every 60 s"
    frame_has 8 "sort by the next column" "page-up"
    frame_has 9 "4 heaps of 4"
    frame 1 | grep -q '.\{81\}' && miss "has lines of more than 80"
    fact "keys sort, reverse, pause and show the help"

    show 160 24 '-+q' -i 1
    frame_has 1 "USED, PEAK" "LAST MINUTE" "COMPONENT" "M of "
    frame_has 2 "every 0.5 s"
    frame_has 3 "every 1 s"
    fact "a wide terminal has a bar and the last minute of each heap"

    # The escape sequences of arrows, page-down, page-up, end and home, and unknown ones.
    show 80 9 '\033[B\033OB\033[A\033[6~\033[5~\033[4~\033[1;5H\033[99~\033x\033[CQ' -i 60
    frame_has 1 "lines 1 to 3 of 5"
    frame_has 2 "lines 2 to 4 of 5"
    frame_has 3 "lines 3 to 5 of 5" total
    frame_has 4 "lines 2 to 4 of 5"
    frame_has 5 "lines 3 to 5 of 5"
    frame_has 6 "lines 1 to 3 of 5"
    frame_has 7 "lines 3 to 5 of 5"
    frame_has 8 "lines 1 to 3 of 5" "by PE"
    frame_has 10 "lines 1 to 3 of 5" "by PE"
    frame_has 11 "by PID"
    [ "$(frame 1 | wc -l)" = 9 ] || miss "has not the height of the terminal"
    fact "more lines than rows are scrolled"

    LC_ALL=C.UTF-8 show 160 24 q -i 60
    frame_has 1 '[█' '█ '
    LC_ALL=C show 160 24 q -i 60
    frame_has 1 '[#' '# '
    fact "graphs are block characters in UTF-8, and else ASCII"
    NO_COLOR=1 show 80 24 q -i 60
    printf '%s\n' "$output" | grep -q "${escape}\[[0-9;]*m" && miss "has colours with NO_COLOR"
    show 80 24 q -i 60 --color=never
    printf '%s\n' "$output" | grep -q "${escape}\[[0-9;]*m" && miss "has colours with --color=never"
    fact "NO_COLOR and --color=never turn colours off"

    output=$(: | TERM=dumb timeout 60 script -qec "exec timeout -s INT 1 $top --job $launcher -i 0.1" /dev/null)
    says "PE     PID"
    case $output in *"${escape}"*) miss "writes escape sequences" ;; esac
    fact "a dumb terminal gets plain text"

    # Without a full screen, a terminal has colours and graphs.
    show 160 24 '' --once -i 0.1
    says "${escape}[32m" "LAST MINUTE"
    case $output in *"${escape}[?1049h"*) miss "takes the screen" ;; esac
    fact "--once has colours on a terminal, and leaves the screen alone"

    # A program that runs on: with keys through a fifo.
    mkfifo "$work/keys"
    TERM=xterm script -qec "stty rows 24 cols 160; tty >$work/tty; echo \$\$ >$work/pid
        exec $top --job $launcher -i 0.1" /dev/null <"$work/keys" >"$work/screen" &
    watcher=$!
    exec 8>"$work/keys"
    until_shown()
    {
        for _ in $(seq 400); do
            output=$(cat "$work/screen")
            frame "$(($(grep -o "${escape}\[H" "$work/screen" | wc -l) - 1))" | grep -q "$1" && return
            sleep 0.05
        done
        miss "does not show: $1"
    }
    printf c >&8
    until_shown 'summed over 4 of 4 heaps'
    until_shown 'CALL SITE'
    fact "a key shows the call sites"
    if [ -x "$map" ]; then
        run 0 "$map" --json --wait 20 --job "$launcher"
        is_json
        fact "memheap-map reads heaps whose call sites are watched"
    fi
    stty -F "$(cat "$work/tty")" cols 60 rows 10
    until_shown 'lines 1 to 4'
    until_shown 'HEAP *RES *USED'
    fact "a terminal that changes its size is drawn again"
    printf 'h' >&8
    until_shown 'sort by the next column'
    printf '\033' >&8
    until_shown 'lines 1 to 4'
    fact "escape ends the help"
    # script(1) stops too, at some time after that, and goes on with its child.
    kill -TSTP "$(cat "$work/pid")"
    until grep -q '^State:.*T' "/proc/$(cat "$work/pid")/status"; do sleep 0.05; done
    for _ in $(seq 400); do
        kill -CONT $watcher "$(cat "$work/pid")"
        output=$(cat "$work/screen")
        case $output in *"${escape}[?1049l"*"${escape}[?1049h"*) break ;; esac
        sleep 0.05
    done
    case $output in
        *"${escape}[?1049l"*"${escape}[?1049h"*) ;;
        *) miss "does not leave the screen and take it again" ;;
    esac
    kill -CONT $watcher
    until_shown 'HEAP *RES *USED'
    fact "ctrl-Z brings the shell's screen back until the program goes on"
    kill -TERM "$(cat "$work/pid")"
    wait $watcher || miss "ends with status $?"
    exec 8>&-
    output=$(cat "$work/screen")
    case $output in *"${escape}[?1049l") ;; *) miss "leaves the terminal as it was" ;; esac
    fact "a signal brings the shell's screen back"
else
    skip "the screen" "there is no script (of util-linux)"
fi
output=$("$top" --once -i 0.1 --job "$launcher" | od -c)
case $output in *033*) miss "writes escape sequences" ;; esac
run 0 "$top" --once -i 0.1 --color=always --job "$launcher"
says "${escape}[32m"
run 0 "$top" --once -i 0.1 --sort used --reverse --job "$launcher"
says "USED"
fact "a pipe has no colours, unless --color=always asks for them"
if command -v script >/dev/null; then
    first=$(pids | head -n 1)
    TERM=xterm timeout 60 script -qec "exec $top -i 0.1 $first" /dev/null \
        </dev/null >"$work/screen" &
    watcher=$!
    until_shown "$first symmetric"
    : >"$work/over"
    wait $watcher || miss "ends with status $?"
    output=$(cat "$work/screen")
    output=${output##*"${escape}[?1049l"}
    says "$first symmetric gone"
    fact "what was last on the screen stays when all processes have ended"
fi
end

begin 2 -x MEMHEAP_RECORDS=1 "$program" "$work/over" still
run 0 "$top" --once --sites -i 0.1 --job "$launcher"
says "2 of 2 heaps were not called; call sites are written at the end of a call"
fact "a heap without calls does not write its call sites"
end

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
says "Usage: memheap-top" --job --interval --sort --reverse --sites --once --json --color
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
--color wants auto, always or never, not "red"|--color=red
END
run 1 "$top" --once 999999999
says "memheap-top: cannot look at process 999999999 (No such process)"
fact "a process that does not exist is reported"
finish
