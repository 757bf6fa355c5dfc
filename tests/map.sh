#!/bin/sh
# MEMHEAP_TRACE, and memheap-map with running jobs and with traces.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
top=$top_builddir/tools/memheap-top
map=$top_builddir/tools/memheap-map
replay=$top_builddir/tools/memheap-replay
if [ ! -x "$map" ]; then
    echo "1..0 # SKIP memheap-map was not built"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap ': >"$work/over"; wait; rm -rf "$work"' EXIT
MEMHEAP_TEST_TIME=60
COLUMNS=80
export COLUMNS
. "$top_srcdir/tests/mpi/inspected_job.sh"
shipped=$top_srcdir/tools/traces/pgas-mixed.sht.xz
: >"$work/over"

# picture FILE PANELS: check that an SVG picture has one panel for each heap.
picture()
{
    [ "$(tail -n 1 "$1")" = "</svg>" ] || miss "does not end"
    [ "$(wc -c <"$1")" -lt 1000000 ] || miss "draws $(wc -c <"$1") bytes"
    panels=$(grep -c 'class="t">' "$1")
    [ "$panels" = "$2" ] || miss "has $panels panels"
    grep -q '<path stroke="#' "$1" || miss "has no blocks"
    grep -qE '[( ,"]-?(nan|inf)' "$1" && miss "has impossible numbers"
    [ "$(grep -o '<g[ >]' "$1" | wc -l)" = "$(grep -o '</g>' "$1" | wc -l)" ] ||
        miss "leaves groups open"
    if command -v xmllint >/dev/null; then
        xmllint --noout "$1" 2>&1 || miss "is no XML"
    fi
}

# Traces of jobs

for np in 1 2 4; do
    job 0 -x MEMHEAP_TRACE="$work/%h-$np.sht" -n $np "$program" "$work/over"
    [ -s "$work/symmetric-$np.sht" ] || miss "writes no trace"
    [ "$(find "$work" -name "*-$np.sht" | wc -l)" = 1 ] || miss "writes several"
    job 0 -n 2 "$replay" --csv --verify all -c ptmalloc "$work/symmetric-$np.sht"
    says "symmetric-$np,ptmalloc,2,"
    fact "$np PEs: one trace of the symmetric heap is written, and can be replayed"
done
job 0 -x MEMHEAP_TRACE="$work/packed.sht.xz" -n 2 "$program" "$work/over"
if command -v xz >/dev/null; then
    xz -t "$work/packed.sht.xz" || miss "is not compressed"
    [ ! -e "$work/packed.sht" ] || miss "leaves the plain file"
    job 0 -n 1 "$replay" --csv --verify 0 "$work/packed.sht.xz"
fi
fact "a trace is compressed at the end"
job 0 -x MEMHEAP_TRACE=/proc/nowhere/trace -n 2 "$program" "$work/over"
says "memheap: PE 0: warning: MEMHEAP_TRACE: cannot write /proc/nowhere/trace: No such"
says_once
fact "a trace that cannot be written is reported once, as a warning"
job error -x MEMHEAP_TRACE="$work/crash.sht" -n 2 "$program" "$work/over" crash
run 0 "$map" --text --at end "$work/crash.sht"
says "after 50 of 50 operations" "in 30 blocks"
fact "the trace of a killed program ends with its last call"

# Maps of traces

run 0 "$map" -o "$work/mixed.svg" "$shipped"
picture "$work/mixed.svg" 1
output=$(cat "$work/mixed.svg")
says ">pgas-mixed, " ">0</text>" "a row: " "up to 256 bytes" "largest free block"
fact "a trace is drawn at its peak"
"$map" "$shipped" | cmp -s - "$work/mixed.svg" || miss "writes something else"
fact "the same picture is written to standard output"
run 0 "$map" --color age --at end -o "$work/age.svg" "$shipped"
picture "$work/age.svg" 1
grep -q "newest fifth" "$work/age.svg" || miss "has no ages"
fact "a trace is drawn at its end, by age"
for component in $components; do
    run 0 "$map" --component "$component" --text --at 1000 "$shipped"
    says "pgas-mixed, $component, after 1000 of " "A up to 256 bytes" "each"
    printf '%s\n' "$output" | grep -q '.\{81\}' && miss "has lines of more than 80"
    printf '%s\n' "$output" | grep -qE '^ +0B [A-Ea-e.]+$' || miss "has no cells"
    fact "a trace is shown as text after some operations, component $component"
done
# on_terminal [VARIABLE=VALUE...]: draw a trace on a terminal.
on_terminal()
{
    output=$(env "$@" timeout 60 script -qec "exec $map --at 1000 $shipped" /dev/null </dev/null)
    says "A up to 256 bytes"
}
colour=$(printf '\033[38;2;')
if command -v script >/dev/null; then
    on_terminal TERM=xterm NO_COLOR=
    says "$colour"
    for variable in TERM=dumb TERM= NO_COLOR=1; do
        on_terminal TERM=xterm $variable
        case $output in *"$colour"*) miss "has colours with $variable" ;; esac
    done
    fact "a terminal shows text, with colours if it can and the user wants them"
