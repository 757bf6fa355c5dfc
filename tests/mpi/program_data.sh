#!/bin/sh
# The program's variables: with each linker, with several programs in a job, with
# threads while the library is loaded, starts and ends, and in forked children.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
MEMHEAP_TEST_TIME=30
folder=$(mktemp -d "$top_builddir/program_data.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
sanitizer=$(printf '%s\n' "$built_cflags" | tr ' ' '\n' | grep '^-fsanitize')
heap_libs="-lmemheap_mpi -lmemheap"
libs="-lmemheap_shmem $heap_libs"

# build PROGRAM SOURCE ARGUMENTS...
build()
{
    program=$folder/$1
    source=$top_srcdir/tests/mpi/$2
    shift 2
    # shellcheck disable=SC2086 # words of a command
    output=$("$MPICC" -g -O1 $sanitizer -I"$top_srcdir/include/shmem" \
        -I"$top_srcdir/include" -I"$top_srcdir" "$source" -o "$program" "$@" \
        -L"$top_builddir/.libs" -Wl,-rpath,"$top_builddir/.libs" 2>&1)
}

# places TRANSPORT NAME ARGUMENTS...: build places.c, and run it.
places()
{
    transport=$1
    name="puts arrive in variables: $2, transport $1"
    shift 2
    # shellcheck disable=SC2086 # words
    build places places.c "$@" $libs || {
        skip "$name" "it cannot be built"
        return
    }
    job 0 -x MEMHEAP_TRANSPORT="$transport" -n 2 "$program"
    case $output in *"not ok"*) miss "fails" ;; esac
    says "ok 6"
    fact "$name"
}

model=-mcmodel=medium
[ "$(uname -m)" = x86_64 ] || model=
for linker in bfd gold lld mold; do
    places auto "$linker, -pie" -fuse-ld=$linker $model -fPIE -pie
    places auto "$linker, -no-pie" -fuse-ld=$linker $model -fno-pie -no-pie
done
places ucx "several segments" $model
places auto "beside code" -DWRITABLE_CODE

for id in sha1 none; do
    build one other_program.c -Wl,--build-id=$id $libs
    build two other_program.c -DSWAP -Wl,--build-id=$id $libs
    job 0 -n 2 "$folder/one"
    says "accessible: 1"
    fact "variables of one program are symmetric, build ID $id"
    job error -n 1 "$folder/one" : -n 1 "$folder/two"
    says "accessible: 0" "PE 0: shmem_long_p: 0x" \
        "is a variable of the program, and variables are not symmetric" \
        "PE 0 runs " "/one, and PE 1 runs another program, " /two
    says_once
    fact "two programs are named, build ID $id"
done

strange=$(printf 'tw\033[2Jo')
cp "$folder/two" "$folder/$strange"
job error -n 1 "$folder/one" : -n 1 "$folder/$strange"
says "/tw?[2Jo"
fact "the name of a program cannot control a terminal"

build loads loads.c -pthread $libs
for mode in thread exit uncalled closed limit child; do
    np=2
    [ $mode = closed ] || [ $mode = thread ] || np=1
    if [ $mode = limit ] && [ -n "$sanitizer" ]; then
        skip "a fork without memory" "the sanitizer needs memory itself"
        continue
    fi
    job 0 -n $np "$program" $mode
    case $mode in
        thread) fact "no write of a thread is lost at the start and the end" ;;
        exit) fact "no write of a thread is lost at exit" ;;
        uncalled) fact "a program that does not call the library runs" ;;
        closed) fact "the program may close the library's file before the start" ;;
        limit)
            says "memheap: a forked child has no memory for the program's"
            fact "a fork without memory for the variables ends the child; vfork needs none"
            ;;
        child) fact "a forked child may be the PE" ;;
    esac
done

job error -n 1 "$program" closed-late
says "variables are not symmetric: PE 0 has closed the descriptor of the memory file"
says_once
fact "a put says that the program has closed the library's file"

build plugin.so plugin.c -shared -fPIC $libs
build heap.so plugin.c -DHEAP -shared -fPIC $heap_libs
build host loads.c -DHOST -pthread -ldl
job 0 -n 2 "$program" plain "$folder/plugin.so"
says "accessible: 1"
fact "a plug-in with OpenSHMEM is loaded and unloaded"
job 0 -n 2 "$program" plain "$folder/heap.so"
fact "a plug-in with a heap over a communicator is loaded and unloaded"
job 0 -n 2 "$program" thread "$folder/plugin.so"
says "accessible: 0"
fact "a plug-in that is loaded beside threads leaves the variables in place"
job error -n 1 "$program" put "$folder/plugin.so"
says "variables are not symmetric: PE 0 has other threads, which may write to" \
    "load the library before them"
says_once
fact "a put says why variables are not symmetric"

build forked forked.c $libs
calls=$(sed -n 's/^    {"\(.*\)", [a-z_]*},$/\1/p' "$top_srcdir/tests/mpi/forked.c")
for transport in auto ucx; do
    job 0 -x MEMHEAP_TRANSPORT=$transport -n 2 "$program"
    while IFS= read -r call; do
        says "memheap: $call was called in a forked child of " "$call: status 1"
    done <<END
$calls
END
    fact "calls in a forked child are errors, transport $transport"
done
finish
