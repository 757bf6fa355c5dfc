#!/bin/sh
# Tests an installation: in make check, one that was moved to another folder; in make
# installcheck, the one at $installed_prefix. Every example is built with pkg-config or
# with oshcc, without other flags, and runs on four PEs with each component.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
stage=$(mktemp -d "$top_builddir/stage.XXXXXX") || exit 1
trap 'rm -rf "$stage"' EXIT
MEMHEAP_TEST_TIME=60

work=$stage/work
mkdir "$work"
unset LD_LIBRARY_PATH
if [ -n "${installed_prefix:-}" ]; then
    prefix=$installed_prefix lib=$installed_libdir bin=$installed_bindir
    data=$installed_datadir doc=$installed_docdir
else
    prefix=$stage/moved
    lib=$prefix/lib bin=$prefix/bin data=$prefix/share doc=$prefix/share/doc/memheap
    cp -a "$top_builddir/tests/installed$configured_prefix" "$prefix" ||
        miss "is not below its prefix"
fi
PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_PATH
[ -d "$lib/pkgconfig" ] || miss "no $lib/pkgconfig"
fact "there is an installation"

flags()
{
    # shellcheck disable=SC2086 # several packages
    pkg-config --cflags --libs $1
}
output=$(flags shmem)
include=$(pkg-config --variable=includedir shmem)
says -lmemheap_shmem -lmemheap "-I$include/memheap/shmem" "-I$include "
[ "$(readlink -f "$include")" = "$(readlink -f "$prefix/include")" ] || miss "has $include"
output=$(flags memheap)
case $output in
    *-lmemheap_shmem*) miss "names libmemheap_shmem" ;;
esac
fact "pkg-config shmem prints both libraries, with their new paths"
for file in "$bin"/memheap-* "$lib/libmemheap_shmem.so"; do
    output=$(ldd "$file" 2>&1)
    printf '%s\n' "$output" | grep 'lib\(memheap\|shmem\)\.so' >"$stage/found"
    [ -s "$stage/found" ] || miss "$file needs no library"
    while read -r library _ path _; do
        [ "$(readlink -f "$path")" = "$(readlink -f "$lib/$library")" ] ||
            miss "$file finds $library in $path"
    done <"$stage/found"
done
fact "programs and libraries find their libraries"

# If the library is built with a sanitizer, its programs need the sanitizer too.
sanitizer=$(printf '%s\n' "$built_cflags" | tr ' ' '\n' | grep '^-fsanitize')

build()
{
    compiler=$1 package=$2 name=$3
    # shellcheck disable=SC2046 # the flags are words
    output=$($compiler -O2 -Wall -Wextra -Werror $sanitizer \
        "$top_srcdir/examples/$name.c" $(flags "$package") \
        -o "$work/$name" 2>&1) || miss "does not compile"
    fact "$name builds with pkg-config $package alone"
}

examples="halo heat hello histogram queue sort"
for name in $examples; do
    build "$MPICC" shmem "$name"
done
build "$MPICC" shmem library
build "$CC" shmem hello
build "$CC" memheap range
# shellcheck disable=SC2046
output=$($CC -O2 -Wall -Wextra -Werror $sanitizer -shared -fPIC \
    "$top_srcdir/examples/plugin.c" $(flags memheap) -o "$work/pile.so" 2>&1) ||
    miss "does not compile"
fact "the plug-in builds with pkg-config memheap alone"

for component in $components pile; do
    settings="-x MEMHEAP_COMPONENT=$component -x MEMHEAP_PLUGIN_PATH=$work"
    # shellcheck disable=SC2086
    job 0 $settings -n 4 "$work/hello"
    says "PE 0 of 4: block at 0x" "component $component, greeted by PE 3" \
        "PE 3 of 4" "greeted by PE 2"
    blocks=$(printf '%s\n' "$output" | sed -n 's/.*block at \(0x[0-9a-f]*\),.*/\1/p' | sort -u | wc -l)
    [ "$blocks" = 1 ] || miss "has $blocks addresses"
    fact "hello runs, component $component"
    # shellcheck disable=SC2086
    job 0 $settings -n 4 "$work/sort"
    says "round 4: 320000 keys" sorted
    fact "sort runs, component $component"
    # shellcheck disable=SC2086
    job 0 $settings -n 4 "$work/halo"
    says "PE 0: from 0.9" "PE 3: from 0.0"
    fact "halo runs, component $component"
    # shellcheck disable=SC2086
    job 0 $settings -n 4 "$work/library"
    says "1000 particles of 48 bytes in 1 slab, 2 blocks in all; energy 45000"
    fact "library runs, component $component"
    output=$(MEMHEAP_COMPONENT=$component MEMHEAP_PLUGIN_PATH=$work \
        "$work/range" 2>&1)
    status=$?
    check_status 0
    says "component $component:" "lies 16 bytes into the block" "in use"
    fact "range runs, component $component"
