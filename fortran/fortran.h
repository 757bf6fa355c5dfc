/*
 * What the Fortran routines need beside the calls of C. fortran/routines.tsv
 * has the routines.
 *
 * All arguments of Fortran are pointers. The default INTEGER is an int, the
 * default LOGICAL too, and a CHARACTER argument has its length behind the other
 * arguments.
 */
#ifndef MEMHEAP_FORTRAN_FORTRAN_H
#define MEMHEAP_FORTRAN_FORTRAN_H

#include <shmem.h>

#include <stdint.h>

/* A number of elements. One below 0 becomes a size that no object has, so the
 * call is refused. */
static inline size_t count(const int *n)
{
    return (size_t)*n;
}

/* The work array of C in a work array of Fortran, whose elements are shorter.
 * It is at the same distance on all PEs: objects are aligned to pages alike. */
static inline long *work(int *sync)
{
    return (long *)(((uintptr_t)sync + sizeof(long) - 1) &
                    ~(uintptr_t)(sizeof(long) - 1));
}

/* End the job with a message: the program made a mistake in a call. */
__attribute__((format(printf, 1, 2))) _Noreturn void
memheap_fortran_end(const char *format, ...);

/* memory.c */
void memheap_fortran_finalize(void);
void memheap_fortran_info_get_name(char *name, size_t room);
void memheap_fortran_shpalloc(void **block_p, int words, int *error, int ends);
void memheap_fortran_shpdeallc(void *block, int *error, int ends);
void memheap_fortran_shpclmove(void **block_p, int words, int *status,
                               int ends);

/* lock.c */
void memheap_fortran_set_lock(int *lock);
void memheap_fortran_clear_lock(int *lock);
int memheap_fortran_test_lock(int *lock);

/* real16.c */
void memheap_fortran_real16_max_to_all(void *dest, const void *source,
                                       int nreduce, int start, int log_stride,
                                       int size, void *work, long *sync);
void memheap_fortran_real16_min_to_all(void *dest, const void *source,
                                       int nreduce, int start, int log_stride,
                                       int size, void *work, long *sync);
void memheap_fortran_real16_sum_to_all(void *dest, const void *source,
                                       int nreduce, int start, int log_stride,
                                       int size, void *work, long *sync);
void memheap_fortran_real16_prod_to_all(void *dest, const void *source,
                                        int nreduce, int start, int log_stride,
                                        int size, void *work, long *sync);

#endif
