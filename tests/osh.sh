#!/bin/sh
# The installed oshcc, oshc++, oshfort and oshrun: the commands that they run, and the
# arguments that they refuse. Fake compilers and launchers print their arguments.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
work=$(mktemp -d "$top_builddir/osh.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
for variable in $(env | sed -n 's/^\(OSH[A-Z]*_[A-Z]*\|MEMHEAP_TEST_[A-Z]*\|\(OMPI\|PRTE\)_MCA_[a-z_]*\|SLURM_JOB_ID\|PBS_JOBID\|LSB_JOBID\)=.*/\1/p'); do
    unset "$variable"
done

# Install only the scripts and headers, and copy the libraries. libtool must not
# install the libraries, because another test may run it at the same time.
output=$(MAKEFLAGS='' make -C "$top_builddir" install-binSCRIPTS \
    install-pkgincludeHEADERS install-shmemincludeHEADERS install-mppHEADERS \
    ${built_fc:+install-nodist_fortranincludeDATA} DESTDIR="$work/stage" 2>&1) ||
    miss "does not install"
prefix=$work/stage$configured_prefix
mkdir -p "$prefix/lib"
cp -P "$top_builddir"/.libs/lib*.so* "$prefix/lib" ||
    miss "cannot copy the libraries"
LD_LIBRARY_PATH=$prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
sanitizer=$(printf '%s\n' "$built_cflags" | tr ' ' '\n' | grep '^-fsanitize')
fact "the scripts are installed"

is()
{
    [ "$output" = "$1" ] || miss "is not: $1"
}

silent_on()
{
    case $output in
        *"$1"*) miss "says: $1" ;;
    esac
}

# Create a tool that prints each of its arguments in brackets.
fake()
{
    {
        echo '#!/bin/sh'
        printf '%s\n' "$2"
        # shellcheck disable=SC2016 # expanded by the tool
        echo 'printf "[%s]" "$@"; echo'
    } >"$work/$1"
    chmod +x "$work/$1"
}

# shellcheck disable=SC2016 # expanded by the tools
{
    fake plain 'case $1 in --showme:* | -compile-info) exit 1 ;; esac'
    fake ompi 'case $1 in
        --showme:compile) echo -I/mpi/include -DMPI; exit ;;
        --showme:link) echo -L/mpi/lib -lone -ltwo; exit ;;
        --showme:command) echo real; exit ;;
    esac'
    fake mpich 'case $1 in
        -compile-info) echo real -I/mpi/include; exit ;;
        -link-info) echo real -O2 -Wl,-z,now -L/mpi/lib -lmpi; exit ;;
        *) exit 1 ;;
    esac'
}
bin=$prefix/bin
c_libraries="-L$prefix/lib -Wl,-rpath,$prefix/lib -Wl,--push-state,--no-as-needed -lmemheap_shmem -lmemheap_mpi -lmemheap -Wl,--pop-state"
as_arguments()
{
    printf '[%s]' "$@"
}

# Compiling

for script in oshcc oshc++ ${built_fc:+oshfort}; do
    headers=$prefix/include/memheap/shmem libraries=$c_libraries more= first=
    case $script in
        oshcc) suffix=c variable=OSHCC_CC ;;
        oshc++) suffix=cpp variable=OSHCXX_CXX ;;
        oshfort)
            suffix=f90 variable=OSHFORT_FC more='memheap_shmem_fortran '
            first='-fcray-pointer '
            headers=$prefix/include/memheap/fortran
            libraries=$(printf '%s\n' "$c_libraries" |
                sed 's/-lmemheap_shmem /-lmemheap_shmem_fortran &/')
            ;;
    esac
    includes="$first-I$headers -I$prefix/include"
    # shellcheck disable=SC2086 # the flags are words
    in_brackets=$(as_arguments $includes)
    # shellcheck disable=SC2086
    while IFS='|' read -r kind arguments; do
        added=
        case $kind in
            link) added="$includes $libraries" ;;
            compile) added=$includes ;;
        esac
        run 0 env $variable="$work/plain" "$bin/$script" $arguments
        is "$(as_arguments $arguments $added)"
        fact "$script $arguments: adds the flags of kind $kind"
    done <<END
