#!/bin/sh
# The component for the OpenSHMEM of Open MPI: its own oshrun starts programs, and its
# own library serves them, but for the blocks of the symmetric heap.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
tools=$(dirname "$MPICC")
folder=$top_builddir/tests/installed$configured_prefix/lib/memheap/openmpi
reason=
[ -e "$folder/mca_memheap_memheap.so" ] || reason="built without the component for Open MPI"
case $built_cflags in
    *sanitize*) reason="built with a sanitizer" ;;
esac
for program in oshcc oshrun oshmem_info; do
    [ -x "$tools/$program" ] || reason="there is no $tools/$program"
done
if [ -n "$reason" ]; then
    echo "1..0 # SKIP $reason"
    exit 0
fi
MEMHEAP_TEST_TIME=30
work=$(mktemp -d "$top_builddir/openmpi.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
work=$(cd "$work" && pwd)
OMPI_MCA_mca_base_component_path=$(cd "$folder" && pwd):SYS_DEFAULT:USR_DEFAULT
# It is loaded after Open MPI, whose memory hooks make its programs crash at the end.
OMPI_MCA_opal_common_ucx_opal_mem_hooks=0
SHMEM_SYMMETRIC_HEAP_SIZE=8M
export OMPI_MCA_mca_base_component_path OMPI_MCA_opal_common_ucx_opal_mem_hooks \
    SHMEM_SYMMETRIC_HEAP_SIZE

# stock WANTED ARGUMENTS: run a job of Open MPI's OpenSHMEM.
stock()
{
    wanted=$1
    shift
    output=$(limited "$tools/oshrun" $oversubscribe "$@" 2>&1)
    status=$?
    check_status "$wanted"
}

output=$("$tools/oshcc" -g -O1 "$top_srcdir/tests/mpi/openmpi_program.c" \
    -o "$work/program" 2>&1) || miss "does not compile"
program=$work/program
fact "a program compiles with Open MPI's oshcc"

output=$(nm -D --defined-only "$folder/mca_memheap_memheap.so" | sed 's/.* //')
[ "$output" = mca_memheap_memheap_component ] || miss "exports other names"
fact "the component exports its descriptor only"

output=$("$tools/oshmem_info" 2>&1)
says "MCA memheap: memheap (MCA v2.1.0, API v2.0.0, Component v$(
    sed -n 's/.*MEMHEAP_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\)$/\2/p' \
        "$top_srcdir/include/memheap/version.h" | paste -sd.))"
fact "oshmem_info shows the component"

for np in 1 2 4; do
    stock 0 --mca memheap memheap --mca memheap_base_verbose 10 -n $np "$program" calls
    says "SELECTED memheap component memheap" "all is well on $np PEs"
    fact "$np PEs: allocations are right, and equal on all PEs"
done
for component in $components; do
    stock 0 --mca memheap memheap -x MEMHEAP_COMPONENT="$component" \
        -x MEMHEAP_REPORT=1 -n 2 "$program" calls
    says "all is well on 2 PEs" "memheap: heap \"pe0\", component $component:" \
        "memheap: heap \"pe1\", component $component:" "memheap:   live blocks    0"
    case $output in
        *openmpi*) miss "reports Open MPI's own blocks" ;;
    esac
    fact "component $component serves the heap, and reports on it"
done
stock 0 --mca memheap memheap -x MEMHEAP_CHECK=1 -n 2 "$program" threads
says "all is well on 2 PEs"
fact "a program that may have threads runs"

stock 0 --mca memheap memheap -n 2 "$program" wrong
says "memheap: memheap_free: 0x" "is no block of heap \"pe0\"" \
    "is no block of heap \"pe1\"" "it lies 16 bytes into the block of"
fact "a wrong free is named and ignored"
stock 0 --mca memheap memheap -x MEMHEAP_LEAKS=1 -n 2 "$program" leak
says "memheap: leak: 100 bytes at 0x" "allocation 1, from main at openmpi_program.c:" \
    "memheap: 1 block of heap \"pe0\" was never freed" "of heap \"pe1\" was never"
fact "a leak is reported with its line"
stock 0 --mca memheap memheap -x MEMHEAP_LEAKS=1 -n 1 "$program" calls
case $output in
    *memheap:*) miss "reports a leak" ;;
esac
fact "a program without leaks is told nothing"
stock error --mca memheap memheap -x MEMHEAP_GUARD=1 -n 1 "$program" use
says "memheap: write to 0x" "0 bytes into the freed block of 100 bytes" \
    "the access is from main at openmpi_program.c:"
fact "MEMHEAP_GUARD names an access to a freed block"

stock 0 --mca memheap memheap -x MEMHEAP_TRACE="$work/%h.sht" \
    -x MEMHEAP_REPORT="$work/%h.json" -n 2 "$program" calls
for pe in 0 1; do
    output=$(cat "$work/pe$pe.json")
    says "\"heap\": \"pe$pe\""
    is_json
    [ "$(head -n 1 "$work/pe$pe.sht" | wc -c)" -gt 1 ] || miss "has no trace of PE $pe"
done
cmp -s "$work/pe0.sht" "$work/pe1.sht" || miss "has different traces"
[ ! -e "$work/openmpi.sht" ] || miss "traces Open MPI's own blocks"
fact "traces and reports are written, equal on both PEs"

stock error --mca memheap memheap -x MEMHEAP_COMPONENT=nonesuch -n 1 "$program" calls
says "memheap: no component has the name \"nonesuch\""
fact "a wrong parameter ends the job with a message"

stock 0 --mca memheap_base_verbose 10 -n 1 "$program" leak
says "SELECTED memheap component "
case $output in
    *"SELECTED memheap component memheap"*) miss "selects it without being asked" ;;
esac
fact "it is not selected unless the user asks for it"

# A library that is loaded first tells the component of another Open MPI.
echo 'const char oshmem_version_string[] = "5.0.1";' >"$work/other.c"
output=$($CC -shared -fPIC "$work/other.c" -o "$work/other.so" 2>&1) ||
    miss "does not compile"
stock error --mca memheap memheap --mca memheap_base_verbose 10 \
    -x LD_PRELOAD="$work/other.so" -n 1 "$program" leak
says "this is Open MPI 5.0.1, and the component was built for 4.1."
stock 0 -x LD_PRELOAD="$work/other.so" -n 1 "$program" leak
fact "it stands aside in another Open MPI"
finish
