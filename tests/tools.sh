#!/bin/sh
# The tools for users: their output, their pictures, and their messages for wrong
# input. The tests work with any set of built-in components.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
info=$top_builddir/tools/memheap-info
replay=$top_builddir/tools/memheap-replay
shipped=$top_srcdir/tools/traces/pgas-mixed.sht.xz
work=$(mktemp -d "$top_builddir/tools.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
MEMHEAP_TEST_TIME=60
LC_ALL=C # names of files may be no text of any other
export LC_ALL

# Check that the output has each TEXT as a whole line.
has_line()
{
    for text in "$@"; do
        printf '%s\n' "$output" | grep -qxF -e "$text" ||
            miss "has no line: $text"
    done
}

# Check that a line of the output matches each PATTERN.
matches()
{
    for pattern in "$@"; do
        printf '%s\n' "$output" | grep -qE -e "$pattern" ||
            miss "has no line like: $pattern"
    done
}

silent_on()
{
    for text in "$@"; do
        case $output in
            *"$text"*) miss "says: $text" ;;
        esac
    done
}

# Check that the tools and the library printed exactly one message.
complains_once()
{
    lines=$(printf '%s\n' "$output" | grep -cE '^[^ ]*memheap[-a-z]*: ')
    [ "$lines" = 1 ] || miss "has $lines messages instead of 1"
}

# memheap-info

output=$("$info" --parsable)
components=$(printf '%s\n' "$output" |
    sed -n 's/^component:\([a-z0-9_]*\):priority:.*/\1/p')
built=$(printf '%s\n' "$output" |
    sed -n 's/^build:.* components=\([^ ]*\) .*/\1/p' | tr , '\n' | sort)
[ -n "$built" ] || miss "does not say what was built"
[ "$components" = "$built" ] || miss "lists: $components"
fact "info: the components are those that were configured"
first=$(printf '%s\n' "$output" | sed -n 's/^first_choice://p')
version=$(printf '%s\n' "$output" | sed -n 's/^version://p')
other=$(printf '%s\n' "$components" | grep -vx "$first" | head -n 1)
FIRST=$(printf '%s' "$first" | tr '[:lower:]' '[:upper:]')

keys()
{
    printf '%s\n' "$output" | sed -n "s/^$1:[^:]*:\([a-z_]*\):.*/\1/p" |
        sort | uniq -c | sed 's/^ *//' | tr '\n' ' '
}
n=$(printf '%s\n' "$components" | grep -c .)
[ "$(keys component)" = "$n plugin $n priority $n summary $n usable " ] ||
    miss "says of components: $(keys component)"
n=$(printf '%s\n' "$output" | grep -c '^param:.*:type:')
[ "$(keys param)" = "$n default $n help $n old_name $n origin $n scope "\
"$n source $n type $n unit $n value " ] ||
    miss "says of parameters: $(keys param)"
matches '^version:[0-9]' '^build:CC=' \
    '^machine:memory:total:[1-9][0-9]*$' \
    '^machine:memory:available:[0-9]+$' '^machine:numa_nodes:[1-9][0-9]*$' \
    '^machine:page_size:[1-9][0-9]*$' \
    '^machine:transparent_huge_pages:(always|madvise|never|unknown)$' \
    '^machine:transparent_huge_files:(always|within_size|advise|never|deny|force|unknown)$' \
    '^machine:huge_pages_on_request:(yes|no)$' \
    '^machine:huge_pages:2097152:total:[0-9]+$' \
    '^machine:huge_pages:1073741824:free:[0-9]+$' \
    '^param:MEMHEAP_PARAM_FILE:type:string$' \
    '^param:MEMHEAP_CHECK:type:boolean$' '^param:SHMEM_INFO:type:flag$' \
    '^param:SHMEM_SYMMETRIC_SIZE:type:size$' \
    '^param:SHMEM_SYMMETRIC_SIZE:unit:bytes$' \
    "^param:MEMHEAP_${FIRST}_PRIORITY:default:[0-9]+\$"
