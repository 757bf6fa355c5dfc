#!/bin/sh
# memheap-report: what it shows of reports and traces, and its messages for files
# that are neither.
. "${top_srcdir:-.}/tests/tap.sh"
# shellcheck disable=SC2154 # make sets the undefined variables
report=$top_builddir/tools/memheap-report
process=$top_builddir/tests/faults/process
if [ ! -x "$report" ]; then
    echo "1..0 # SKIP memheap-report was not built"
    exit 0
fi
work=$(mktemp -d "$top_builddir/report.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL
cd "$work" || exit 1

# counts USED PEAK BLOCKS CALLS BYTES: print the members of a call site.
counts()
{
    printf '"used": %s, "peak": %s, "live_blocks": %s, "allocations": %s, "bytes": %s' \
        "$@"
}

# document SITES: print a report of a heap with these call sites.
document()
{
    cat <<END
{"heaps": [
{"heap": "own", "component": "buddy", "stats": {"used": 3000, "peak": 4000,
 "resident": $$, "fragmentation": 0.25}, "tags": [], "sites": [$1]}
]}
END
}

mesh="{\"site\": \"mesh at a.c:1\", $(counts 1000 4000 1 5 9000), \"paths\": [
    {\"frames\": [\"mesh at a.c:1\", \"refine at a.c:7\", \"main at a.c:9\"], $(counts 600 600 1 1 600)},
    {\"frames\": [\"mesh at a.c:1\", \"A;B\", \"main at a.c:9\"], $(counts 100 3000 0 2 8000)},
    {\"frames\": [\"mesh at a.c:1\", \"A;B\", \"main at a.c:9\"], $(counts 0 100 0 1 100)}]}"
tree="{\"site\": \"tree.c:30\", $(counts 2000 2000 2 3 2000), \"paths\": []}"
grown="{\"site\": \"tree.c:30\", $(counts 7000 7000 7 8 7000)}"
document "$mesh, $tree" >one.json
document "$mesh, $grown" >grown.json
document "$tree" >less.json

# is LINE...: check that the output has exactly these lines.
is()
{
    [ "$output" = "$(printf '%s\n' "$@")" ] || miss "is something else"
}

run 0 "$report" show one.json
is 'heap "own", component buddy, 2.93 KiB live, 3.91 KiB at most' \
    "         live      at most       in all        calls  call site" \
    "   1000 bytes     3.91 KiB     8.79 KiB            5  mesh at a.c:1" \
    "     1.95 KiB     1.95 KiB     1.95 KiB            3  tree.c:30"
run 0 "$report" show --by live one.json
says "calls  call site
     1.95 KiB"
run 0 "$report" show --json -b calls one.json
is_json
says '{"file": "one.json", "heaps": [{"heap": "own", "sites": [{"site": "mesh at a.c:1", "used": 1000, "peak": 4000, "bytes": 9000, "allocations": 5, "live_blocks": 1}, {"site": "tree.c:30"'
fact "show: a table of the call sites, and JSON"
run 0 "$report" show --paths one.json
is 'heap "own", component buddy, 2.93 KiB live, 3.91 KiB at most' \
    "         live      at most       in all        calls  call site" \
    "    100 bytes     3.03 KiB     7.91 KiB            3  mesh at a.c:1 < A,B < main at a.c:9" \
    "     1.95 KiB     1.95 KiB     1.95 KiB            3  tree.c:30" \
    "    600 bytes    600 bytes    600 bytes            1  mesh at a.c:1 < refine at a.c:7 < main at a.c:9" \
    "    300 bytes    300 bytes    300 bytes            1  mesh at a.c:1"
fact "show --paths: a line for each path, and for what no path tells"

run 0 "$report" folded one.json
is "main at a.c:9;A,B;mesh at a.c:1 3100" \
    "main at a.c:9;refine at a.c:7;mesh at a.c:1 600" \
    "mesh at a.c:1 300" "tree.c:30 2000"
run 0 "$report" folded --by live one.json
is "main at a.c:9;A,B;mesh at a.c:1 100" \
    "main at a.c:9;refine at a.c:7;mesh at a.c:1 600" \
    "mesh at a.c:1 300" "tree.c:30 2000"
{
    sed '$d' one.json
    echo ,
    sed '1d; s/"own"/"other"/' less.json
} >two.json
run 0 "$report" folded --by calls two.json
is "own;main at a.c:9;A,B;mesh at a.c:1 3" \
    "own;main at a.c:9;refine at a.c:7;mesh at a.c:1 1" \
    "own;mesh at a.c:1 1" "own;tree.c:30 3" "other;tree.c:30 3"
fact "folded: one line a stack, outermost frame first, with what no path tells"

run 0 "$report" diff one.json one.json
is ""
sed 's/"resident": [0-9]*/"resident": 1/' one.json >resident.json
run 0 "$report" diff one.json resident.json
is ""
run 0 "$report" diff --json one.json one.json
is '{"a": "one.json", "b": "one.json", "heaps": []}'
fact "diff: reports that are alike have status 0, whatever is resident"
run 1 "$report" diff one.json grown.json
is 'heap "own"' \
    "         live      at most       in all        calls  call site" \
    "    +4.88 KiB    +4.88 KiB    +4.88 KiB           +5  tree.c:30"
sed 's/"used": 3000/"used": 1024/; s/buddy/fit/; s/0\.25/0.5/' less.json >other.json
run 1 "$report" diff two.json other.json
is 'heap "own"' "  component      buddy -> fit" "  used           2.93 KiB -> 1 KiB (-1.93 KiB)" \
    "  fragmentation  25.00 % -> 50.00 % (+25.00 %)" \
    "         live      at most       in all        calls  call site" \
    "  -1000 bytes    -3.91 KiB    -8.79 KiB           -5  mesh at a.c:1 (only in A)" \
    'heap "other" (only in A)' \
    "         live      at most       in all        calls  call site" \
    "    -1.95 KiB    -1.95 KiB    -1.95 KiB           -3  tree.c:30 (only in A)"
run 1 "$report" diff --json other.json two.json
is_json
says '"component": {"a": "fit", "b": "buddy"}' \
    '"stats": {"used": {"a": 1024, "b": 3000}, "fragmentation": {"a": 0.500000, "b": 0.250000}}' \
    '{"site": "mesh at a.c:1", "only_in": "b", "used": {"a": 0, "b": 1000}, ' \
    '{"heap": "other", "only_in": "b", '
fact "diff: what differs, and only what differs, with status 1"
document "$(echo "$mesh, $tree" | sed 's/1000/1500/; s/: 2000/: 2600/g')" >both.json
run 1 "$report" diff one.json both.json
says "call site
   +600 bytes   +600 bytes   +600 bytes            0  tree.c:30
   +500 bytes            0            0            0  mesh at a.c:1"
run 1 "$report" diff --by calls less.json grown.json
says "call site
    +4.88 KiB"
fact "diff: the greatest difference comes first"
sed 's/"used": 600/"used": 100/; s/"used": 100, "peak": 3000/"used": 600, "peak": 3000/' \
    one.json >moved.json
run 0 "$report" diff one.json moved.json
run 1 "$report" diff -p one.json moved.json
is 'heap "own"' \
    "         live      at most       in all        calls  call site" \
    "   +500 bytes            0            0            0  mesh at a.c:1 < A,B < main at a.c:9" \
    "   -500 bytes            0            0            0  mesh at a.c:1 < refine at a.c:7 < main at a.c:9"
fact "diff --paths: paths differ although their call site does not"

# A job: statistics of the PE that has most, call sites of PE 0.
sed 's/"stats"/"pes": 4, "sum": {"used": 1}, "max"/' one.json >job.json
run 0 "$report" show job.json
says 'heap "own", component buddy, PE 0 of 4, 2.93 KiB live'
sed 's/"pes": 4/"pes": 2/; s/3000/2999/' job.json >smaller.json
run 1 "$report" diff smaller.json job.json
is 'heap "own"' "  PEs            2 -> 4" "  used           2.93 KiB -> 2.93 KiB (+1 byte)"
fact "the report of a job counts for each PE"

# Reports and traces as a program writes them.
# write BLOCKS NAME: run a program with records, report and trace.
write()
{
    MEMHEAP_RECORDS=1 MEMHEAP_REPORT=$2.json MEMHEAP_TRACE=$2.sht.xz \
        "$process" "$1" heap >/dev/null 2>&1 || miss "does not run"
}
write 60 60
write 90 90
run 0 "$report" show 60.json
says 'heap "own", component ' " at process.c:"
run 0 "$report" folded --by calls 60.json
says "main at process.c:" " at process.c:"
printf '%s\n' "$output" | grep -qvE '^(main|other_thread) .* [0-9]+$' && miss "has other lines"
sum=$(printf '%s\n' "$output" | awk '{ sum += $NF } END { print sum }')
wanted=$(sed -n 's/.*"allocations": \([0-9]*\), "frees".*/\1/p' 60.json)
[ "$sum" = "$wanted" ] || miss "counts $sum calls, not $wanted"
run 1 "$report" diff 60.json 90.json
printf '%s\n' "$output" | grep -qE ' \+30  [a-z_]+ at process.c:' || miss "has no site of 30 more"
says '  allocations    ' " -> "
write 60 again
run 0 "$report" diff 60.json again.json
fact "reports of a program: two runs are alike, and more blocks are a difference"
# paths FILE: print the calls of each path, which do not depend on what the heap adds.
paths()
{
    run 0 "$report" folded --by calls "$1"
    printf '%s\n' "$output" | sort
}
[ "$(paths 60.json)" = "$(paths 60.sht.xz)" ] || miss "has other paths than the report"
run 0 "$report" show 60.sht.xz
says 'heap "trace", ' "calls  call site" " at process.c:"
run 1 "$report" diff 60.sht.xz 90.sht.xz
printf '%s\n' "$output" | grep -qE ' \+30  [a-z_]+ at process.c:' || miss "has no site of 30 more"
run 0 "$report" diff 60.sht.xz 60.sht.xz
is ""
run 0 "$report" show --json 60.sht.xz
is_json
fact "a trace of a heap with records has call sites and paths"
run 0 env MEMHEAP_TRACE=plain.sht.xz "$process" 60 heap
run 0 "$report" show plain.sht.xz
says 'heap "trace", ' "calls  size" "blocks above "
fact "other traces: sizes stand for call sites"
run 2 "$report" diff 60.sht.xz 60.json
is "memheap-report: 60.sht.xz is a trace, and 60.json is a report: they cannot be compared"
run 2 "$report" diff plain.sht.xz 60.sht.xz
is "memheap-report: plain.sht.xz is a trace without call sites, and 60.sht.xz is a trace: they cannot be compared"
fact "files of different kinds are not compared"

# SHT1: eight bytes, which grow to 100; one byte, which is freed; two bytes.
printf 'SHT1\n\005\040\222\003\001\004\007\010' >tiny.sht
run 0 "$report" show --by total tiny.sht
is 'heap "trace", 102 bytes live, 102 bytes at most' \
    "         live      at most       in all        calls  size" \
    "    100 bytes    100 bytes     92 bytes            0  blocks above 64 bytes, up to 128 bytes" \
    "      0 bytes      8 bytes      8 bytes            1  blocks above 4 bytes, up to 8 bytes" \
    "      2 bytes      2 bytes      2 bytes            1  blocks above 1 byte, up to 2 bytes" \
    "      0 bytes       1 byte       1 byte            1  blocks of 1 byte"
fact "a block that grows changes its size class"

# SHT2: three blocks of one line, by two paths, and one of a call site without a
# name, which grows and has a tag. Names that nothing has, or that come twice, are
# ignored.
printf 'SHT2\n\005\040\001\000\040\002\000\040\001\000\100\003\001\202\001\001' >sites.sht
cp sites.sht crash.sht
printf '\003\013a.c:1\nb;c:2\005\013a.c:1\n\033.c:3\003\001x\377\177\001y\004\001t' >>sites.sht
printf '\003\013a.c:1\nb\000\000\000\000' >>crash.sht
run 0 "$report" show --by total sites.sht
is 'heap "trace", 56 bytes live, 56 bytes at most' \
    "         live      at most       in all        calls  call site" \
    "     32 bytes     32 bytes     32 bytes            1  call site 3" \
    "     24 bytes     24 bytes     24 bytes            3  a.c:1"
run 0 "$report" folded sites.sht
is "?.c:3;a.c:1 8" "b,c:2;a.c:1 16" "call site 3 32"
run 0 "$report" folded crash.sht
is "b;a.c:1 16" "call site 2 8" "call site 3 32"
fact "paths of a trace are united by their lines, with names or without"

# Wrong input: one message, with the place.
complains()
{
    says "$1"
    [ "$(printf '%s\n' "$output" | wc -l)" = 1 ] || miss "has several messages"
}
for command in show folded; do
    run 2 "$report" $command missing.json
    complains "memheap-report: cannot read missing.json: No such file"
done
run 2 "$report" diff one.json .
complains "memheap-report: cannot read .: Is a directory"
fact "a file that cannot be read is named"
head -c 300 one.json >short.json
run 2 "$report" show short.json
complains "memheap-report: short.json is no report of memheap: line 4, column "
: >empty.json
run 2 "$report" diff one.json empty.json
complains "empty.json is no report of memheap: line 1, column 0"
head -c 100000 /dev/zero | tr '\0' '[' >deep.json
run 2 "$report" folded deep.json
complains "deep.json is no report of memheap: line 1, column "
head -c 1000 60.sht.xz | head -c -50 >short.sht.xz
run 2 "$report" show short.sht.xz
complains "memheap-report: short.sht.xz is no trace, or is damaged: "
fact "a file that is cut off is refused, with the place"
while IFS='|' read -r what change place; do
    sed "$change" one.json >wrong.json
    ! cmp -s one.json wrong.json || miss "$what: changes nothing"
    run 2 "$report" show wrong.json
    complains "memheap-report: wrong.json is no report of memheap: $place"
done <<'END'
no heaps|s/"heaps"/"heap"/|heaps is no array
a heap that is a number|s/"heaps": \[/&7, /|heaps[0] is no object
no name|s/"own"/7/|heaps[0].heap is no text
no statistics|s/"stats"/"stat"/|heaps[0].stats is no object
a text as statistic|s/"used": 3000/"used": "3000"/|heaps[0].stats.used is no whole number
a negative statistic|s/3000/-1/|heaps[0].stats.used is no whole number
too large a part|s/0\.25/1.25/|heaps[0].stats.fragmentation is no number from 0 to 1
a number of PEs with a fraction|s/"heap"/"pes": 1.5, &/|heaps[0].pes is no whole number
sites that are an object|s/"sites"/"sites": {}, "old"/|heaps[0].sites is no array
no count|s/"peak": 600, //|heaps[0].sites[0].paths[0].peak is no whole number
a frame that is a number|s/"A;B"/7/|heaps[0].sites[0].paths[1].frames has a member that is no text
a number that is too large|s/3000/99999999999999999999/|line 2, column
END
fact "values of a wrong type are refused, with the place"

# Sums that are too large for a counter.
document "{\"site\": \"a\", $(counts 1 1 1 1 1), \"paths\": [
    {\"frames\": [\"a\"], $(counts 9223372036854775807 1 1 1 1)},
    {\"frames\": [\"a\"], $(counts 9223372036854775807 1 1 1 1)},
    {\"frames\": [\"a\"], $(counts 9223372036854775807 1 1 1 1)}]}" >large.json
run 0 "$report" folded --by live large.json
is "a 18446744073709551615"
fact "a sum that is too large is the largest number"
document "" >none.json
run 0 "$report" show none.json
says "no call sites: MEMHEAP_RECORDS=1 was not set"
run 0 "$report" folded none.json
is ""
fact "a report without call sites says how to get them"

run 2 "$report"
says "a command is show, folded or diff, not \"\""
run 2 "$report" draw one.json
says "a command is show, folded or diff, not \"draw\""
run 2 "$report" diff one.json
says "diff wants two files, not 1"
run 2 "$report" show one.json two.json
says "show wants a file, not 2"
run 2 "$report" folded --json one.json
says "folded has no --json"
run 2 "$report" show --by size one.json
says "--by wants live, peak, total or calls, not \"size\""
run 2 "$report" show --size one.json
says "Try memheap-report --help."
fact "wrong options are refused"
run 0 "$report" --help
says "Usage: memheap-report" show folded diff --by --json
run 0 "$report" --version
says "memheap-report "
fact "--help and --version"
if [ -w /dev/full ]; then
    output=$("$report" diff one.json grown.json 2>&1 >/dev/full)
    status=$?
    check_status 2
    complains "memheap-report: cannot write: No space left"
    fact "output that cannot be written is status 2"
fi
finish
