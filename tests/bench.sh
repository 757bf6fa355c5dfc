#!/bin/sh
# The benchmark scripts run, and their tables have every row and column. The
# measured figures are not judged.
#
# Automake sets top_srcdir, top_builddir and built_components.
. "${top_srcdir:-.}/tests/tap.sh"
bench=$top_srcdir/bench
trace=$top_srcdir/tools/traces/pgas-isx.sht.xz
work=$(mktemp -d "$top_builddir/bench.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL
unset MEMHEAP_COMPONENT MEMHEAP_FIT_STRATEGY
# The benchmarks run in this folder, and must not leave files in it.
mkdir "$work/here" && cd "$work/here" || exit 1
source_files()
{
    find "$(cd "$top_srcdir" && pwd -P)" \( -path "$(cd "$top_builddir" && pwd -P)" \
        -o -name .git \) -prune -o -print | sort
}
source_files >"$work/before"
if [ ! -x "$top_builddir/bench/arena-replay" ]; then
    echo "1..0 # SKIP built without liblzma"
    exit 0
fi

# bench/allocators

rows=
for component in $(echo "$built_components" | tr , ' '); do
    if [ "$component" = fit ]; then
        rows="$rows fit-first fit-next fit-best fit-worst"
    else
        rows="$rows $component"
    fi
done
run 0 "$bench/allocators" -b "$top_builddir" -o "$work" --no-peers --quick \
    -n 500 -p 1 "$trace"
for row in $rows bump null; do
    printf '%s\n' "$output" | grep -q "^$row  *[0-9]" || miss "no row of $row"
done
printf '%s\n' "$output" | grep -q '^public' && miss "has a row of the public calls"
fact "allocators: the table has a row for each component"

# The net is empty if bump was not slower than null, as may be for few operations
# on a busy machine.
[ "$(awk -F , '{ print NF }' "$work/allocators.csv" | sort -u)" = 14 ] ||
    miss "a line has not 14 columns"
for row in $rows bump; do
    awk -F , -v row="$row" '
        $1 == row && $2 == "pgas-isx" && $3 == "range" && $4 == 500 &&
        $5 > 0 && $6 == 0 && $7 > 0 && $9 > 0 && $10 >= 1 && $11 > 0 &&
        $12 >= 1 && $13 != "" && $14 != "" { found++ }
        $1 == row && $2 == "all" && $7 > 0 && $10 >= 1 &&
        $12 >= 1 && $13 != "" && $14 != "" { found++ }
        END { exit found != 2 }' "$work/allocators.csv" ||
        miss "columns of $row are empty or wrong"
done
output=$(cat "$work/allocators.csv")
fact "allocators: the CSV has every column for each component"

# bench/public

run 0 "$bench/public" -b "$top_builddir" -r 1 -p 1 -n 500 -c "$built_components" \
    "$trace"
for component in $(echo "$built_components" | tr , ' '); do
    printf '%s\n' "$output" | awk -v name="$component" '
        $1 == name || $1 == "module-" name { found += $2 > 0 && $4 > 0 && $5 > 0 }
        END { exit found != 2 }' || miss "no rows of $component"
    says "$component: mean / glibc " "$component: shmem_malloc / module "
    if [ -x "$top_builddir/bench/pgas-replay" ]; then
        printf '%s\n' "$output" | grep -q "^shmem-$component  *[0-9]" ||
            miss "no row of shmem_malloc with $component"
    fi
done
printf '%s\n' "$output" | grep -q '^glibc .*[0-9] *1.00 *-$' || miss "no row of glibc"
fact "public: prints the calls, the module and shmem_malloc of each component"

# bench/scale

first=${built_components%%,*}
run 0 "$top_builddir/bench/scale-point" "$first" 1000 1048576 1
printf '%s\n' "$output" | awk '
    { exit !(NF == 4 && $1 > 0 && $2 > 0 && $3 >= 0 && $4 >= 1) }' ||
    miss "has not four figures"
fact "scale: a point is measured"
run 0 "$top_builddir/bench/scale-point" "$first" 0 1099511627776 1
[ "${output#* }" = "- - -" ] || miss "has not one figure"
fact "scale: the creation of a heap of 1 TiB is measured"
run 0 "$bench/scale" -b "$top_builddir" -o "$work" --quick -t 0.01
[ "$(awk -F , '{ print NF }' "$work/scale.csv" | sort -u)" = 8 ] ||
    miss "a line has not 8 columns"
for kind in live heap create; do
    printf '%s\n' "$output" | grep -q "^$first *$kind: .* exponent" ||
        miss "does not judge $kind of $first"
done
fact "scale: prints a table, and whether the time grows"

# bench/cache

run 0 "$bench/cache" -b "$top_builddir" --quick -n 1000
for workload in pair fill random spread; do
    for locks in none alone second; do
        printf '%s\n' "$output" | awk -v workload=$workload -v locks=$locks '
            $1 == "ns" && $2 == workload && $3 == locks && NF == 6 &&
            $4 > 0 && $5 > 0 && $6 >= 0 { found++ }
            END { exit found != 1 }' || miss "no row of $workload, $locks"
    done
done
fact "cache: the table has a row for each workload and lock"
run 0 "$top_builddir/bench/context-point" 1000
printf '%s\n' "$output" | awk '{ exit !(NF == 2 && $1 > 0 && $2 > 0) }' ||
    miss "has not two figures"
fact "cache: a context of 1000 blocks is measured"

# bench/copy-ways

if [ -x "$top_builddir/bench/copy-ways" ]; then
    run 0 "$top_builddir/bench/copy-ways" 1024 1024 0 0 1
    for blocks in same window "from memory" "to memory" both apart; do
        printf '%s\n' "$output" | grep -qE "^$blocks +1024 .* [a-z]+ +[0-9.]+\$" ||
            miss "no row of $blocks"
    done
    fact "copy-ways: the table has a row for each place of the blocks"
    run 2 "$top_builddir/bench/copy-ways" 0 1
    says "usage: copy-ways"
    fact "copy-ways: refuses a size of 0"
fi

# bench/soak

run 0 "$top_builddir/bench/soak-rounds" "$trace" 0.1 0.01 1
printf '%s\n' "$output" | awk -F , '
    NF != 9 { exit 1 }
    NR > 1 && ($3 <= 0 || $4 < $3 || $5 < 1) { exit 1 }
    END { exit NR < 2 }' || miss "columns are missing or wrong"
fact "soak: each line of the CSV is complete"

# soak_of RISE: write 100 lines of CSV with a footprint that rises by RISE in all.
soak_of()
{
    awk -v rise="$1" 'BEGIN {
        print "seconds,rounds,live_peak,footprint,ratio,largest_free," \
            "live_blocks,metadata,resident"
        for (i = 1; i <= 100; i++)
            printf "%d,%d,1000,%d,%.4f,1,1,1,1\n", i, i * 10,
                2000 * (1 + rise * i / 100) + i % 7, 1.5
    }' > "$work/made.csv"
}
soak_of 0
run 0 "$bench/soak" -o "$work" --summary "$work/made.csv"
printf '%s\n' "$output" | grep -q "did not creep: last quarter over first 1.000, ratio 1.000, " ||
    miss "does not say so"