strange=$(printf '%s\n' "$output" |
    grep -vE '^(version|build|machine|component|first_choice|param):')
[ -z "$strange" ] || miss "has other lines: $strange"
fact "info: --parsable has all fields"

run 0 "$info"
for component in $components; do
    matches "^  $component +priority +[0-9]+  (first choice|usable) "
done
matches "^  $first +priority +[0-9]+  first choice "
[ "$(printf '%s\n' "$output" | grep -c 'first choice')" = 1 ] ||
    miss "has not one first choice"
has_line Machine Components Parameters "  SHMEM_SYMMETRIC_SIZE = (unset)" \
    "      size in bytes; this is the default"
printf '%s\n' "$output" | grep -q '.\{80\}' && miss "has lines of 80 or more"
fact "info: the default output has components and parameters"

run 0 env SHMEM_SYMMETRIC_SIZE=3.1M SHMEM_DEBUG= "$info"
has_line "  SHMEM_SYMMETRIC_SIZE = 3250586 (3.10 MiB)" \
    "  SHMEM_DEBUG = 1" "  SHMEM_INFO = 0"
says "size in bytes; set by environment variable SHMEM_SYMMETRIC_SIZE;" \
    "set by environment variable SHMEM_DEBUG"
fact "info: shows values from the environment"
run 0 env SMA_SYMMETRIC_SIZE=1m "$info" --parsable
has_line param:SHMEM_SYMMETRIC_SIZE:value:1048576 \
    param:SHMEM_SYMMETRIC_SIZE:source:environment \
    param:SHMEM_SYMMETRIC_SIZE:origin:SMA_SYMMETRIC_SIZE
fact "info: accepts a variable of the old name"

run 0 env "OMPI_MCA_memheap_${first}_priority=97" "$info" --parsable
has_line "param:MEMHEAP_${FIRST}_PRIORITY:value:97" \
    "param:MEMHEAP_${FIRST}_PRIORITY:source:environment" \
    "param:MEMHEAP_${FIRST}_PRIORITY:origin:OMPI_MCA_memheap_${first}_priority" \
    "component:$first:priority:97"
fact "info: accepts variables of mpirun in the environment"
job 0 --mca memheap "$first" -n 1 "$info" --parsable --param MEMHEAP_COMPONENT
has_line "param:MEMHEAP_COMPONENT:value:$first" \
    param:MEMHEAP_COMPONENT:origin:OMPI_MCA_memheap
fact "info: accepts values from mpirun --mca"

cat >"$work/params" <<END
# comment
memheap_${first}_priority = 12   # and the rest of a line

SHMEM_SYMMETRIC_SIZE=2g
MEMHEAP_CHECK = yes
END
MEMHEAP_PARAM_FILE=$work/params
export MEMHEAP_PARAM_FILE
run 0 env MEMHEAP_CHECK=0 "$info" --parsable
has_line "param:MEMHEAP_${FIRST}_PRIORITY:value:12" \
    "param:MEMHEAP_${FIRST}_PRIORITY:source:file" \
    "param:MEMHEAP_${FIRST}_PRIORITY:origin:$work/params:2" \
    param:SHMEM_SYMMETRIC_SIZE:value:2147483648 \
    "param:SHMEM_SYMMETRIC_SIZE:origin:$work/params:4" \
    param:MEMHEAP_CHECK:value:0 param:MEMHEAP_CHECK:source:environment \
    "param:MEMHEAP_PARAM_FILE:value:$work/params"
fact "info: shows values from a file, which variables override"
run 0 "$info" --param shmem_symmetric
output=$(printf '%s\n' "$output" | tr -s ' \n' '  ')
says "set in file $work/params:4; default (unset)"
fact "info: the default output has the line of a file"
echo "MEMHEAP_CHECK" >>"$work/params"
run 1 "$info"
says "$work/params:6: \"MEMHEAP_CHECK\" is not of the form NAME = VALUE"
complains_once
fact "info: a malformed line of a file is reported"
unset MEMHEAP_PARAM_FILE