else
    skip "a terminal" "there is no script (of util-linux)"
fi
run 0 env LC_ALL="$(comma_locale)" "$map" --json --at 1000 "$shipped"
is_json
says '{"heaps": [{"trace": "pgas-mixed", "operations": 1000, "component": ' \
    '"fragmentation": 0.' '"blocks": [{"offset": 0, "size": '
live=$(printf '%s\n' "$output" | tr '{' '\n' | grep -c '"live": true')
says "\"live_blocks\": $live, "
fact "the blocks of a trace are printed as JSON"
run 0 "$map" --text --at 0 "$shipped"
says "used 0 bytes in 0 blocks"
fact "a heap without blocks is shown"
cp "$work/mixed.svg" "$work/kept.svg"
for by in tag site; do
    run 1 "$map" --color $by -o "$work/kept.svg" "$shipped"
    says "memheap-map: the trace has no call sites and no tags; record it with MEMHEAP_RECORDS=1"
    cmp -s "$work/mixed.svg" "$work/kept.svg" || miss "ends the picture that was there"
done
fact "a trace has no tags and no call sites"
job 0 -x MEMHEAP_RECORDS=1 -x MEMHEAP_TRACE="$work/labelled.sht.xz" -n 2 "$program" "$work/over"
labelled=$work/labelled.sht.xz
job 0 -n 2 "$replay" --csv --verify all -c ptmalloc "$labelled"
says "labelled,ptmalloc,2,"
run 0 "$map" --text --color tag --at end "$labelled"
says "A large, B small"
printf '%s\n' "$output" | grep -qE '^ +0B B+A+$' || miss "has other cells"
run 0 "$map" --text --color site --at end "$labelled"
printf '%s\n' "$output" | tr '\n' ' ' |
    grep -qE 'A [^,]*inspected_heaps[^,]*, B [^,]*inspected_heaps' || miss "names no call site"
printf '%s\n' "$output" | grep -qE '^ +0B B+A+$' || miss "has other cells"
fact "a labelled trace has colours by tag and call site"
run 0 "$map" --json --at end "$labelled"
is_json
# Lines 29, 32 and 33 of the program: 20, 10 and 10 blocks, of which the last are freed.
for counts in '20000, "peak": 20000, "live_blocks": 20, "allocations": 20' \
    '500000, "peak": 500000, "live_blocks": 10, "allocations": 10' \
    '0, "peak": 300000, "live_blocks": 0, "allocations": 10'; do
    printf '%s\n' "$output" | tr '{' '\n' |
        grep -qE "\"site\": \"[^\"]*inspected_heaps[^\"]*\", \"used\": $counts, " ||
        miss "has no call site of $counts"
done
[ "$(printf '%s\n' "$output" | tr '{' '\n' |
    grep -c '"live": true, .*"tag": "large", "site": "[^"]*inspected_heaps')" = 10 ] ||
    miss "has other blocks of the tag"
run 0 "$map" --json --at 4 "$labelled"
says '"live_blocks": 4, "allocations": 4, "bytes": 4000}'
fact "the blocks of a labelled trace have their tags and call sites"

# Pages for a browser

# clicks PAGE: use a page in a browser, and take what it shows as the output.
clicks()
{
    cat "$1" "$top_srcdir/tests/map_clicks.html" >"$work/clicks.html"
    output=$(HOME=$work timeout -k 5 60 chromium --headless --no-sandbox --disable-gpu \
        --window-size=1200,900 --virtual-time-budget=20000 --dump-dom \
        "file://$(readlink -f "$work/clicks.html")" 2>/dev/null |
        sed -n '/<pre>/,/<\/pre>/p' | sed 's/<[^>]*>//g')
}

run 0 "$map" --html -c "$first" -o "$work/page.html" "$shipped" "$shipped"
grep -q '^<title>memheap-map</title>$' "$work/page.html" || miss "is no page"
[ "$(tail -n 1 "$work/page.html")" = "</html>" ] || miss "does not end"
grep -qE '(src|href)=' "$work/page.html" && miss "needs other files"
sed 's/^{"heaps".*/@DATA@/' "$work/page.html" | cmp -s - "$top_srcdir/tools/map/page.html" ||
    miss "is not page.html with the data"