fact "soak: a constant footprint passes"
if command -v gnuplot >/dev/null; then
    output=$(cat "$work/soak.svg")
    says "Footprint, last quarter over first 1.000, ratio 1.000"
    fact "soak: the picture says what it shows"
else
    skip "soak: the picture says what it shows" "there is no gnuplot"
fi
soak_of 0.1
run 1 "$bench/soak" -o "$work" --summary "$work/made.csv"
says "CREPT: last quarter over first 1.0"
fact "soak: a growing footprint is reported"

# bench/threads

run 0 "$bench/threads" -b "$top_builddir" -r 1 -n 4000
for threads in 1 2 4; do
    for blocks in own pass feed come-and-go; do
        [ $blocks$threads != feed1 ] || continue
        printf '%s\n' "$output" | awk -v blocks=$blocks -v threads=$threads '
            $1 == blocks && $2 == threads && $3 > 0 { found++ }
            END { exit found != 2 }' || miss "no time or memory of $blocks, $threads"
    done
done
for component in $(echo "$built_components" | tr , '\n' | grep -x 'mempool\|ptmalloc'); do
    for bar in "own / glibc, worst" "pass / glibc, worst" "memory / mimalloc, worst"; do
        says "$component: $bar "
    done
done
fact "threads: the tables have a row for each workload and number of threads"

