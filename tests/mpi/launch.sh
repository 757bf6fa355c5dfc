# Source this: how tests start MPI jobs.
#
# `launch ARGUMENTS` runs mpirun with a time limit, without the user's settings of
# the tested library. A job that hangs is ended with status 124.
for variable in $(env | sed -n 's/^\(\(MEMHEAP\|SHMEM\|SMA\|OMPI_MCA_memheap\)_*[A-Za-z0-9_]*\)=.*/\1/p'); do
    case $variable in
        MEMHEAP_TEST_*) ;;
        *) unset "$variable" ;;
    esac
done
if [ "$(id -u)" = 0 ]; then
    OMPI_ALLOW_RUN_AS_ROOT=1
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
fi
# Open MPI itself leaks.
ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export ASAN_OPTIONS
# Make undefined behaviour fatal in sanitized builds.
UBSAN_OPTIONS="halt_on_error=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
export UBSAN_OPTIONS
# Heaps without redzones, also in sanitized builds; checkers.sh overrides this.
case $built_cflags in
    *sanitize*)
        MEMHEAP_CHECKERS=0
        export MEMHEAP_CHECKERS
        ;;
esac

# Open MPI 5 prints a line for each PE of this machine if its interface has IPv6
# addresses too.
: "${OMPI_MCA_btl_tcp_if_include:=lo}"
export OMPI_MCA_btl_tcp_if_include

# Tests use the options of Open MPI's mpirun; oshrun translates them for MPICH's.
: "${real_mpirun:=$MPIRUN}" # a script that starts this one may have set it
export real_mpirun
openmpi_version=$("$MPIRUN" --version 2>/dev/null |
    sed -n 's/.*\(Open MPI\|OpenRTE\)) \([0-9]*\).*/\2/p')
if [ -n "$openmpi_version" ]; then
    launcher_kind=openmpi
    oversubscribe=--oversubscribe
else
    launcher_kind=other
    oversubscribe=
    OSHRUN_MPIRUN=$real_mpirun
    MPIRUN=$top_builddir/tools/osh/oshrun
    export OSHRUN_MPIRUN
fi

# The built-in components, the first, and the last.
components=$(echo "$built_components" | tr , ' ')
first=${components%% *}
last_component=${components##* }

# The time limit in seconds. It grows with the load of each core.
time_limit()
{
    read -r load rest </proc/loadavg
    load=${load%.*}
    times=$((load / $(nproc) + 1))
    echo $((${MEMHEAP_TEST_TIME:-60} * times))
}

# Run a launcher with a time limit. It has a folder of its own for its sessions:
# two mpiruns that create the common one at the same time fail.
limited()
(
    OMPI_MCA_orte_tmpdir_base=$(mktemp -d) || exit 1
    PRTE_MCA_prte_tmpdir_base=$OMPI_MCA_orte_tmpdir_base # of Open MPI 5
    export OMPI_MCA_orte_tmpdir_base PRTE_MCA_prte_tmpdir_base
    # mpirun may ignore SIGTERM.
    timeout -k 10 "$(time_limit)" "$@" </dev/null
    result=$?
    rm -rf "$OMPI_MCA_orte_tmpdir_base"
    exit $result
)

launch()
(
    case $openmpi_version:$* in
        # Where several programs make a job, mpirun of Open MPI 5 may crash in what
        # this disables (https://github.com/open-mpi/ompi/issues/13303); and by
        # default, it does not number the PEs program by program.
        5:*" : "*)
            PMIX_MCA_pmdl=^ompi
            export PMIX_MCA_pmdl
            set -- --map-by slot "$@"
            ;;
    esac
    limited "$MPIRUN" $oversubscribe "$@"
)
