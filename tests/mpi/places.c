/*
 * Variables wherever a linker puts them: in large sections (-mcmodel=medium),
 * in sections of the program's own, beside read-only pages, and with
 * -DWRITABLE_CODE beside code. program_data.sh builds this with several
 * linkers.
 */
#include "tests/mpi/tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LARGE = 300000 /* more than -mlarge-data-threshold */
};

static long data = 1;
static long bss;
static long large_data[LARGE] = {2};
static long large_bss[LARGE];
static long own __attribute__((section("own_section"))) = 3;
static long *const relocated[] = {&data, &bss};
static const long constants[LARGE] = {4, 5, 6};
static _Thread_local long local;

#ifdef WRITABLE_CODE
/* The rest of the name makes the section writable and executable: what the
 * compiler adds to it becomes a comment of the assembler. */
__attribute__((section("own_code,\"awx\",@progbits#"))) static int seven(void)
{
    return 7;
}
#else
static int seven(void)
{
    return 7;
}
#endif

/* Whether a child, like this process, can call a function. */
static bool runs(int (*function)(void))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(function() == 7 ? 0 : 1);
    waitpid(child, &status, 0);
    return status == 0 && function() == 7;
}

/* Whether a put by the left neighbour arrives in a variable. Collective. */
static bool arrives(long *variable)
{
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    bool accessible = shmem_addr_accessible(variable, (me + 1) % n) == 1;
    if (!tap_all(accessible))
        return false;
    shmem_barrier_all();
    shmem_long_p(variable, 100 + me, (me + 1) % n);
    shmem_barrier_all();
    return *variable == 100 + (me + n - 1) % n;
}

/* Whether a write ends a process. Constants must stay read-only. */
static bool is_read_only(const volatile long *object)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile long *)(uintptr_t)object = 1;
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

int main(void)
{
    shmem_init();
    tap_plan(6);
    tap_ok(data == 1 && large_data[0] == 2 && own == 3 && bss == 0 &&
               large_bss[0] == 0 && large_bss[LARGE - 1] == 0 &&
               constants[2] == 6 && *relocated[0] == 1,
           "variables and constants have their values");
    tap_ok(arrives(&data) && arrives(&bss) && arrives(&own),
           "puts arrive in small variables and in those of a section");
    tap_ok(arrives(&large_data[0]) && arrives(&large_data[LARGE - 1]) &&
               arrives(&large_bss[0]) && arrives(&large_bss[LARGE - 1]),
           "puts arrive in large variables");
    tap_ok(shmem_addr_accessible(&local, 0) == 0 &&
               shmem_addr_accessible(constants, 0) == 0 &&
               shmem_addr_accessible(relocated, 0) == 0,
           "thread-local variables and constants are not accessible");
    tap_ok(is_read_only(&constants[1]) &&
               is_read_only((const long *)(const void *)relocated),
           "constants stay read-only");
    tap_ok(runs(seven), "code runs, also in a forked child");
    shmem_finalize();
    return 0;
}