# bench/programs, and malloc over memheap. A library that is instrumented for a
# sanitizer cannot be preloaded.

preload=$(cd "$top_builddir" && pwd)/bench/preload.so
if LD_PRELOAD=$preload env true 2>/dev/null; then
    for component in $(echo "$built_components" | tr , ' '); do
        run 0 env LD_PRELOAD="$preload" MEMHEAP_COMPONENT="$component" \
            "$top_builddir/tests/malloc_calls"
        fact "programs: malloc over $component does what programs rely on"
    done
    run 0 "$bench/programs" -b "$top_builddir" -c "$built_components" --quick
    for component in $(echo "$built_components" | tr , ' '); do
        printf '%s\n' "$output" | awk -v component="$component" '
            $2 == component { rows++; same += $NF == "same" }
            END { exit rows < 2 || same != rows - 1 }' ||
            miss "a program with $component does not print the same as with glibc"
    done
    fact "programs: all print the same with memheap as with glibc"
else
    skip "programs: malloc over memheap" "the library cannot be preloaded"
fi

# Benchmarks of OpenSHMEM. pgas and compare also measure Open MPI if it has it.

# They compare with Open MPI, and are started by its mpirun.

if [ -x "$top_builddir/bench/pgas-ops" ] &&
    "${MPIRUN:-false}" --version 2>/dev/null | grep -q 'Open MPI\|OpenRTE'; then
    run 0 "$bench/pgas" -b "$top_builddir" --quick latency rate strided
    [ "$(printf '%s\n' "$output" | grep -cE '^(latency)? .* <= 0.5 ')" -ge 6 ] ||
        miss "has not six rows of latencies"
    for row in "put, 8 B" "put with signal, 64 KiB" "get_nbi, 1 MiB" \
        "iput, 1024 of 8 B" "ibget, 8 of 8 KiB"; do
        printf '%s\n' "$output" | grep -qE "^(rate|strided)? +$row \(ns\) +[0-9.]+ .* <= 1 " ||
            miss "no row of $row"
    done
    printf '%s\n' "$output" | grep -q "^Medians of 1 round; " || miss "has no head"
    fact "pgas: prints rows of latencies, rates and strides, and a heading"
    run 0 "$bench/pgas" -b "$top_builddir" --quick --csv latency
    [ "$(printf '%s\n' "$output" | awk -F , '{ print NF }' | sort -u)" = 9 ] ||
        miss "a line has not 9 columns"
    fact "pgas: the CSV has every column"
    run 0 "$bench/scale-pes" -b "$top_builddir" --quick --csv
    [ "$(printf '%s\n' "$output" | awk -F , '
        NF == 8 && $5 + 0 > 0 && ($4 > 1 || $7 + 0 > 0) { n++ } END { print n }')" = 15 ] ||
        miss "has not 15 rows with figures"
    fact "scale-pes: prints five quantities of three jobs"
    run 0 "$bench/pages" -b "$top_builddir" --quick 4k default
    [ "$(printf '%s\n' "$output" | grep -cE ' (1|64) MiB +[0-9.]+ +[0-9.]+')" = 12 ] ||
        miss "has not twelve rows"
    fact "pages: prints six quantities for two sizes"
    run 0 "$bench/pair" -b "$top_builddir" --quick
    printf '%s\n' "$output" | grep -qE "^memheap( +[0-9.]+){5}$" ||
        miss "has no row of memheap"
    printf '%s\n' "$output" | grep -qE "^Open MPI, MPI( +[0-9.]+){5}$" ||
        miss "has no row of Open MPI"
    fact "pair: prints five figures of each library"
    # A program in place of ISx: it prints the number of PEs as its time.
    mkdir -p "$work/isx/SHMEM"
    cat >"$work/isx/SHMEM/Makefile" <<'END'
all:
	mkdir -p bin && $(CC) $(CFLAGS) -o bin/isx.weak isx.c
END
    cat >"$work/isx/SHMEM/isx.c" <<'END'
#include <shmem.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    shmem_init();
    if (argc == 4 && shmem_my_pe() == 0)
        printf("Average total time (per PE): %d.0 seconds\n", shmem_n_pes());
    if (shmem_my_pe() == 1)
        puts(RESULT);
    shmem_finalize();
    return 0;
}
END
    sed -i 's/RESULT/"verified"/' "$work/isx/SHMEM/isx.c"
    run 0 "$bench/applications" -b "$top_builddir" --quick isx="$work/isx"
    printf '%s\n' "$output" | grep -qE '^isx +total +2000.00 +([0-9.]+ +1.00|-)' ||
        miss "has no figure"
    sed -i 's/"verified"/"Failed verification"/' "$work/isx/SHMEM/isx.c"
    run 1 "$bench/applications" -b "$top_builddir" --quick isx="$work/isx"
    says "failed with ours:" "Failed verification"
    run 2 "$bench/applications" -b "$top_builddir" nas="$work/isx"
    says "no suite nas"
    fact "applications: prints a figure, and which program fails"
    if [ -e "$top_builddir/.libs/mca_memheap_memheap.so" ]; then
        run 0 "$bench/openmpi-component" -b "$top_builddir" --quick -n 500 "$trace"
        for row in memheap-ptmalloc memheap-buddy openmpi-ptmalloc openmpi-buddy; do
            case $row,$built_components in
                openmpi-* | memheap-*,*"${row#*-}"*) ;;
                *) continue ;;
            esac
            printf '%s\n' "$output" | grep -qE "^$row( +[0-9.]+){2}$" ||
                miss "has no row of $row"
        done
        says "of Open MPI's ptmalloc, "
        fact "openmpi-component: prints a row of each component"
    fi
    run 0 "$bench/pgas" -b "$top_builddir" --quick --against MEMHEAP_NODE_PES=1 latency
    says " variant " "The variant is memheap with MEMHEAP_NODE_PES=1"
    printf '%s\n' "$output" | grep -qE '^latency +put \(ns\) +[0-9.]+ +[0-9.]+ +[0-9.]+ ' ||
        miss "has no ratio"
    fact "pgas: memheap is compared with itself under a variable"
