/*
 * Included first in every source of a coverage build: a process that ends by
 * one of these calls, or by the signal whose old action sigaction() restores,
 * writes its counters before.
 *
 * Each library has counters of its own, and they are written for the library
 * that makes the call. A process that another one ends by a signal writes none.
 */
#ifndef MEMHEAP_TESTS_COVERAGE_H
#define MEMHEAP_TESTS_COVERAGE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* A program may have a name of its own like this one. */
#define sync unistd_sync
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#if __has_include(<mpi.h>)
#include <mpi.h>
#endif
#undef sync

/* Of libgcov. Counters are added to those of the file, and count from 0 again.
 */
void __gcov_dump(void);
void __gcov_reset(void);

#define _exit(status) (__gcov_dump(), _exit(status))
#define abort() (__gcov_dump(), abort())
#define PMPI_Abort(communicator, status)                                       \
    (__gcov_dump(), PMPI_Abort(communicator, status))
#define raise(number) (__gcov_dump(), __gcov_reset(), raise(number))
#define sigaction(number, action, old)                                         \
    (__gcov_dump(), __gcov_reset(), sigaction(number, action, old))

#endif