run 0 "$info" --param SHMEM_INFO
[ "$(printf '%s\n' "$output" | grep -c '^  [A-Z]')" = 1 ] ||
    miss "shows other parameters"
has_line "  SHMEM_INFO = 0"
fact "info: --param accepts a name"
run 0 "$info" -p "memheap_$first" -s
matches "^param:MEMHEAP_${FIRST}_PRIORITY:value:"
strange=$(printf '%s\n' "$output" | grep -v "^param:MEMHEAP_${FIRST}_")
[ -z "$strange" ] || miss "has other lines: $strange"
fact "info: --param accepts the beginning of names, with --parsable"
run 1 "$info" --param memheap_budy
says 'no parameter has a name that begins with "memheap_budy"'
complains_once
fact "info: --param with an unknown name is reported"

run 0 env LC_ALL="$(comma_locale)" "$info" --json
is_json
says "{\"version\": \"$version\"" '"machine": {"memory_total": ' \
    "\"first_choice\": \"$first\"" '"parameters": [{"name": '
for component in $components; do
    says "{\"name\": \"$component\", \"priority\": $("$info" --parsable |
        sed -n "s/^component:$component:priority://p"), \"usable\": true, "
done
fact "info: --json has components and parameters"
run 0 env MEMHEAP_TRACE="$(printf 'a"b\\c\td\303\251\377\355\240\200e')" "$info" --json --param memheap_tr
is_json
says '{"parameters": [{"name": "MEMHEAP_TRACE", "value": "a\"b\\c\u0009dé????e", "type": "string"' \
    '"source": "environment", "origin": "MEMHEAP_TRACE"' '"name": "MEMHEAP_TRIM"'
silent_on '"version"' MEMHEAP_COMPONENT
fact "info: --json escapes any bytes of a value"
control=$(printf 'a\033[2J\177\302\233\351')
MEMHEAP_TRACE=$control run 0 "$info" --json --param memheap_trace
says '"value": "a\u001b[2J\u007f\u009b?"'
MEMHEAP_TRACE=$control run 0 "$info" --parsable --param memheap_trace
has_line 'param:MEMHEAP_TRACE:value:a\x1b[2J\x7f\xc2\x9b\xe9'
MEMHEAP_TRACE=$control run 0 "$info" --param memheap_trace
has_line '  MEMHEAP_TRACE = a?[2J????'
run 1 "$info" --param "$control"
says 'begins with "a?[2J????"'
fact "info: no value can control a terminal"

run 0 "$info" --help
says "Usage: memheap-info" --param --parsable --json --version
fact "info: --help prints the usage"
run 0 "$info" --version
matches '^memheap-info [0-9]+\.[0-9]+\.[0-9]+$'
fact "info: --version prints the version"
for bad in --bogus --param more; do
    run 2 "$info" "$bad"
    says "Try memheap-info --help."
    complains_once
    fact "info: wrong use: $bad"
done

# variable | message
while IFS='|' read -r setting text; do
    run 1 env "$setting" "$info"
    says "$text"
    complains_once
    fact "info: $setting is refused"
done <<END
MEMHEAP_${FIRST}_PRIORITY=high|a whole number from 0 to 100
MEMHEAP_${FIRST}_PRIORITY=101|a whole number from 0 to 100
MEMHEAP_CHECK=perhaps|1, 0, yes, no, on, off, true or false
SHMEM_SYMMETRIC_SIZE=many|a size such as
MEMHEAP_BUDY=1|no parameter has the name MEMHEAP_BUDY
MEMHEAP_COMPONENT=nobody|no component has the name "nobody"
MEMHEAP_PARAM_FILE=/proc/nowhere/params|cannot read the parameter file /proc/nowhere/params
END

if [ -n "$other" ]; then
    run 0 env "MEMHEAP_COMPONENT=^$first" "$info"
    matches "^  $first +priority +[0-9]+  left out " "  first choice "
    fact "info: an excluded component is shown as left out"
    run 0 env "MEMHEAP_COMPONENT=$other" "$info" --parsable
    has_line "component:$first:usable:no" "component:$other:usable:yes" \
        "first_choice:$other"
    fact "info: a component that is not on the list is not usable"
    OTHER=$(printf '%s' "$other" | tr '[:lower:]' '[:upper:]')
    run 0 env "MEMHEAP_${OTHER}_PRIORITY=100" "$info" --parsable
    has_line "first_choice:$other" "component:$first:usable:yes"
    fact "info: the highest priority is the first choice"