fact "two traces are a page in one file"
run 0 "$map" --html -c "$first" -o "$work/small.html" "$work/symmetric-2.sht"
output=$(sed -n '/^{"heaps"/p' "$work/small.html")
is_json
says "\"title\": \"symmetric-2, $first, " '"unit": "operation"'
fact "the data of a page is JSON"
if command -v chromium >/dev/null; then
    clicks "$work/page.html"
    says "panels=2" "range=0 141448 0 " "from operation 1 to 68,879" "picked=2" \
        "reset=0 141448 0 " "theme=dark" "legend=oldest fifth"
    printf '%s\n' "$output" | grep -q '^drawn=[0-9]\{5\}$' || miss "draws few blocks"
    [ "$(printf '%s\n' "$output" | grep -cE '^(range|zoomed|addresses|moved)=')" = 4 ] ||
        miss "does not move"
    [ "$(printf '%s\n' "$output" | sed -nE 's/^(range|zoomed|addresses|moved)=//p' |
        sort -u | wc -l)" = 4 ] || miss "stays where it is"
    fact "a browser shows the page, zooms, moves and picks blocks"
    run 0 "$map" --html -o "$work/labelled.html" "$labelled"
    clicks "$work/labelled.html"
    says "; tag large; allocated by " "rows of sites=" "picked=1"
    printf '%s\n' "$output" |
        grep -qE '^rows of sites=.*inspected_heaps[^;]* 10 0 bytes [^;]*;' ||
        miss "has no call site whose blocks are freed"
    fact "a browser shows tags and call sites of a trace"
else
    skip "clicks on a page" "there is no chromium"
    skip "call sites on a page" "there is no chromium"
fi

# Maps of jobs

for np in 2 4; do
    begin $np -x MEMHEAP_RECORDS=1 "$program" "$work/over"
    run 0 "$map" --job "$launcher" --output "$work/job.svg"
    picture "$work/job.svg" $np
    grep -q "PE $((np - 1)), process [0-9]*: symmetric, " "$work/job.svg" ||
        miss "has no panel of the last PE"
    fact "$np PEs: the picture has a panel for each PE"
    run 0 "$map" --job "$launcher" --pe 1 --text --color tag
    says "PE 1, process" "A large, B small, C (no tag)" "9 holes"
    printf '%s\n' "$output" | grep -qE '^ +0B B+A+$' || miss "has other cells"
    # The program allocates and frees a block of 64 bytes. The list is taken at the
    # end of a call, with or without this block.
    printf '%s\n' "$output" | grep -qE ' in 3[12] blocks' || miss "has other blocks"
    [ "$(printf '%s\n' "$output" | grep -c 'process')" = 1 ] || miss "shows others"
    fact "$np PEs: one PE is shown as text, by tags"
    run 0 "$map" --json --job "$launcher"
    is_json
    says "{\"pe\": $((np - 1)), \"pid\": $(pids | tail -n 1), \"heap\": \"symmetric\", "
    [ "$(printf '%s\n' "$output" | tr '{' '\n' |
        grep -cE '"live": true, "number": [0-9]+, "asked": [0-9]+, "tag": "(large|small|)"')" = \
        "$(printf '%s\n' "$output" | tr '{' '\n' | grep -c '"live": true')" ] ||
        miss "has blocks without a record"
    fact "$np PEs: the blocks are printed as JSON"
    # Lines 29 and 32 of the program have 20 and 10 blocks that live.
    for count in 20 10; do
        [ "$(printf '%s\n' "$output" | tr '{' '\n' | grep -cE "\"site\": \"[^\"]*inspected_heaps[^\"]*\", \"used\": [0-9]+, \"peak\": [0-9]+, \"live_blocks\": $count, \"allocations\": $count, ")" = "$np" ] ||
            miss "has not the call site of $count blocks on each PE"
    done
    [ "$(printf '%s\n' "$output" | tr '{' '\n' | grep '"live": true' |
        grep -vcE '"site": "[^"]*inspected_heaps[^"]*"}')" = 0 ] ||
        miss "has blocks without a call site"
    fact "$np PEs: each block has its call site"
    run 0 "$map" --job "$launcher" --pe 1 --text --color site
    printf '%s\n' "$output" | grep -qE '^ +0B B+A+$' || miss "has other cells"
    printf '%s\n' "$output" | tr '\n' ' ' |
        grep -qE 'A [^,]*inspected_heaps[^,]*, B [^,]*inspected_heaps' || miss "names no call site"
    fact "$np PEs: a picture has colours by call site"
    run 0 "$map" --html --job "$launcher" --output "$work/job.html"
    output=$(sed -n '/^{"heaps"/p' "$work/job.html")
    is_json
    says ": symmetric, " '"unit": "allocation"' '"tags": ["' '"large"' '"sites": [["'
    printf '%s\n' "$output" | grep -qE 'PEs? [0-9]+( to [0-9]+ alike:|, process)' ||
        miss "names no PE"
    fact "$np PEs: a page has the heaps"
    run 0 "$map" --color age --heap symmetric "$(pids | head -n 1)"
    says "PE 0, process" "oldest fifth"
    fact "$np PEs: one process is shown, by age"
    end
    fact "$np PEs: the job ends normally"