done

# The same with oshcc and oshrun. The output must be that of a program with one
# process.
OSHRUN_MPIRUN=$real_mpirun
export OSHRUN_MPIRUN
for name in $examples; do
    # shellcheck disable=SC2086
    output=$("$bin/oshcc" -O2 -Wall -Wextra -Werror $sanitizer \
        "$top_srcdir/examples/$name.c" -o "$work/$name" 2>&1) ||
        miss "does not compile"
    fact "$name builds with oshcc alone"
done
# shellcheck disable=SC2086
output=$("$bin/oshc++" -O2 -Wall -Wextra -Werror $sanitizer \
    "$top_srcdir/examples/owner.cpp" -o "$work/owner" 2>&1) ||
    miss "does not compile"
fact "owner builds with oshc++"

if [ -n "$built_fc" ]; then
    # shellcheck disable=SC2046,SC2086
    output=$($built_fc -O2 -Wall -Werror $sanitizer "$top_srcdir/examples/ring.f90" \
        $(flags shmem-fortran) -o "$work/ring" 2>&1) || miss "does not compile"
    fact "ring builds with pkg-config shmem-fortran alone"
    # shellcheck disable=SC2086
    output=$("$bin/oshfort" -O2 -Wall -Werror $sanitizer \
        "$top_srcdir/examples/ring.f90" -o "$work/ring" 2>&1) ||
        miss "does not compile"
    fact "ring builds with oshfort alone"
fi

# oshrun_job WANTED ARGUMENTS: like job, with oshrun.
oshrun_job()
{
    wanted=$1
    shift
    output=$(cd "$work" && limited "$bin/oshrun" "$@" 2>&1)
    status=$?
    check_status "$wanted"
}

oshrun_job 0 -n 4 ./owner
says "PE 1: 1 from its neighbour" "8 rows have ended; all memory is back"
fact "owner runs"
# NumPy is not of every Python, and a sanitizer has to be loaded first.
if [ -z "$sanitizer" ] && /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    output=$(cd "$work" && LD_LIBRARY_PATH=$lib limited "$bin/oshrun" \
        -n 3 /usr/bin/python3 "$doc/examples/arrays.py" 2>&1)
    check_status 0
    says "PE 1: the sum is 1000" \
        "0 arrays ended while a view lived, 1 after it; 0 bytes are lost"
    fact "arrays.py runs"
else
    skip "arrays.py needs /usr/bin/python3 with NumPy, and no sanitizer"
fi

if [ -n "$built_fc" ]; then
    for pes in 1 3 4; do
        oshrun_job 0 -n $pes ./ring
        says "after 5000 steps: 1000.000 in all, 7.979 in the hottest cell"
    done
    fact "ring has the same result on 1, 3 and 4 PEs"
    oshrun_job 2 -n 7 ./ring
    says "ring: the number of PEs has to divide 1200"
    fact "ring refuses a number of PEs that does not divide the ring"
fi
for component in $components; do
    for pes in 1 3 4; do
        oshrun_job 0 -n $pes --mca memheap "$component" ./heat 60 500 $pes.ppm
        says "$pes.ppm: 60 x 60 cells after 500 steps on $pes PEs"
        cmp -s "$work/1.ppm" "$work/$pes.ppm" || miss "draws another picture"
    done
    [ "$(head -c 16 "$work/4.ppm" | tr '\n' ' ')" = "P6 1024 1024 255" ] ||
        miss "draws no picture"
    [ "$(wc -c <"$work/4.ppm")" = $((17 + 3 * 1024 * 1024)) ] ||
        miss "draws $(wc -c <"$work/4.ppm") bytes"
    fact "heat draws the same on 1, 3 and 4 PEs, component $component"
done
# heat is killed after some saves, and goes on.
oshrun_job 0 -n 3 ./heat 60 20000 whole.ppm
( cd "$work" && exec timeout -k 5 60 "$bin/oshrun" -n 3 ./heat 60 20000 parts.ppm saved 50 ) \
    >"$stage/killed" 2>&1 &
