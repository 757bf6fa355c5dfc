/*
 * Included first in every source of a coverage build: a process that ends by
 * one of these calls, or by the signal whose old action sigaction() restores,
 * writes its counters before.
 *
 * A process that another one ends by a signal writes none.
 */
#ifndef MEMHEAP_TESTS_COVERAGE_H
#define MEMHEAP_TESTS_COVERAGE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* A program may have a name of its own like this one. */
#define sync unistd_sync
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#if __has_include(<mpi.h>)
#include <mpi.h>
#endif
#undef sync

/* Of libgcov, for the counters of the library that makes the call. They are
 * added to those of the file, and count from 0 again. */
void __gcov_dump(void);
void __gcov_reset(void);

/* The functions of each library and of the program. libmemheap has the list. */
struct memheap_coverage {
    void (*dump)(void);
    void (*reset)(void);
};
__attribute__((weak)) struct memheap_coverage memheap_coverage[16];

static struct memheap_coverage *coverage_list(void)
{
    void *list = dlsym(RTLD_DEFAULT, "memheap_coverage");
    return list == NULL ? memheap_coverage : (struct memheap_coverage *)list;
}

/* Each source has a constructor; one of a library is enough. */
static __attribute__((constructor)) void coverage_enter(void)
{
    struct memheap_coverage *one = coverage_list();
    while (one->dump != NULL && one->dump != __gcov_dump)
        one++;
    *one = (struct memheap_coverage){__gcov_dump, __gcov_reset};
}

/* A plug-in may have been unloaded. */
static __attribute__((unused)) void coverage_write(void)
{
    Dl_info info;
    for (struct memheap_coverage *one = coverage_list(); one->dump != NULL;
         one++) {
        if (dladdr((void *)one->dump, &info) == 0)
            continue;
        one->dump();
        one->reset();
    }
}

#define _exit(status) (coverage_write(), _exit(status))
#define abort() (coverage_write(), abort())
#define PMPI_Abort(communicator, status)                                       \
    (coverage_write(), PMPI_Abort(communicator, status))
/* The launcher may end the process meanwhile, so write a part only. */
#define raise(number) (__gcov_dump(), __gcov_reset(), raise(number))
#define sigaction(number, action, old)                                         \
    (__gcov_dump(), __gcov_reset(), sigaction(number, action, old))

#endif