link|a.$suffix
link|-O2 a.$suffix -o a
link|a.o libb.a -lm
link|-shared -fPIC a.$suffix -MD -o a.so
link|-x c -
link|-shared -Wl,--whole-archive -lparts -o whole.so
compile|-c a.$suffix
compile|a.$suffix -c -o a.o
compile|-E a.$suffix
compile|-S a.$suffix
compile|-MM a.$suffix
compile|-M -MF -c a.$suffix
compile|-fsyntax-only a.$suffix
link|-MT -c a.$suffix
none|--version
none|-v
none|-print-search-dirs
none|-dumpmachine -x c
END
    run 0 env $variable="$work/plain" "$bin/$script" -DTEXT='"a b"' "it's.$suffix" '*' '' -c
    # shellcheck disable=SC2086
    is "$(as_arguments -DTEXT='"a b"' "it's.$suffix" '*' '' -c $includes)"
    fact "$script passes arguments on unchanged"
    run 0 env $variable="$work/plain -first 'x" "$bin/$script" -c a
    is "[-first]['x][-c][a]$in_brackets"
    fact "$script: $variable may have arguments"
    cp "$work/plain" "$work/a compiler"
    run 0 env $variable="$work/a compiler" "$bin/$script" -c a
    is "[-c][a]$in_brackets"
    fact "$script: $variable may be a path with a blank"

    # Switches that print commands and flags
    ours="$includes -I/mpi/include -DMPI"
    link="$libraries -L/mpi/lib -lone -ltwo"
    while IFS='|' read -r switch text; do
        # shellcheck disable=SC2086
        run 0 env $variable="$work/ompi" "$bin/$script" $switch
        is "$text"
        fact "$script $switch prints the command or its flags"
    done <<END
--showme|real $includes $libraries -I/mpi/include -DMPI -L/mpi/lib -lone -ltwo
-show|real $includes $libraries -I/mpi/include -DMPI -L/mpi/lib -lone -ltwo
-c a.$suffix -showme|real -c a.$suffix $ours
--showme --version|real --version
--showme:command|real
--showme:compile|$ours
-showme:link|$link
--showme:incdirs|$headers $prefix/include /mpi/include
--showme:libdirs|$prefix/lib /mpi/lib
--showme:libs|${more}memheap_shmem memheap_mpi memheap one two
END
    run 0 env $variable="$work/ompi" "$bin/$script" --showme "a b.$suffix" -DQ="it's" -c
    is "real 'a b.$suffix' '-DQ=it'\\''s' -c $includes -I/mpi/include -DMPI"
    fact "$script --showme quotes arguments for the shell"
    run 0 env $variable="$work/mpich" "$bin/$script" -show a.$suffix
    is "real a.$suffix $includes $libraries -I/mpi/include -Wl,-z,now -L/mpi/lib -lmpi"
    fact "$script -show works with the wrapper of MPICH"
    run 0 env $variable="$work/plain" "$bin/$script" --showme:libs
    is "${more}memheap_shmem memheap_mpi memheap"
    fact "$script --showme:libs works with a plain compiler"
    run 0 "$bin/$script" --showme:version
    says "$script: memheap 0" "OpenSHMEM 1.6"
    fact "$script --showme:version prints the version"
    for switch in --help --showme:help; do
        run 0 "$bin/$script" $switch
        says "Usage: $script" --showme:compile --showme:link --showme:incdirs \
            "$variable names another compiler"
        fact "$script $switch prints the usage"
    done

    # Refused arguments and settings
    run 2 "$bin/$script" --showme:more a.$suffix
    is "$script: there is no --showme:more; try $script --help"
    fact "$script --showme:more is refused"
    for value in "$work/nothing" "$work/nothing -x" " "; do
        run 127 env $variable="$value" "$bin/$script" a.$suffix
        is "$script: $variable=$value cannot be run"
        fact "$script: $variable=$(basename "$value") is refused"
    done
    sed "s|tool=\$3|tool=/proc/nowhere/mpicc|" "$bin/$script" >"$bin/lost"
    chmod +x "$bin/lost"
    mkdir -p "$work/tools"
    for tool in readlink dirname cat sed; do
        ln -sf "$(command -v $tool)" "$work/tools"
    done
    run 127 env PATH="$work/tools" /bin/sh "$bin/lost" a.$suffix
    says "$script: there is no " "on the PATH; install it, or say with $variable which to use"
    fact "$script reports that there is no compiler"
    for tool in mpicc mpic++ gfortran; do
        cp "$work/plain" "$work/tools/$tool"
    done
    run 0 env PATH="$work/tools" /bin/sh "$bin/lost" -c a.$suffix
    is "[-c][a.$suffix]$in_brackets"
    fact "$script uses another compiler on the PATH"
    rm "$bin/lost" "$work/tools/mpicc" "$work/tools/mpic++" "$work/tools/gfortran"