killed=$!
tries=0
while [ ! -e "$work/saved.2" ] && [ $tries -lt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
kill "$killed" 2>/dev/null
wait "$killed" 2>/dev/null
# mpirun does not wait for its PEs.
while readlink /proc/[0-9]*/cwd 2>/dev/null | grep -qx "$(readlink -f "$work")" &&
    [ $tries -lt 400 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
[ -e "$work/saved.2" ] || miss "has saved nothing: $(cat "$stage/killed")"
oshrun_job 0 -n 3 ./heat 60 20000 parts.ppm saved 10000
says "parts.ppm: 60 x 60 cells after 20000 steps on 3 PEs"
cmp -s "$work/whole.ppm" "$work/parts.ppm" || miss "draws another picture"
fact "heat goes on from its last save, and draws the same"
oshrun_job error -n 3 ./heat 50 100 other.ppm saved
says "saved.0 has a plate of 60 x 60 cells"
fact "heat refuses the save of another plate"

# Print the largest red value in each of three rows: beside the hot edge, through the
# disc, and at the cold edge.
row()
{
    tail -c +$((18 + 3072 * $1)) "$work/4.ppm" | head -c 3072 |
        od -An -v -tu1 -w3 | awk '$1 > most { most = $1 } END { print most + 0 }'
}
rows="$(row 0) $(row 614) $(row 1023)"
echo "$rows" | awk '{ exit !($1 > 245 && $2 > 80 && $3 < 15) }' ||
    miss "has reds of $rows"
fact "heat draws hot and cold regions"
if pkg-config --exists libpng; then
    # shellcheck disable=SC2046,SC2086
    output=$("$bin/oshcc" -O2 -Wall -Wextra -Werror $sanitizer -DPICTURE_PNG \
        "$top_srcdir/examples/heat.c" $(flags libpng) -o "$work/heat-png" 2>&1) ||
        miss "does not compile"
    for pes in 1 4; do
        oshrun_job 0 -n $pes ./heat-png 60 500 $pes.png
    done
    cmp -s "$work/1.png" "$work/4.png" || miss "draws another picture"
    # The signature, and the first chunk, with width and height.
    [ "$(head -c 24 "$work/4.png" | od -An -v -tx1 | tr -d ' \n')" = \
        89504e470d0a1a0a0000000d494844520000040000000400 ] || miss "draws no PNG"
    oshrun_job 1 -n 2 ./heat-png 10 10 /proc/nowhere/heat.png
    says "/proc/nowhere/heat.png: No such file"
    fact "heat draws PNG with libpng"
else
    skip "heat draws PNG with libpng" "there is no libpng (Debian: libpng-dev)"
fi
oshrun_job 0 -n 2 ./heat --help
says "Usage: heat [SIZE [STEPS [FILE [SAVED [EACH]]]]]"
fact "heat --help prints the usage"
oshrun_job 2 -n 2 ./heat 1
says "Usage: heat [SIZE [STEPS [FILE [SAVED [EACH]]]]]"
fact "heat refuses a plate with fewer rows than PEs"
oshrun_job 1 -n 2 ./heat 10 10 /proc/nowhere/heat.ppm
says "/proc/nowhere/heat.ppm: No such file"
fact "heat reports a picture that it cannot write"

# Count the words of a text with standard tools.
words()
{
    LC_ALL=C tr -cs '[:alpha:]' '\n' <"$1" | tr '[:upper:]' '[:lower:]' |
        grep . | cut -c1-31
}
cat "$top_srcdir/README.md" "$top_srcdir/LICENSE" "$top_srcdir"/shmem/*.h \
    >"$work/text"
{
    printf 'x'
    head -c 1000 /dev/zero | tr '\0' y
    printf ' X A_a'
} >"$work/odd"
: >"$work/empty"
for text in text odd empty; do
    expected="$(words "$work/$text" | wc -l) words, $(words "$work/$text" |
        sort -u | wc -l) different ones
$(words "$work/$text" | sort | uniq -c | LC_ALL=C sort -k1,1nr -k2,2 |
        head -n 25)"
    for pes in 1 3 4; do
        oshrun_job 0 -n $pes ./histogram $text 25
        [ "$(printf '%s\n' "$output" | tr -s ' ')" = \
            "$(printf '%s\n' "$expected" | tr -s ' ' | sed '/^$/d')" ] ||
            miss "counts otherwise than: $expected"
    done
    fact "histogram counts the words of a text on 1, 3 and 4 PEs: $text"
done
oshrun_job 1 -n 2 ./histogram nothing
says "nothing: No such file"
fact "histogram reports a file that it cannot read"
oshrun_job 2 -n 2 ./histogram
says "Usage: histogram FILE"
fact "histogram without a file prints the usage"

for pes in 1 4; do
    oshrun_job 0 -n $pes ./queue 200000
    says "17984 primes below 200000"
    tasks=$(printf '%s\n' "$output" |
        awk '/^PE . did/ { sum += $4; pes++ } END { print pes ":" sum }')
    [ "$tasks" = $pes:100 ] || miss "did not do 100 tasks on $pes PEs"
    fact "queue does all tasks on $pes PEs"
done
oshrun_job 2 -n 2 ./queue 2000000000
says "queue: the range ends at"
fact "queue refuses a range that is too large"

# With CMake: the installed example, which uses pkg-config, and a project that is
# compiled with oshcc.
cmake_builds()
{
    folder=$work/$1
    shift
    output=$(env -u MAKEFLAGS cmake -S "$project" -B "$folder" \
        -DCMAKE_C_FLAGS="$sanitizer" "$@" 2>&1 &&
        env -u MAKEFLAGS cmake --build "$folder" 2>&1) || miss "does not build"
    oshrun_job 0 -n 2 "$folder/hello"
    says "PE 0 of 2: block at 0x" "greeted by PE 1"
    ldd "$folder/hello" | grep -q "libmemheap_shmem.so.0 => $lib/" ||
        miss "has another libmemheap_shmem"
}

project=$doc/examples/cmake
if command -v cmake >/dev/null; then
    cmake_builds by-pkg-config -DMPI_C_COMPILER="$MPICC"
    fact "the example of CMake builds and runs"
    mkdir "$work/plain"
    printf '%s\n' 'cmake_minimum_required(VERSION 3.10)' 'project(hello C)' \
        "add_executable(hello $top_srcdir/examples/hello.c)" \
        >"$work/plain/CMakeLists.txt"
    project=$work/plain
    cmake_builds by-oshcc -DCMAKE_C_COMPILER="$bin/oshcc"
    fact "CMake needs no further settings with oshcc"
    printf '%s\n' 'cmake_minimum_required(VERSION 3.10)' 'project(hello C)' \
        'find_package(OpenSHMEM 1.5 REQUIRED)' \
        'find_package(memheap 0.1 REQUIRED)' 'find_package(MPI REQUIRED COMPONENTS C)' \
        "add_executable(hello $top_srcdir/examples/hello.c)" \
        'target_link_libraries(hello OpenSHMEM::OpenSHMEM memheap::mpi MPI::MPI_C)' \
        "add_executable(range $top_srcdir/examples/range.c)" \
        'target_link_libraries(range memheap::memheap)' \
        >"$work/plain/CMakeLists.txt"
    cmake_builds by-find-package -DCMAKE_PREFIX_PATH="$prefix"
    ldd "$work/by-find-package/range" | grep -q "libmemheap.so.0 => $lib/" ||
        miss "has another libmemheap"
    fact "CMake finds OpenSHMEM and memheap"
else
    skip "the example of CMake" "there is no cmake"
fi

output=$(MEMHEAP_PLUGIN_PATH=$work/pile.so "$bin/memheap-info" 2>&1)
says pile $components SHMEM_SYMMETRIC_SIZE MEMHEAP_COMPONENT
fact "memheap-info lists the plug-in"
# shellcheck disable=SC2086
job 0 -n 2 "$bin/memheap-replay" -n 2000
says $components same none redis pgas-isx pgas-mixed
fact "memheap-replay replays the installed traces"

run 0 "$bin/memheap-map" --text --at 100 "$data/memheap/traces/redis.sht.xz"
says "redis, " "after 100 of"
fact "memheap-map draws an installed trace"
run 0 "$bin/memheap-top" --version
says "memheap-top "
fact "memheap-top starts"

version=$("$bin/memheap-top" --version | sed 's/.* //')
if [ -f /usr/share/lmod/lmod/init/sh ]; then
    # Lmod reads the file in Tcl too, if there is no other.
    mkdir -p "$work/share/memheap/modulefiles/memheap"
    cp "$data/memheap/modulefiles/memheap/$version" "$work/share/memheap/modulefiles/memheap"
    for root in "${data%/share}" "$work"; do
        # shellcheck disable=SC1091 # a file of Lmod
        output=$(. /usr/share/lmod/lmod/init/sh
            module use "$root/share/memheap/modulefiles"
            module load "memheap/$version"
            echo "$MEMHEAP_ROOT:$PATH:$PKG_CONFIG_PATH:" 2>&1)
        says "$root:" "$root/bin:" "$root/lib"
    done
    fact "the modules set the paths"
else
    skip "the modules set the paths" "there is no Lmod"
fi

output=
for program in "$bin"/*; do
    cmp -s "$data/bash-completion/completions/${program##*/}" \
        "$top_srcdir/tools/completion/memheap" || miss "not of ${program##*/}"
done
fact "bash completion is installed for each program"

finish