else
    skip "info: choice among components" "there is one component alone"
fi

if [ -c /dev/full ]; then
    output=$("$info" --parsable 2>&1 >/dev/full)
    status=$?
    check_status 1
    says "memheap-info: cannot write"
    complains_once
    fact "info: an error of the output is reported"
fi

# memheap-replay

if [ ! -x "$replay" ]; then
    skip "replay" "memheap-replay was not built"
    finish
    exit
fi

# number N: print N in the format of traces, unsigned LEB128.
number()
{
    rest=$1
    while [ "$rest" -ge 128 ]; do
        printf "\\$(printf %03o $((rest % 128 + 128)))"
        rest=$((rest / 128))
    done
    printf "\\$(printf %03o "$rest")"
}

alloc()
{
    number $(($1 * 4))
}

align()
{
    number $(($1 * 4 + 1))
    number "$2"
}

resize()
{
    number $(($1 * 4 + 2))
    number "$2"
}

release()
{
    number $(($1 * 4 + 3))
}

# Each round has five operations. The peak is before the last block is freed.
rounds=30
{
    printf 'SHT1\n'
    number $((rounds * 5))
    i=0
    while [ $i -lt $rounds ]; do
        alloc 100
        align 5000 12
        resize $((300 + i)) 2
        alloc 40
        release 2
        i=$((i + 1))
    done
} >"$work/plain.sht"
peak=$((rounds * (300 + 40) + rounds * (rounds - 1) / 2 + 5000))

header=trace,component,pes,operations,ns_together,ns_alone,peak_bytes,\
footprint_bytes,smallest_bytes,smallest_over_peak,verified_operations,\
same_addresses,failed,wrong

# results TRACE PES OPERATIONS PEAK: check that each component has a line without
# errors. PEAK is "-" if it is not known.
results()
{
    has_line "$header"
    for component in $components; do
        line=$(printf '%s\n' "$output" | grep "^$1,$component,")
        printf '%s\n' "$line" | awk -F, -v pes="$2" -v operations="$3" \
            -v peak="$4" '
            NF != 14 { print "# fields: " NF; bad = 1 }
            $3 != pes || $4 != operations { print "# not all of it"; bad = 1 }
            $5 <= 0 || $6 <= 0 { print "# no time"; bad = 1 }
            peak != "-" && $7 != peak { print "# peak: " $7; bad = 1 }
            $8 < $7 || $9 < $7 { print "# too small: " $8 ", " $9; bad = 1 }
            $10 < 1 || $10 > 4 { print "# over the peak: " $10; bad = 1 }
            $11 != operations { print "# verified: " $11; bad = 1 }
            $12 != "yes" { print "# other addresses"; bad = 1 }
            $13 != 0 || $14 != 0 { print "# errors"; bad = 1 }
            END { exit bad || NR != 1 }' || miss "$component: ${line:-no line}"
    done
    n=$(printf '%s\n' "$output" | grep -c "^$1,")
    [ "$n" = "$(printf '%s\n' "$components" | grep -c .)" ] ||
        miss "has $n results"
}

for np in 1 2 4; do
    job 0 -n $np "$replay" --csv "$work/plain.sht"
    results plain $np $((rounds * 5)) $peak
    fact "replay, $np PEs: a plain trace is replayed"
    job 0 -n $np "$replay" --csv --operations 1500 --verify all "$shipped"
    results pgas-mixed $np 1500 -
    fact "replay, $np PEs: the beginning of a compressed trace is replayed"