done

in_brackets="[-I$prefix/include/memheap/shmem][-I$prefix/include]"

# The installation: reached through a link, moved, incomplete
ln -s "$bin/oshcc" "$work/link"
run 0 env OSHCC_CC="$work/plain" "$work/link" -c a.c
is "[-c][a.c]$in_brackets"
fact "oshcc works through a symbolic link"
run 0 env OSHCC_CC="$work/plain" PATH="$bin:$PATH" oshcc -c a.c
is "[-c][a.c]$in_brackets"
fact "oshcc works from the PATH"
cp -a "$prefix" "$work/moved here"
moved=$work/moved\ here
run 0 env OSHCC_CC="$work/plain" "$moved/bin/oshcc" a.c
is "[a.c][-I$moved/include/memheap/shmem][-I$moved/include][-L$moved/lib][-Wl,-rpath,$moved/lib][-Wl,--push-state,--no-as-needed][-lmemheap_shmem][-lmemheap_mpi][-lmemheap][-Wl,--pop-state]"
fact "oshcc works in a folder that was moved"
rm "$moved/lib/libmemheap_shmem.so"
run 1 "$moved/bin/oshcc" a.c
is "oshcc: there is no $moved/lib/libmemheap_shmem.so; move an installation as a whole, or install it again"
fact "oshcc reports missing libraries"
rm "$moved/include/memheap/shmem/shmem.h"
run 1 "$moved/bin/oshcc" -c a.c
is "oshcc: there is no $moved/include/memheap/shmem/shmem.h; move an installation as a whole, or install it again"
fact "oshcc reports missing headers"
rm -r "$moved"

# Real compilers
cat >"$work/program.c" <<'END'
#include <shmem.h>
#include <mpi.h>
#include <stdio.h>
#ifndef MEMHEAP_SHMEM_SHMEM_H
#error "this is another shmem.h"
#endif
int main(void)
{
    shmem_init();
    int initialized = 0;
    MPI_Initialized(&initialized);
    printf("%s%d of %d with %d\n", TEXT, shmem_my_pe(), shmem_n_pes(),
           initialized);
    shmem_finalize();
    return 0;
}
END
cp "$work/program.c" "$work/program.cpp"
for script in oshcc oshc++; do
    suffix=c
    [ $script = oshcc ] || suffix=cpp
    # shellcheck disable=SC2086
    if [ $script = oshc++ ] && ! command -v "${MPICXX:-mpicxx}" >/dev/null; then
        skip oshc++ "there is no MPI wrapper for C++"
        continue
    fi
    # shellcheck disable=SC2086
    {
        run 0 "$bin/$script" $sanitizer -DTEXT='"P E "' -c "$work/program.$suffix" -o "$work/program.o"
        run 0 "$bin/$script" $sanitizer "$work/program.o" -o "$work/$script program"
    }
    job 0 -n 2 "$work/$script program"
    says "P E 0 of 2 with 1" "P E 1 of 2 with 1"
    fact "$script compiles and links, with our shmem.h and mpi.h"