fi

# All scripts

for script in allocators applications cache compare on-nodes pages pair pgas programs \
    public scale scale-pes soak threads; do
    run 0 "$bench/$script" --help
    printf '%s\n' "$output" | grep -q "bench/$script [[p]" || miss "$script has no usage"
    printf '%s\n' "$output" | grep -q '^#\|common.sh' && miss "$script shows its code"
    [ $script = on-nodes ] || {
        run 2 "$bench/$script" --nonsense
        [ "$output" = "bench/$script: unknown option \"--nonsense\"; try --help" ] ||
            miss "$script does not say what is wrong"
        run 2 "$bench/$script" -b
        [ "$output" = "bench/$script: -b needs a value; try --help" ] ||
            miss "$script does not say what is missing"
        run 1 "$bench/$script" -b "$work/none"
        printf '%s\n' "$output" | grep -q "there is no $work/none/.*build memheap there" ||
            miss "$script does not say that there is no build"
    }
done
fact "each script has --help, and refuses wrong arguments"
run 2 "$bench/cache" -r 0
[ "$output" = 'bench/cache: -r takes a number from 1 on, not "0"; try --help' ] ||
    miss "does not say why"
fact "a wrong number of rounds is refused"

# The PATH has the oshcc and oshrun of memheap first, then others.
for program in oshcc oshrun; do
    mkdir -p "$work/ours" "$work/theirs"
    printf '#!/bin/sh\necho "%s: memheap 1.0"\n' $program >"$work/ours/$program"
    printf '#!/bin/sh\necho "%s of another"\n' $program >"$work/theirs/$program"
done
chmod +x "$work"/ours/* "$work"/theirs/*
# shellcheck disable=SC2016 # expanded by the inner shell
run 0 env PATH="$work/none:$work/ours:$work/theirs:$PATH" sh -c \
    '. "$1/common/common.sh"; find_peer && echo "$oshcc $oshrun"' "$bench/x" "$bench"
[ "$output" = "$work/theirs/oshcc $work/theirs/oshrun" ] || miss "finds another"
fact "the wrappers of Open MPI are found behind those of memheap"

output=$(ls -A "$work/here")
[ -z "$output" ] || miss "the current folder has new files"
source_files >"$work/after"
output=$(diff "$work/before" "$work/after") || miss "the source folder has new files"
fact "no file is left in the source folder or in the current folder"
finish