done
{
    printf 'SHT1\n'
    number 1
    alloc 1
} >"$work/one.sht"
job 0 -n 2 "$replay" --csv "$work/one.sht" "$work/plain.sht"
results plain 2 $((rounds * 5)) $peak
matches "^one,$first,2,1,[^,]*,[^,]*,1,1,(16,16|32,32)[.]0000,1,yes,0,0\$"
fact "replay: a trace of one operation, and two traces, are replayed"
job 0 -x LC_ALL="$(comma_locale)" -n 2 "$replay" --json -n 20 "$work/one.sht" "$work/plain.sht"
is_json
says '{"pes": 2, "results": [{"trace": "one", ' \
    "{\"trace\": \"plain\", \"component\": \"$first\", \"operations\": 20, \"ns_together\": " \
    '"verified_operations": 20, "same_addresses": true, "failed": 0, "wrong": 0}'
[ "$(printf '%s\n' "$output" | tr '{' '\n' | grep -c '"trace"')" = \
    $((2 * $(printf '%s\n' "$components" | grep -c .))) ] ||
    miss "has another number of results"
fact "replay: --json prints the results"
mkdir "$work/folder"
cp "$work/one.sht" "$work/plain.sht" "$work/folder"
echo no trace >"$work/folder/notes"
job 0 -n 2 "$replay" --traces "$work/folder"
for component in $components; do
    matches "^one +$component .* 1 +same  none\$" \
        "^plain +$component .* $((rounds * 5)) +same  none\$"
done
fact "replay: a folder of traces gives a table"
job 0 -n 2 "$replay" --progress "$work/plain.sht"
says "reading traces  " "plain, $first: alone  " "searching for the smallest heap  "
fact "replay: --progress shows how far it is"
job 0 -n 2 "$replay" --csv --components "$first" --verify 7 "$work/plain.sht"
matches "^plain,$first,2,$((rounds * 5)),.*,7,yes,0,0\$"
[ "$(printf '%s\n' "$output" | grep -c '^plain,')" = 1 ] ||
    miss "has other components"
fact "replay: --components and --verify are obeyed"
job 0 -n 2 -x "MEMHEAP_COMPONENT=$first" "$replay" --csv "$work/plain.sht"
[ "$(printf '%s\n' "$output" | grep -c "^plain,$first,")" = 1 ] ||
    miss "has no line of $first"
[ "$(printf '%s\n' "$output" | grep -c '^plain,')" = 1 ] ||
    miss "has other components"
fact "replay: MEMHEAP_COMPONENT chooses the components"
if printf '%s\n' "$components" | grep -qx fit; then
    job 0 -n 2 "$replay" --csv --param memheap_fit_strategy=worst,best \
        --map "$work/fit.svg" "$work/plain.sht"
    for subject in fit:worst fit:best; do
        matches "^plain,$subject,2,"
        grep -q ">$subject</text>" "$work/fit.svg" || miss "draws no $subject"
    done
    n=$(printf '%s\n' "$components" | grep -c .)
    [ "$(printf '%s\n' "$output" | grep -c '^plain,')" = $((n + 1)) ] ||
        miss "has too many lines or too few"
    fact "replay: --param varies a parameter of a component"
    job 2 -n 2 "$replay" --param MEMHEAP_FIT_STRATEGY=best,good "$work/plain.sht"
    says "expected first, next, best or worst"
    complains_once
    fact "replay: --param with a wrong value is refused"
else
    skip "replay: --param" "there is no component with words to choose from"
fi
job 1 -n 2 -x SHMEM_SYMMETRIC_SIZE=16k "$replay" --csv --operations 100 \
    "$shipped"
matches "^pgas-mixed,$first,2,100,.*,yes,[1-9][0-9]*,0\$"
fact "replay: a heap that is too small is an error"

