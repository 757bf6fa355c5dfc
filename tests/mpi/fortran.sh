#!/bin/sh
# The Fortran interface: every routine of the table is exported and declared, wrong
# kinds do not compile, and mistakes end the job with a message.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
work=$(mktemp -d "$top_builddir/fortran.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
folder=$top_builddir/fortran
sanitizer=$(printf '%s\n' "$built_cflags" | tr ' ' '\n' | grep '^-fsanitize')

# compile FILE ARGUMENT...: compile, in the folder of the test.
compile()
{
    # shellcheck disable=SC2086 # flags
    output=$(cd "$work" && $built_fc -Wall -I"$folder" $sanitizer "$@" 2>&1)
}

# build FILE PROGRAM ARGUMENT...
build()
{
    file=$1 program=$2
    shift 2
    compile "$file" -o "$program" "$@" -L"$top_builddir/.libs" \
        -Wl,-rpath,"$top_builddir/.libs" -lmemheap_shmem_fortran \
        -lmemheap_shmem -lmemheap || miss "does not compile"
}

grep -v '^#' "$top_srcdir/fortran/routines.tsv" >"$work/table"
cut -f 1 "$work/table" | sort >"$work/routines"
[ "$(wc -l <"$work/routines")" -gt 170 ] || miss "the table is not whole"
nm -D --defined-only "$top_builddir/.libs/libmemheap_shmem_fortran.so" |
    sed -n 's/.* T \(.*\)_@@.*/\1/p' | sort >"$work/exported"
output=$(diff "$work/routines" "$work/exported") || miss "differ"
fact "every routine of the table is exported, and nothing else"
nm -D --undefined-only "$top_builddir/.libs/libmemheap_shmem_fortran.so" |
    awk '{ print $2 }' | sed 's/@.*//' >"$work/called"
output=$(grep '^pshmem' "$work/called") && miss "calls a profiling name"
grep -qx shmem_put32 "$work/called" || miss "does not call shmem_put32"
fact "the routines call those of C by the names that profilers replace"

declared()
{
    sed -nE 's/^ *(subroutine|function) ([a-z0-9_]+)\(.*/\2/p' "$@" | sort
}
declared "$folder/shmem.f90" >"$work/declared"
output=$(diff "$work/routines" "$work/declared") || miss "differ"
fact "every routine of the table is in the module"
declared "$folder/shmem.fh" "$folder/shmem_functions.fh" >"$work/declared"
output=$(diff "$work/routines" "$work/declared") || miss "differ"
fact "every routine is in shmem.fh or in shmem_functions.fh"

# Each routine is called by its name, from free form with the module, and from both
# forms with the files.
awk -F '\t' -v folder="$work" '
    function value(kind) {
        sub(/_out$/, "", kind)
        if (kind == "text") return "text"
        if (kind == "sync") return "s"
        sub(/^address$/, "int8", kind)
        if (kind ~ /^array_/) return substr(kind, 7) "_array"
        sub(/^sym_/, "", kind)
        return kind == "any" ? "s" : kind "_value"
    }
    {
        n = $3 == "-" ? 0 : split($3, pair, " ")
        list = ""
        for (i = 1; i <= n; i++)
            list = list (i > 1 ? ", " : "") value(substr(pair[i], index(pair[i], ":") + 1))
        call = $1 "(" list ")"
        while (length(call) > 50) {
            cut = 50
            while (substr(call, cut, 1) != ",") cut--
            lines = lines sprintf("%-72s&\n", "      " prefix($2) substr(call, 1, cut))
            call = substr(call, cut + 1)
            joined = 1
        }
        lines = lines (joined ? "     & " : "      " prefix($2)) call "\n"
        joined = 0
    }
    function prefix(result) {
        if (joined) return "& "
        return result == "-" ? "call " : result == "int" ? "int_value = " : \
            result == "address" ? "int8_value = " : result "_value = "
    }
    END {
        for (way = 1; way <= 3; way++) {
            file = folder "/" (way == 1 ? "module.f90" : way == 2 ? "free.f90" : "fixed.f")
            print "      program every" >file
            if (way == 1) print "      use shmem" >file
            print "      implicit none" >file
            if (way > 1) {
                print "      include \"shmem.fh\"" >file
                print "      include \"shmem_functions.fh\"" >file
            }
            print "      integer int_value, s(SHMEM_SYNC_SIZE)" >file
            print "      integer(4) int4_value, int4_array(8)" >file
            print "      integer(8) int8_value, int8_array(8)" >file
            print "      real(4) real4_value, real4_array(8)" >file
            print "      real(8) real8_value, real8_array(8)" >file
            print "      real(16) real16_array(8)" >file
            print "      complex(4) comp4_array(8)" >file
            print "      complex(8) comp8_array(8)" >file
            print "      logical logical_value" >file
            print "      character(SHMEM_MAX_NAME_LEN) text" >file
            printf "%s", lines >file
            print "      end" >file
            close(file)
        }
    }' "$work/table"
for file in module.f90 free.f90 fixed.f; do
    build $file ${file%.*} -Wno-maybe-uninitialized -Wno-uninitialized
    [ -z "$output" ] || miss "has a warning"
    fact "every routine can be called: $file"
done

# compiles STATEMENT: compile a program with it.
compiles()
{
    cat >"$work/statement.f90" <<END
program statement
    use shmem
    implicit none
    integer(4), save :: i4, array(4), work(8), sync(SHMEM_SYNC_SIZE)
    integer(8), save :: i8, wide_sync(SHMEM_SYNC_SIZE)
    real(4), save :: r4, real_work(8)
    real(8), save :: r8
    integer(2) :: short
    $1
end program
END
    compile statement.f90 -fsyntax-only
}
accepted()
{
    compiles "$1" || miss "does not compile: $1"
}
refused()
{
    compiles "$1" && miss "compiles: $1"
    says Error
}
accepted "call shmem_put32(array, r4, 1, 0)"
accepted "call shmem_int4_add(array(2), 1, 0)"
fact "the module takes data of any type and rank"
refused "call shmem_put32(array, array, 1_8, 0)"
refused "call shmem_put32(array, array, 1, short)"
refused "call shmem_put32(array, array, 1)"
refused "call shmem_int8_add(i8, 1, 0)"
refused "call shmem_int8_add(i4, 1_8, 0)"
refused "call shmem_int4_inc(r4, 0)"
refused "r8 = shmem_real8_swap(r4, r8, 0)"
refused "call shmem_int8_wait_until(i8, SHMEM_CMP_EQ, 5)"
refused "call shmem_set_lock(i8)"
refused "call shmem_barrier(0, 0, 1, wide_sync)"
refused "call shmem_int4_sum_to_all(i4, i4, 1, 0, 0, 1, real_work, sync)"
refused "call shpalloc(i4, 1, array(1), 0)"
fact "the module refuses wrong kinds and missing arguments"

cat >"$work/mistakes.f90" <<'END'
program mistakes
    use shmem
    implicit none
    integer, save :: lock = 0, data(4)
    integer :: code
    integer(8) :: block
    character(20) :: mistake
    call get_command_argument(1, mistake)
    call shmem_init()
    select case (mistake)
    case ('set')
        if (shmem_my_pe() == 1) then
            call shmem_set_lock(lock)
            call shmem_set_lock(lock)
        end if
    case ('clear')
        if (shmem_my_pe() == 1) call shmem_clear_lock(lock)
    case ('length')
        call shpalloc(block, 0, code, 1)
    case ('memory')
        call shpalloc(block, 2000000000, code, 0)
        if (code == -2) print '(a)', 'no memory'
        call shpalloc(block, 2000000000, code, 1)
    case ('free')
        call shpalloc(block, 10, code, 1)
        call shpdeallc(block, code, 1)
        call shpclmove(block, 20, code, 1)
    case ('count')
        if (shmem_my_pe() == 1) call shmem_integer_put(data, data, -1, 0)
    case ('exit')
        if (shmem_my_pe() == 1) call shmem_global_exit(3)
    end select
    call shmem_barrier_all()
    call shmem_finalize()
end program
END
build mistakes.f90 mistakes -g
while IFS='|' read -r mistake text; do
    job error -x SHMEM_SYMMETRIC_SIZE=1m -n 2 "$work/mistakes" "$mistake"
    says "$text"
    fact "a mistake ends the job with a message: $mistake"
done <<'END'
set|memheap: PE 1: shmem_set_lock: this PE already holds lock 0x
clear|memheap: PE 1: shmem_clear_lock: this PE does not hold lock 0x
length|shpalloc: the length is not greater than 0
memory|shpalloc: there is no memory
free|shpclmove: the address is in no block of SHPALLOC: it may be free already
count|memheap: PE 1: shmem_put32
END
says "mistakes.f90:"
fact "a message names the line of the Fortran program"
build mistakes.f90 without_lines -g0
job error -n 2 "$work/without_lines" count
says " at mistakes.f90"
case $output in
    *mistakes.f90:*) miss "names an unknown line" ;;
esac
fact "without -g it names the file"
job 3 -n 2 "$work/mistakes" exit
fact "SHMEM_GLOBAL_EXIT ends the job with its status"
finish
