#!/bin/sh
# PEs that wait for long: MEMHEAP_WAIT_REPORT says for what, and memheap-top too.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/waits
top=$top_builddir/tools/memheap-top

job 0 -x MEMHEAP_WAIT_REPORT=1 -n 2 "$program" word array signal barrier set lock
says "all went on"
[ "$(printf '%s\n' "$output" | grep -c '^memheap:')" = 6 ] || miss "has no six reports"
fact "each long wait is reported once"
while read -r call; do
    printf '%s\n' "$output" |
        grep -q "^memheap: PE 0 is in no call that waits; PE 1 waits in $call.* at .*waits.* since [0-9]* s\$" ||
        miss "does not name the call, the place and the time"
    fact "a wait is reported: $call"
done <<'END'
shmem_long_wait_until(0x[0-9a-f]* == 77; it is 3)
shmem_long_wait_until_any(0x[0-9a-f]*, 4 elements)
shmem_signal_wait_until(0x[0-9a-f]* >= 77; it is 0)
shmem_barrier_all, collective call
shmem_barrier
shmem_set_lock(0x[0-9a-f]*), behind PE 0
END
job 0 -x MEMHEAP_WAIT_REPORT=1 -n 4 "$program" barrier
says "PE 0 is in no call that waits; PEs 1 to 3 wait in shmem_barrier_all"
says_once
fact "PEs that wait in the same call share an entry"
job 0 -x MEMHEAP_WAIT_REPORT=1 -x MEMHEAP_TRANSPORT=ucx -n 2 "$program" word
says "PE 1 waits in shmem_long_wait_until(0x" "all went on"
fact "a PE that is alone on its node reports itself"
job 0 -x MEMHEAP_WAIT_REPORT=0 -n 2 "$program" word
printf '%s\n' "$output" | grep -q 'waits in' && miss "reports"
fact "MEMHEAP_WAIT_REPORT=0 reports nothing"

job 0 -n 2 "$program" pace
says "all went on"
printf '%s\n' "$output" | grep -q 'slept while serving' && miss "sleeps"
fact "a wait on a shared core yields at once, and sleeps only if it serves no PE"

for np in 2 4; do
    job error -x MEMHEAP_WAIT_REPORT=1 -n $np "$program" exit
    says "PE 0 waits in shmem_finalize, which runs at exit, collective call" \
        "in shmem_long_wait_until(0x" \
        "PE 0 has ended, so the waits above cannot end"
    fact "$np PEs: a PE that exits while others wait for it ends the job"
done

job error -n 2 "$program" twice
says "memheap: PE 0: shmem_set_lock: this PE already holds lock 0x"
says_once
fact "a lock that is set twice is an error"
job error -n 2 "$program" foreign
says "memheap: PE 0: shmem_clear_lock: this PE does not hold lock 0x" \
    "PE 1 holds it, or is the last that waits for it"
says_once
fact "clearing the lock of another PE is an error"
job error -n 2 "$program" free
says "memheap: PE 0: shmem_clear_lock: lock 0x" "is free"
says_once
fact "clearing a free lock is an error"

launch -n 2 "$program" barrier >/dev/null 2>&1 &
launcher=$!
tries=0
while [ $tries -lt 40 ]; do
    tries=$((tries + 1))
    output=$("$top" --once --json --interval 0.1 --job $launcher 2>&1)
    case $output in *'"waits_in": "'*) break ;; esac
done
says '"waits_in": "shmem_barrier_all, collective call ' '"waits_in": null'
run 0 env COLUMNS=80 "$top" --once --interval 0.1 --job $launcher
says "WAITS IN"
printf '%s\n' "$output" | grep -qE ' shmem_barrier_all.* [0-9]+ s$' ||
    miss "does not show the call and the seconds"
printf '%s\n' "$output" | grep -q '.\{81\}' && miss "has lines of more than 80"
wait $launcher
fact "memheap-top shows what a PE waits in"
finish
