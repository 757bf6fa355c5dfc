/*
 * The profiling interface: a tool defines a routine by its plain name, gets the
 * program's calls, and calls the library by the profiling name.
 */
#include "tests/mpi/tap.h"

#include <pshmem.h>

static int calls;

void *shmem_malloc(size_t size)
{
    calls++;
    return pshmem_malloc(size);
}

void shmem_barrier_all(void)
{
    calls++;
    pshmem_barrier_all();
}

int main(void)
{
    shmem_init();
    tap_plan(2);
    void *block = shmem_malloc(64);
    shmem_barrier_all();
    tap_ok(tap_symmetric(block) && calls == 2, "a routine of a tool is called");
    pshmem_free(block);
    block = pshmalloc(64);
    tap_ok(tap_symmetric(block) && calls == 2,
           "other routines are those of the library");
    pshmem_finalize();
    return 0;
}