done
if [ -n "$built_fc" ]; then
    cat >"$work/program.f90" <<'END'
program program
    use shmem
    integer :: words(1), code
    pointer (address, words)
    call shmem_init()
    call shpalloc(address, 1, code, 1)
    print '(a,i0,a,i0)', 'P E ', shmem_my_pe(), ' of ', shmem_n_pes()
    call shmem_finalize()
end program
END
    # shellcheck disable=SC2086
    {
        run 0 "$bin/oshfort" $sanitizer -J "$work" -c "$work/program.f90" -o "$work/program.o"
        run 0 "$bin/oshfort" $sanitizer "$work/program.o" -o "$work/oshfort program"
    }
    job 0 -n 2 "$work/oshfort program"
    says "P E 0 of 2" "P E 1 of 2"
    fact "oshfort compiles and links, with our module"
fi
# shellcheck disable=SC2086
output=$(eval "$("$bin/oshcc" --showme $sanitizer -DTEXT='"shown "' "$work/program.c" -o "$work/shown")" 2>&1) ||
    miss "does not compile"
job 0 -n 1 "$work/shown"
says "shown 0 of 1"
fact "the command that oshcc --showme prints works"

# Launching. The fake tool identifies itself as Open MPI, and prints its arguments.
# shellcheck disable=SC2016
{
    fake mpirun '[ "$1" != --version ] || { echo "mpirun (Open MPI) 4.1.4"; exit; }'
    fake hydra '[ "$1" != --version ] || { echo "HYDRA build details:"; exit; }'
    fake root 'echo 0'
    fake user 'echo 1000'
}
mkdir "$work/as-root" "$work/as-user"
sed -i '/printf/d' "$work/root" "$work/user"
mv "$work/root" "$work/as-root/id"
mv "$work/user" "$work/as-user/id"
oshrun=$bin/oshrun
keepalive='[--mca][orte_execute_quiet][1][--mca][oob_tcp_keepalive_time][10][--mca][oob_tcp_keepalive_intvl][2][--mca][oob_tcp_keepalive_probes][5]'
saved_path=$PATH
PATH=$work/as-user:$saved_path
OSHRUN_MPIRUN=$work/mpirun
export OSHRUN_MPIRUN
for number in -n -np -c; do
    run 0 "$oshrun" $number 4 ./program --help --version
    is "[--oversubscribe]${keepalive}[$number][4][./program][--help][--version]"
    fact "oshrun $number 4 passes all arguments on, and adds its defaults"
done
run 0 "$oshrun" -n 2 './a b' "it's" '' '*'
is "[--oversubscribe]${keepalive}[-n][2][./a b][it's][][*]"
fact "oshrun passes arguments on unchanged"
# User settings that prevent a default
while IFS='|' read -r setting arguments; do
    # shellcheck disable=SC2086
    run 0 env ${setting:-A=B} "$oshrun" $arguments ./program
    silent_on '[--oversubscribe][--mca][orte_execute_quiet]'
    says '[./program]' "$keepalive"
    fact "oshrun does not add --oversubscribe: $setting $arguments"
