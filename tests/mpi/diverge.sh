#!/bin/sh
# Wrong calls: each ends the job, or returns an error, with one message that tells
# which PE called what.
. "${top_srcdir:-.}/tests/mpi/expect.sh"
program=$top_builddir/tests/mpi/diverge
# How a PE without settings describes its start; launch.sh may make one.
unset='no parameter set'
[ -z "${MEMHEAP_CHECKERS-}" ] || unset=MEMHEAP_CHECKERS=$MEMHEAP_CHECKERS
MEMHEAP_TEST_TIME=20

# number of PEs; PEs per node
for job in 2 4 4+1 5+2; do
    np=${job%+*}
    nodes=MEMHEAP_NODE_PES=0
    [ "$job" = "$np" ] || nodes=MEMHEAP_NODE_PES=${job#*+}
    last=$((np - 1))
    others="PE 0"
    [ "$np" = 2 ] || others="PEs 0 to $((np - 2))"
    # name | what the others called | what the last one called
    while IFS='|' read -r name common odd; do
        job error -x "$nodes" -n "$np" "$program" "$name"
        says "$others called $common" "PE $last called $odd"
        says_once
        fact "$job PEs: $name differs on one"
    done <<END
size|shmem_malloc(64)|shmem_malloc(128)
alignment|shmem_align(4096, 100)|shmem_align(64, 100)
calloc|shmem_calloc(20, 8)|shmem_calloc(10, 8)
hints|shmem_malloc_with_hints(64, 0x1)|shmem_malloc_with_hints(64, 0)
realloc|shmem_realloc(0x|shmem_realloc(0x
batch|shmemx_malloc_batch of 2 blocks|shmemx_malloc_batch of 2 blocks
register|shmemx_register of 8192 bytes|shmemx_register of 4096 bytes
deregister|shmemx_deregister of registration 2|shmemx_deregister of registration 1
kind|shmem_malloc(64)|shmem_free(0x
block|shmem_free(0x|shmem_free(0x
stranger|shmem_free(0x|shmem_free of a foreign address: 0x
skip|shmem_malloc(64)|shmem_barrier_all
exit|shmem_barrier_all|shmem_finalize
finalize|shmem_barrier_all|shmem_finalize
root|shmem_long_broadcast of 32 bytes from PE 0|shmem_long_broadcast of 32 bytes from PE 1
strides|shmem_long_alltoalls of 8 bytes with strides 1 and 1|shmem_long_alltoalls of 8 bytes with strides 2 and 1
count|shmem_long_sum_reduce of 4 elements|shmem_long_sum_reduce of 8 elements
operation|shmem_long_sum_reduce of 4 elements|shmem_long_max_reduce of 4 elements
type|shmem_long_sum_reduce of 4 elements|shmem_double_sum_reduce of 4 elements
scan|shmem_long_sum_reduce of 4 elements|shmem_long_sum_inscan of 4 elements
sync|shmem_barrier_all|shmem_team_sync
split|shmem_team_split_strided(0, 1, 1)|shmem_team_split_strided(0, 1, 2)
destroy|shmem_team_sync|shmem_team_destroy
instead|shmem_long_sum_reduce of 1 elements|shmem_long_broadcast of 8 bytes from PE $last
fewer|shmem_long_broadcast of 8 bytes from PE 0|shmem_long_sum_reduce of 1 elements
END
    job error -x "$nodes" -n "$np" "$program" ring
    says "PE 0 called shmem_long_broadcast of 8 bytes from PE 1;" \
        "PE $last called shmem_long_broadcast of 8 bytes from PE 0"
    says_once
    fact "$job PEs: each PE waits for a short broadcast of another"
    job error -x "$nodes" -n "$np" "$program" second
    says "PE 0 called shmem_long_broadcast of 8 bytes from PE 0;" \
        "PE 1 called shmem_long_sum_reduce of 1 elements"
    says_once
    fact "$job PEs: a PE waits for all, and its node's others do not"
    job error -x "$nodes" -n "$np" "$program" late
    says "$others called shmem_long_broadcast of 8 bytes from PE $last" \
        "PE $last called" "broadcast of 16 bytes from PE $last"
    says_once
    fact "$job PEs: a short broadcast differs, and all finalize"
    job error -x "$nodes" -n "$np" "$program" away
    says "$others called shmem_long_broadcast of 8 bytes from PE 0" \
        "PE $last called" "broadcast of 8 bytes from PE $last"
    says_once
    fact "$job PEs: one PE is the root of another broadcast, and never calls again"
    job error -x "$nodes" -x SHMEM_SYMMETRIC_SIZE=1t -n "$np" "$program" large
    says "PE 0 called shmem_malloc(549755813888)" "called shmem_malloc(100)"
    says_once
    fact "$job PEs: one PE requests a large block, without memory for it"
    [ "$job" = "$np" ] || continue
    job error -n "$np" "$program" other-team
    says "the PEs wait for each other in different collective calls" \
        "in shmem_team_sync, collective call " \
        "PE $last waits in shmem_team_sync, collective call 1 of team " \
        "($np PEs from 0, 1 apart) at team_differ at diverge.c:"
    says_once
    fact "$np PEs: one PE calls for another team"
    job error --mca memheap "$first" -n "$last" "$program" plain : \
        -n 1 -x SHMEM_SYMMETRIC_SIZE=7m "$program" plain
    says "$others called shmem_init with MEMHEAP_COMPONENT=$first" \
        "PE $last called shmem_init with" "SHMEM_SYMMETRIC_SIZE=7m"
    says_once
    fact "$np PEs: one PE has another SHMEM_SYMMETRIC_SIZE"
    job error -n "$last" "$program" plain : \
        -n 1 -x MEMHEAP_COMPONENT="$first" "$program" plain
    says "$others called shmem_init with $unset" \
        "PE $last called shmem_init with MEMHEAP_COMPONENT=$first"
    says_once
    fact "$np PEs: one PE has another component"
done

for left in left left-later; do
    job error -x MEMHEAP_NODE_PES=1 -n 4 "$program" $left
    says "PE 0 called a broadcast of 8 bytes from PE 0" \
        "PE 3 called shmem_long_sum_reduce of 1 elements"
    says_once
    fact "PEs have left a short broadcast when one differs: $left"
done

job error -x MEMHEAP_NODE_PES=1 -n 2 "$program" set-root
says "PE 0 called shmem_broadcast64 of 8 bytes from PE 1" \
    "PE 1 called shmem_broadcast64 of 8 bytes from PE 0"
says_once
fact "two PEs take each other for the root of an active set"

while IFS='|' read -r name call why; do
    for transport in auto ucx; do
        job error -x MEMHEAP_TRANSPORT=$transport -n 2 "$program" "$name"
        says "memheap: PE 1: $call: " "$why"
        says_once
        fact "$name ends the job with a message, transport $transport"
    done
done <<END
put-local|shmem_putmem|is no symmetric address of 8 bytes on PE 0
get-local|shmem_getmem|is no symmetric address of 8 bytes on PE 0
put-past|shmem_putmem_nbi|bytes on PE 0: the heap lies from 0x
put-pe|shmem_putmem|there is no PE 2; the job has PEs 0 to 1
get-pe|shmem_getmem_nbi|there is no PE -1; the job has PEs 0 to 1
typed-put|shmem_long_put|is no symmetric address of 24 bytes on PE 0
typed-get|shmem_ctx_short_g|is no symmetric address of 2 bytes on PE 1
typed-iput|shmem_long_iput|bytes on PE 0: the heap lies from 0x
amo|shmem_int_atomic_fetch_add|is no symmetric address of 4 bytes on PE 0
amo-pe|shmem_long_atomic_inc|there is no PE 2; the job has PEs 0 to 1
signal|shmem_long_put_signal|is no symmetric address of 8 bytes on PE 0
signal-set|shmem_signal_set|is no symmetric address of 8 bytes on PE 0
team-pe|shmem_ctx_long_p|there is no PE 1; the team has PEs 0 to 0
no-ctx|shmem_ctx_long_p|the context is SHMEM_CTX_INVALID
lock|shmem_set_lock|is no symmetric address of 8 bytes on PE
set|shmem_sync|PE 1 is not in the active set of 1 PEs from 0, 2^0 apart
END

# name | call | transports
while IFS='|' read -r name call transports; do
    for transport in $transports; do
        job error -x MEMHEAP_TRANSPORT=$transport -n 2 "$program" "$name"
        says "memheap: PE 1: $call: 0x" "is no symmetric address of " \
            "bytes on PE 1: the heap lies from 0x"
        says_once
        fact "$name past the end of the heap, transport $transport"
    done
done <<END
broadcast|shmem_long_broadcast|auto
collect|shmem_long_collect|auto ucx
fcollect|shmem_long_fcollect|auto
alltoall|shmem_long_alltoall|auto
alltoalls|shmem_long_alltoalls|auto
reduce|shmem_long_sum_reduce|auto ucx
inscan|shmem_long_sum_inscan|auto
broadcast64|shmem_broadcast64|auto
collect64|shmem_collect64|auto ucx
to_all|shmem_long_sum_to_all|auto
source|shmem_long_fcollect|auto
END

# Mistakes of all PEs: one message for the job, with the call site.
while IFS='|' read -r name what; do
    for nodes in 0 2; do
        [ "$nodes" = 0 ] || [ "$name" = put-pe ] || continue
        job error -x MEMHEAP_NODE_PES=$nodes -n 4 "$program" "$name" all
        says "$what" "; the call is from " " at diverge.c:"
        says_once
        fact "$name by all PEs is one message, nodes of $nodes"
    done
done <<END
put-local|shmem_putmem: 0x
get-local|it is on the stack
put-past|bytes before the end
put-pe|there is no PE 4; the job has PEs 0 to 3
typed-get|shmem_ctx_short_g: 
amo|shmem_int_atomic_fetch_add: 0x
no-ctx|shmem_ctx_long_p: the context is SHMEM_CTX_INVALID
lock|shmem_set_lock: 0x
reduce|shmem_long_sum_reduce: 0x
put-null|shmem_long_put: the symmetric address is NULL
amo-null|shmem_long_atomic_inc: the symmetric address is NULL
put-window|it is the result of shmem_ptr() for 0x1
stride|shmem_long_iput: a stride is less than 1
out-of-set|shmem_sync: the active set of 5 PEs from 0, 2^0 apart, is not in the job
comparison|the comparison is 77; it can be SHMEM_CMP_EQ
ctx-put|shmem_ctx_long_put: the context was destroyed
ctx-destroy|shmem_ctx_destroy: the context was destroyed before
ctx-team|shmem_ctx_get_team: the context was destroyed
team-gone-sync|shmem_team_sync: the team was destroyed
team-gone-reduce|shmem_long_sum_reduce: the team was destroyed
team-gone-destroy|shmem_team_destroy: the team was destroyed
team-gone-split|shmem_team_split_strided: the team was destroyed
team-gone-ctx|shmem_team_create_ctx: the team was destroyed
END

job error -n 4 "$program" kill
says "signal 9"
fact "a PE that is killed ends the others"
job error -n 4 "$program" status
fact "a PE that exits with an error ends the others"
job 7 -n 4 "$program" global
fact "global_exit ends the job with its status"
for name in before after wait-before ctx-before team-before; do
    job error -n 3 "$program" "$name"
    says "memheap: PE 0: " "was called ${name#*-} shmem_" \
        "; the call is from main at diverge.c:"
    [ "$name" != ctx-before ] || says "PE 0: shmem_ctx_create was called"
    # MPICH's launcher ends nothing when a PE exits before MPI_Init().
    case $launcher_kind-$name in
        other-*before) ;;
        *) says_once ;;
    esac
    fact "$name: a call ${name#*-} the library runs is an error"
done

while IFS='|' read -r name what; do
    job 0 -n 3 "$program" "$name"
    says "$what" survived "; the call is from " " at diverge.c:"
    says_once
    fact "$name is reported once, and survived"
done <<END
inside|it lies 16 bytes into the block of 64 bytes at 0x
twice|it lies in free space of
foreign|0x1000 is no address of heap "symmetric", which lies from 0x
free-stack|: it is on the stack;
free-variable|: it is in the variables of the program;
free-code|: it is in the code of the program;
free-library|: it is in the code of /
free-malloc|memory of malloc()
free-nothing|: it is in no mapped memory;
free-window|, the result of shmem_ptr() for 0x1
realloc-stack|: it is on the stack;
batch-stack|: it is on the stack;
release-inside|PE 0: shmemx_release(0x
release-inside|: it lies 16 bytes into the block of 64 bytes at 0x
release-stack|: it is on the stack;
release-twice|: this PE has released it before;
free-released|is a block that this PE has released;
realloc-released|is a block that this PE has released;
batch-released|is a block that this PE has released;
default-ctx|shmem_ctx_destroy: SHMEM_CTX_DEFAULT cannot be destroyed
world-team|shmem_team_destroy: predefined teams cannot be destroyed
default-space|shmemx_space_destroy: SHMEMX_SPACE_DEFAULT cannot be destroyed
no-team|shmem_long_broadcast: the team is SHMEM_TEAM_INVALID
no-team-sync|shmem_team_sync: the team is SHMEM_TEAM_INVALID
no-team-reduce|shmem_long_sum_reduce: the team is SHMEM_TEAM_INVALID
level|shmem_init_thread: the thread level is 9
END
while IFS='|' read -r name what; do
    job 0 -n 3 "$program" "$name"
    says "$what" survived
    says_once
    fact "$name is reported once, and survived"
done <<END
align|shmem_align(48, 100): bad argument: 48 is no power of two
register-odd|PE 0: shmemx_register: address and size must be multiples of a page
register-nothing|PE 0: shmemx_register: address and size must be multiples of a page
register-hole|PE 0: shmemx_register: the memory at 0x
register-hole|is not mapped
register-constant|cannot be written
register-anonymous|the memory is a shared mapping of /dev/zero (deleted), which cannot be opened
register-stack|is on the stack
register-heap|is symmetric already, or belongs to this library
register-twice|is symmetric already, or belongs to this library
register-many|there are 62 spaces and registrations already, which is the maximum; end one first
deregister-none|shmemx_deregister: no registered memory starts at 0x
memory|shmem_malloc(1125899906842624): out of memory: the heap has
END

# The tools that tell more of a wrong free.
job 0 -n 2 "$program" twice
says "MEMHEAP_GUARD=1 tells where blocks were allocated and freed"
fact "a wrong free names what tells more"
job 0 -x MEMHEAP_GUARD=1 -n 2 "$program" twice
says "0 bytes into the block of 64 bytes that was allocated from all at diverge.c:" \
    "and freed from all at diverge.c:"
fact "MEMHEAP_GUARD=1 tells where a block was freed before"
job 0 -x MEMHEAP_RECORDS=1 -n 2 "$program" inside
says "into the block of 64 bytes at 0x" ", allocated from all at diverge.c:"
fact "MEMHEAP_RECORDS=1 tells where the block around an address was allocated"
for name in twice free-stack realloc-stack batch-stack release-twice; do
    job 7 -x MEMHEAP_WRONG_FREE_STATUS=7 -n 2 "$program" $name
    says survived
    fact "MEMHEAP_WRONG_FREE_STATUS is the exit status after $name"
done
job 0 -x MEMHEAP_WRONG_FREE_STATUS=7 -n 2 "$program" plain
fact "without a wrong free the exit status stays"
finish
