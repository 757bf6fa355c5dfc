/*
 * Included first in every source of a coverage build: a process that ends by
 * one of these calls writes its counters before.
 *
 * Each library has counters of its own, and __gcov_dump() writes those of the
 * library that calls it. A process that another one ends by a signal writes
 * none.
 */
#ifndef MEMHEAP_TESTS_COVERAGE_H
#define MEMHEAP_TESTS_COVERAGE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define sync                                                                   \
    unistd_sync /* a program may have a name of its own like this one */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#undef sync

void __gcov_dump(void); /* of libgcov */

#define _exit(status) (__gcov_dump(), _exit(status))
#define abort() (__gcov_dump(), abort())
#define raise(number) (__gcov_dump(), raise(number))

#endif