done <<'END'
|--nooversubscribe -n 4
|--oversubscribe -n 4
|--map-by core:oversubscribe
|--host a,b
|-host a
|-H a
|--hostfile x
|--machinefile x
SLURM_JOB_ID=3|-n 4
PBS_JOBID=3|-n 4
OMPI_MCA_rmaps_base_oversubscribe=0|-n 4
OMPI_MCA_orte_default_hostfile=x|-n 4
PRTE_MCA_prte_default_hostfile=x|-n 4
|--mca orte_default_hostfile x
|--prtemca prte_default_hostfile x
END
run 0 "$oshrun" --mca oob_tcp_keepalive_time 99 -n 1 ./program
is "[--oversubscribe][--mca][orte_execute_quiet][1][--mca][oob_tcp_keepalive_intvl][2][--mca][oob_tcp_keepalive_probes][5][--mca][oob_tcp_keepalive_time][99][-n][1][./program]"
fact "oshrun does not override a parameter in the arguments"
for runtime in OMPI PRTE; do
    run 0 env ${runtime}_MCA_oob_tcp_keepalive_intvl=9 "$oshrun" -n 1 ./program
    silent_on oob_tcp_keepalive_intvl
    says oob_tcp_keepalive_time oob_tcp_keepalive_probes
done
fact "oshrun does not override a parameter in the environment"
run 0 env OMPI_MCA_orte_execute_quiet=0 "$oshrun" -n 1 ./program
silent_on orte_execute_quiet
fact "oshrun does not make mpirun quiet if the environment says otherwise"
run 0 env MEMHEAP_COMPONENT=buddy SHMEM_SYMMETRIC_SIZE=1g SMA_DEBUG='a b' "$oshrun" -n 1 ./program
says '[-x][MEMHEAP_COMPONENT]' '[-x][SHMEM_SYMMETRIC_SIZE]' '[-x][SMA_DEBUG]'
fact "oshrun passes the library's variables on"
run 0 env MEMHEAP_COMPONENT=buddy SHMEM_INFO=1 "$oshrun" -x MEMHEAP_COMPONENT=fit -x SHMEM_INFO ./program
is "[--oversubscribe]${keepalive}[-x][MEMHEAP_COMPONENT=fit][-x][SHMEM_INFO][./program]"
fact "oshrun does not override variables in the arguments"
run 0 env SHMEM_INFO=1 "$oshrun" -n 1 ./one : -n 2 ./two
is "[-x][SHMEM_INFO][--oversubscribe]${keepalive}[-n][1][./one][:][-x][SHMEM_INFO][-n][2][./two]"
fact "oshrun passes the library's variables on to each program"
run 0 env SHMEM_INFO=1 OMPI_MCA_mca_base_env_list=HOME "$oshrun" ./program
is "[--oversubscribe]${keepalive}[./program]"
run 0 env SHMEM_INFO=1 "$oshrun" --mca mca_base_env_list HOME ./program
is "[--oversubscribe]${keepalive}[--mca][mca_base_env_list][HOME][./program]"
fact "oshrun adds no variable if the user sets a list of them"
run 0 env OSHRUN_MPIRUN="$work/hydra" SHMEM_INFO=1 "$oshrun" -n 2 ./program
is '[-n][2][./program]'
fact "oshrun adds nothing for another launcher"
run 0 env OSHRUN_MPIRUN="$work/hydra" B='b b' "$oshrun" --oversubscribe -ppn 2 -c 3 -x A=a -x B \
    --mca memheap buddy -genv -x y ./one -x C=c : -n 1 -x D=d --quiet ./two --mca a b
is '[-ppn][2][-n][3][-env][A][a][-env][B][b b][-env][OMPI_MCA_memheap][buddy][-genv][-x][y][./one][-x][C=c][:][-n][1][-env][D][d][./two][--mca][a][b]'
fact "oshrun translates the options of Open MPI for Hydra"
printf 'liboshmem.so.40' >"$work/foreign"
printf 'liboshmem.so.40 libmemheap_shmem.so.0' >"$work/ours"
chmod +x "$work/foreign" "$work/ours"
for launcher in mpirun hydra; do
    run 0 env OSHRUN_MPIRUN="$work/$launcher" "$oshrun" -n 2 "$work/foreign" "$work/ours"
    says "oshrun: warning: $work/foreign is linked with another OpenSHMEM library, liboshmem"
    run 0 env OSHRUN_MPIRUN="$work/$launcher" "$oshrun" -n 2 "$work/ours" "$work/foreign"
    silent_on warning
    fact "oshrun warns of a program of another OpenSHMEM: $launcher"