done
begin 1 -x MEMHEAP_TOP=all -x MEMHEAP_RECORDS=1 "$program" "$work/over" tags
run 0 "$map" --job "$launcher" --text --color tag
says "A large, B small, C a, D b, E c, F d, G e, H all others"
end
fact "a picture has eight tags at most, those of the most bytes and the others"
begin 2 -x MEMHEAP_TOP=all "$program" "$work/over" own
run 0 "$map" --job "$launcher" --heap mine --text
says "PE 0, process" "PE 1, process" ": mine, "
[ "$(printf '%s\n' "$output" | grep -cE ' in [34] blocks')" = 2 ] ||
    miss "has other blocks"
fact "a heap of one process is selected by its name"
run 1 "$map" --job "$launcher" --color tag
says "keeps no records" MEMHEAP_RECORDS=1
run 1 "$map" --job "$launcher" --color site
says "keeps no records" MEMHEAP_RECORDS=1
fact "tags and call sites need MEMHEAP_RECORDS"
run 1 "$map" --job "$launcher" --heap other
says "there is no such heap to be seen"
fact "a heap that does not exist is reported"
end
begin 2 "$program" "$work/over" still
run 1 "$map" --job "$launcher" --pe 0 --wait 0.2
says "was not called for 0.2 s"
fact "a heap without calls cannot be inspected"
end
if command -v flock >/dev/null; then
    begin 2 "$program" "$work/over"
    process=$(pids | head -n 1)
    for descriptor in /proc/"$process"/fd/*; do
        [ "$(readlink "$descriptor")" = "/memfd:memheap-stats (deleted)" ] && break
    done
    # The lock ends with this descriptor.
    exec 9<"$descriptor"
    flock 9
    run 1 "$map" --text --wait 0.2 "$process"
    says 'another program has looked at heap "symmetric" of process' "for 0.2 s"
    exec 9<&-
    run 0 "$map" --text "$process"
    fact "a heap whose page is locked is not waited for without end"
    end
else
    skip "a locked page" "there is no flock (of util-linux)"
fi
begin 2 -x MEMHEAP_TOP=all "$program" "$work/over" strange
process=$(pids | head -n 1)
run 0 "$top" --once -i 0.1 "$process"
says "a?[2Jb"
run 0 "$top" --once --json -i 0.1 "$process"
is_json
says '"heap": "a\u001b[2Jb"'
run 0 "$map" --text --heap "$(printf 'a\033[2Jb')" "$process"
says "a?[2Jb, "
run 0 "$map" --heap "$(printf 'a\033[2Jb')" -o "$work/strange.svg" "$process"
grep -q "a?\[2Jb, " "$work/strange.svg" || miss "does not draw the name"
fact "no name of a heap can control a terminal"
end

mkfifo "$work/input"
"$top_builddir/tests/liar" <"$work/input" >"$work/liar" &
exec 9>"$work/input"
until grep -q ready "$work/liar" || ! kill -0 $!; do sleep 0.05; done
run 1 "$map" --text $!
says 'the blocks of heap "liar" of process' "cannot be read (the list is damaged)"
exec 9>&-
fact "a list takes no more memory than the process spent on it"

run 0 "$map" --help
says "Usage: memheap-map" --job --heap --wait --at --component --color --text --json --html
fact "--help prints the usage"
run 0 "$map" --version
says "memheap-map "
fact "--version prints the version"
# message | exit status | options
while IFS='|' read -r text wanted options; do
    # shellcheck disable=SC2086
    run "$wanted" "$map" $options
    says "$text"
    fact "wrong use: $options"
done <<END
of what process, or of what trace?|2|--text
--color wants size, age, tag or site, not "colour"|2|--color colour $shipped
--wait wants seconds, not "long"|2|--wait long 1
--pe wants the number of a PE, not "-1"|2|--pe -1 1
there can be one trace, and nothing else, not "1"|2|$shipped 1
there can be one trace, and nothing else, not "1"|2|--html $shipped 1
there can be one --component without --html, not "buddy"|2|-c fit -c buddy $shipped
--at wants "peak", "end" or a number of operations, not "noon"|1|--at noon $shipped
cannot read the trace /proc/nowhere|1|/proc/nowhere
no component has the name "nobody"|1|-c nobody $shipped
cannot look at process 999999999 (No such process)|1|999999999
cannot write /proc/nowhere/map.svg (No such file|1|-o /proc/nowhere/map.svg $shipped
END
if [ -c /dev/full ]; then
    run 1 "$map" -o /dev/full "$shipped"
    says "memheap-map: the picture could not be written"
    fact "a picture that cannot be written is reported"
fi
finish