# drawn FILE: check for an SVG picture below 2 MB with a panel for each component.
drawn()
{
    if [ ! -s "$1" ]; then
        miss "draws nothing"
        return
    fi
    [ "$(wc -c <"$1")" -lt 2000000 ] || miss "draws $(wc -c <"$1") bytes"
    [ "$(grep -c '<svg xmlns="http://www.w3.org/2000/svg"' "$1")" = 1 ] ||
        miss "has no svg element"
    [ "$(tail -n 1 "$1")" = "</svg>" ] || miss "does not end"
    for component in $components; do
        grep -q ">$component</text>" "$1" || miss "has no panel of $component"
    done
    [ "$(grep -c '<path stroke="#' "$1")" -gt 0 ] || miss "has no blocks"
    grep -qE '[( ,"]-?(nan|inf)' "$1" && miss "has impossible numbers"
    if command -v xmllint >/dev/null; then
        problem=$(xmllint --noout "$1" 2>&1) || miss "is no XML: $problem"
    else
        # All elements are closed, and every other < and & is escaped.
        [ "$(grep -o '<g[ >]' "$1" | wc -l)" = "$(grep -o '</g>' "$1" | wc -l)" ] ||
            miss "leaves groups open"
        [ "$(grep -o '<text[ >]' "$1" | wc -l)" = "$(grep -o '</text>' "$1" | wc -l)" ] ||
            miss "leaves texts open"
        grep -qE '<([^/a-z]|$)|&([^a-z]|$)' "$1" && miss "has bare < or &"
        [ "$(tr -d '\n -~' <"$1" | wc -c)" = 0 ] ||
            miss "has bytes that are no ASCII"
    fi
}

job 0 -n 2 "$replay" --map "$work/plain.svg" "$work/plain.sht"
drawn "$work/plain.svg"
fact "replay: --map draws a plain trace"
job 0 -n 1 "$replay" --verify 0 --map "$work/mixed.svg" "$shipped"
drawn "$work/mixed.svg"
fact "replay: --map draws a whole trace"
strange=$work/$(printf 'a<b&"c" \351').sht
cp "$work/plain.sht" "$strange"
job 0 -n 1 "$replay" --csv --map "$work/strange.svg" "$strange"
drawn "$work/strange.svg"
grep -q 'a&lt;b&amp;"c" ?' "$work/strange.svg" || miss "has no name"
matches "^\"a<b&\"\"c\"\" .*\",$first,1,"
fact "replay: pictures and values escape any bytes of a name"
strange=$work/$(printf 'a\033[2J').sht
cp "$work/plain.sht" "$strange"
job 0 -n 1 "$replay" --csv "$strange"
matches "^a\?\[2J,$first,1,"
echo >"$strange"
job 2 -n 1 "$replay" --csv "$strange"
says "$work/a?[2J.sht is no trace"
fact "replay: no name of a file can control a terminal"

refused()
{
    complains_once
    fact "replay: $1"
}

head -c 9000 "$shipped" >"$work/cut.sht.xz"
head -c 60 "$work/plain.sht" >"$work/cut.sht"
{
    cat "$work/plain.sht"
    number 3
} >"$work/more.sht"
{
    head -c 9000 "$shipped"
    head -c 9000 /dev/zero
    tail -c +18001 "$shipped"
} >"$work/spoilt.sht.xz"
: >"$work/empty.sht"
echo "no trace at all" >"$work/text.sht"
{
    printf 'SHT1\n'
    number 2
    alloc 10
    release 2
} >"$work/stranger.sht"
{
    printf 'SHT1\n'
    number 3
    alloc 10
    release 1
    resize 20 1
} >"$work/after.sht"
printf 'SHT1\n\377\377\377\377\377\377\377\377\377\377\377\1' >"$work/count.sht"
printf 'SHT1\n\376\377\377\377\17' >"$work/many.sht"
printf 'SHT3\n\001\050' >"$work/third.sht"
printf 'SHT2\n\001\050\200\200\200\002\000' >"$work/site.sht"
printf 'SHT2\n\001\050\001' >"$work/half.sht"
printf 'SHT2\n\001\050\001\000\003\200\200\004' >"$work/name.sht"
xz -k "$work/many.sht" 2>/dev/null || cp "$work/many.sht" "$work/many.sht.xz"
many="its operations take more than half of this machine's memory"
[ "$(awk '/^MemTotal/ { print int($2 / 1024 / 1024) }' /proc/meminfo)" -lt 400 ] ||
    many="it ends too early"
# file | message
while IFS='|' read -r file text; do
    job 2 -n 2 "$replay" --csv "$work/$file"
    says "$work/$file" "$text"
    silent_on "$header"
    refused "$file is refused"
done <<END
missing.sht|cannot read the trace
folder|cannot read the trace
empty.sht|it does not begin with SHT1 or SHT2
text.sht|it does not begin with SHT1 or SHT2
third.sht|it does not begin with SHT1 or SHT2
site.sht|the number of a call site or tag is too large (operation 0)
name.sht|its names are too long
half.sht|it ends too early (operation 0)
cut.sht|it ends too early (operation
cut.sht.xz|the compressed file ends too early (operation
spoilt.sht.xz|is no trace, or is damaged: 
more.sht|more follows behind its last operation
stranger.sht|it frees what is not allocated (operation 1)
after.sht|it reallocates what is not allocated (operation 2)
count.sht|a number is too large
many.sht|$many
many.sht.xz|$many
END

job 2 -n 2 "$replay" --csv "$work/plain.sht" "$work/missing.sht"
says "$work/missing.sht"
refused "one trace of two is missing"
job 2 -n 1 "$replay" "$work/plain.sht" : -n 1 "$replay" "$work/missing.sht"
says "memheap-replay: PE 1: cannot read the trace $work/missing.sht"
refused "a trace is missing on one PE"
job 2 -n 1 "$replay" "$work/plain.sht" : -n 1 "$replay" "$work/one.sht"
says "PE 1: it found other traces or components than PE 0"
refused "PEs with other traces"
mkdir "$work/none"
job 2 -n 2 "$replay" --traces "$work/none"
says "there are no traces (*.sht, *.sht.xz) in $work/none"
refused "a folder without traces"

# message | options
while IFS='|' read -r text options; do
    # shellcheck disable=SC2086 # the options are words
    job 2 -n 2 "$replay" $options "$work/plain.sht"
    says "$text"
    silent_on "ns/op"
    refused "$options is refused"
done <<END
there is no option "--bogus"|--bogus
there is no option "-x"|-x
there is no option "--csv=1"|--csv=1
no component has the name "nobody"|--components nobody
no component has the name "nobody"|--components $first,nobody
--operations wants a whole number from 1 on, not "0"|--operations 0
--operations wants a whole number from 1 on, not "-3"|--operations -3
--operations wants a whole number from 1 on, not "2k"|--operations 2k
--param wants NAME=VALUE,VALUE...|--param MEMHEAP_CHECK=1
--param wants NAME=VALUE,VALUE...|--param MEMHEAP_${FIRST}_PRIORITY
--verify wants a whole number or "all", not "some"|--verify some
cannot write the map /proc/nowhere/map.svg|--map /proc/nowhere/map.svg
END
job 2 -n 2 "$replay" "$work/plain.sht" --map
says 'option "--map" wants a value'
refused "an option without its value"
job error -n 2 -x MEMHEAP_COMPONENT=nobody "$replay" "$work/plain.sht"
says 'no component has the name "nobody"'
refused "MEMHEAP_COMPONENT=nobody"
if [ -c /dev/full ]; then
    job 1 -n 2 "$replay" --map /dev/full "$work/plain.sht"
    says "the map /dev/full could not be written"
    refused "a map that cannot be written"
    output=$(timeout 60 "$replay" "$work/plain.sht" 2>&1 >/dev/full </dev/null)
    status=$?
    check_status 1
    says "cannot write the results"
    refused "results that cannot be written, without a launcher"
fi

job 0 -n 2 "$replay" --help
says "Usage: mpirun" --components --param --operations --verify --map --traces --csv --json
[ "$(printf '%s\n' "$output" | grep -c Usage)" = 1 ] || miss "says it twice"
fact "replay: --help prints the usage"
job 0 -n 2 "$replay" --version
[ "$(printf '%s\n' "$output" | grep -cE '^memheap-replay [0-9]+\.[0-9]+\.[0-9]+$')" = 1 ] ||
    miss "does not say it once"
fact "replay: --version prints the version"
finish