done
run 0 env OSHRUN_MPIRUN="$work/hydra -first" "$oshrun" -n 2 ./program
is '[-first][-n][2][./program]'
fact "oshrun: OSHRUN_MPIRUN may have arguments"
run 0 "$oshrun" --showme -n 2 './a b' "it's"
is "$work/mpirun --oversubscribe --mca orte_execute_quiet 1 --mca oob_tcp_keepalive_time 10 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 5 -n 2 './a b' 'it'\\''s'"
fact "oshrun --showme quotes arguments for the shell"
run 0 "$oshrun" -- --help
says '[--help]'
fact "oshrun -- --help is passed to mpirun"
run 0 "$oshrun" --version
says "oshrun: memheap 0" "mpirun (Open MPI) 4.1.4"
fact "oshrun --version prints the version"
for switch in --help -h; do
    run 0 "$oshrun" $switch
    says "Usage: oshrun" OSHRUN_MPIRUN OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        --oversubscribe "srun --mpi=pmix"
    fact "oshrun $switch prints the usage"
done
for arguments in "" --showme; do
    # shellcheck disable=SC2086
    run 2 "$oshrun" $arguments
    is "oshrun: there is no program to start; try oshrun --help"
    fact "oshrun $arguments: a program is missing"
done
run 2 "$oshrun" --showme:link ./program
is "oshrun: there is no --showme:link, only --showme; try oshrun --help"
fact "oshrun --showme:link is refused"
run 127 env OSHRUN_MPIRUN="$work/nothing" "$oshrun" ./program
is "oshrun: OSHRUN_MPIRUN=$work/nothing cannot be run"
fact "oshrun: OSHRUN_MPIRUN must be a program"
for word in "$oshrun" "$oshrun --quiet"; do
    run 127 env OSHRUN_MPIRUN="$word" "$oshrun" --version
    is "oshrun: OSHRUN_MPIRUN=$word is oshrun itself; name the one of MPI"
done
fact "oshrun: OSHRUN_MPIRUN must be another program"
# shellcheck disable=SC2016 # a variable of oshrun
sed 's|tool=$3|tool=/proc/nowhere/mpirun|' "$oshrun" >"$work/lost"
run 127 env OSHRUN_MPIRUN= PATH="$work/tools" /bin/sh "$work/lost" ./program
is "oshrun: there is no mpirun on the PATH; install it, or say with OSHRUN_MPIRUN which to use"
fact "oshrun reports that there is no MPI"

# As root
PATH=$work/as-root:$saved_path
run 0 env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "$oshrun" ./program
says '[./program]'
silent_on allow-run
fact "oshrun as root works with the environment variables"
unset OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
run 0 "$oshrun" --allow-run-as-root ./program
says '[--allow-run-as-root][./program]'
fact "oshrun as root works with the argument"
run 1 env OMPI_ALLOW_RUN_AS_ROOT=1 "$oshrun" ./program
says "oshrun: mpirun starts no job as root" OMPI_ALLOW_RUN_AS_ROOT=1 \
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 --allow-run-as-root
fact "oshrun as root prints which variables to set"
run 0 env OSHRUN_MPIRUN="$work/hydra" "$oshrun" ./program
is '[./program]'
fact "oshrun as root works with another launcher"
PATH=$saved_path

# The real launcher
. "${top_srcdir:-.}/tests/mpi/launch.sh"
OSHRUN_MPIRUN=$real_mpirun
output=$(SHMEM_VERSION=1 limited "$oshrun" -n 4 "$work/oshcc program" 2>&1)
status=$?
check_status 0
says "P E 0 of 4 with 1" "P E 3 of 4 with 1" "OpenSHMEM 1.6"
fact "oshrun starts four PEs"
finish
