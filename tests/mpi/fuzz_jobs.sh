#!/bin/sh
# Random programs, from seeds: programs whose calls are right, in all layouts, and
# programs in which one PE makes another collective call than the others.
#
# A job is a number of PEs with options: +ucx, +tcp and +N as in run-mpi.sh, +guard,
# +check, +trim, +small for a heap that is often full, or +COMPONENT.
#
# MEMHEAP_TEST_SEED  the first seed
# MEMHEAP_TEST_FUZZ  "N M": N right programs and M wrong ones (default: "60 15")
# MEMHEAP_TEST_NP    jobs to choose from
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/fuzz_jobs
seed=${MEMHEAP_TEST_SEED:-1}
# shellcheck disable=SC2086 # they are words
set -- ${MEMHEAP_TEST_FUZZ:-60 15}
right=$1
wrong=${2:-0}
jobs="2+trim 3+small+check 4 5+small 4+2 5+2+check 3+ucx 4+tcp 4+guard 5+1 4+2+guard 2+ucx"
for component in $components; do
    jobs="$jobs 4+$component"
done
jobs=${MEMHEAP_TEST_NP:-$jobs}
# shellcheck disable=SC2086 # they are words
set -- $jobs
chunk=$((right / $#))
[ $chunk -ge 1 ] || chunk=1
[ $chunk -le 25 ] || chunk=25

# The options of mpirun for a job.
options_of()
{
    for option in $(echo "${1#"${1%%+*}"}" | tr + ' '); do
        case $option in
            ucx) echo "-x MEMHEAP_TRANSPORT=ucx" ;;
            tcp) echo "-x MEMHEAP_TRANSPORT=ucx -x UCX_TLS=tcp,self" ;;
            guard) echo "-x MEMHEAP_GUARD=1" ;;
            check) echo "-x MEMHEAP_CHECK=1" ;;
            trim) echo "-x MEMHEAP_TRIM=64k" ;;
            small) echo "-x SHMEM_SYMMETRIC_SIZE=700k" ;;
            [0-9]*) echo "-x MEMHEAP_NODE_PES=$option" ;;
            *) echo "-x MEMHEAP_COMPONENT=$option" ;;
        esac
    done
    echo "-n ${1%%+*}"
}

# Print a command for a failure.
repeat()
{
    [ "$held" = yes ] ||
        echo "# repeat: MEMHEAP_TEST_SEED=$seed MEMHEAP_TEST_FUZZ='$1' MEMHEAP_TEST_NP=$2"
}

# The message of the library names the calls of all PEs, as the program announced
# them.
names_calls()
{
    problem=$(printf '%s\n' "$output" | awk '
        /^say: PE / {
            odd = "PE " $3
            verb = " " $4 " " ($4 == "called" ? "" : "in ")
            other = substr($0, index($0, verb) + length(verb))
        }
        /^say: / { common = substr($0, 6) }
        /^memheap: PE [0-9]+: the PEs differ in collective call [0-9]+; all/ ||
        /^memheap: PE [0-9]+: the PEs wait for each other in different / {
            errors++
            sub(/.* calls?: /, "")
            error = $0
        }
        /^memheap: PEs? [0-9]+ (to [0-9]+ )?(is|are|waits?) in / {
            reports++
            sub(/memheap: /, "")
            report = $0
        }
        END {
            silent = verb == " is in "
            count = silent ? reports : errors
            message = silent ? report : error
            for (n = split(message, entry, /; /); n > 0; n--) {
                alone = index(entry[n], odd verb) == 1
                named += alone && index(entry[n], other) > 0
                usual = index(entry[n], common) > 0
                others += !alone && usual
                left = index(entry[n], "called nothing yet, or a call that has ")
                if (!alone && !usual && !left && verb == " called ")
                    print "it says: " entry[n]
            }
            if (count != 1 || named != 1 || others == 0)
                print count + 0, "messages name " odd
        }')
    [ -z "$problem" ] || miss "$problem"
}

while [ "$right" -gt 0 ]; do
    for job in $jobs; do
        count=$((right < chunk ? right : chunk))
        # shellcheck disable=SC2046 # they are words
        job 0 $(options_of "$job") "$program" "$seed" "$count"
        says "$count programs ran"
        repeat "$count" "$job"
        fact "$job PEs, seeds $seed to $((seed + count - 1)): contents are right"
        seed=$((seed + count))
        right=$((right - count))
        [ "$right" -gt 0 ] || break
    done
done

# The PEs have five seconds to tell, or more on a busy machine.
seconds=$(MEMHEAP_TEST_TIME=5 && time_limit)
while [ "$wrong" -gt 0 ]; do
    for job in $jobs; do
        # shellcheck disable=SC2046
        job error $(options_of "${job%+small*}") -x MEMHEAP_WAIT_REPORT=1 "$program" "$seed" wrong "$seconds"
        names_calls
        repeat "0 1" "$job"
        fact "$job PEs, seed $seed: a PE that differs is named"
        seed=$((seed + 1))
        wrong=$((wrong - 1))
        [ "$wrong" -gt 0 ] || break
    done
done
finish
