/*
 * Reductions of REAL(16), which no routine of C has: a long double is shorter
 * on many machines. Each PE reads the sources of all PEs, in the order of the
 * PEs, a piece at a time. It stores a piece after all PEs have read it, so dest
 * may be source.
 */
#include "config.h"

#include "fortran/fortran.h"

#include <float.h>
#include <string.h>

#if LDBL_MANT_DIG == 113
typedef long double real16_t;
#else
__extension__ typedef __float128 real16_t;
#endif

enum {
    PIECE = 256 /* elements */
};

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define SUM(a, b) ((a) + (b))
#define PROD(a, b) ((a) * (b))

#define TO_ALL(NAME, OPERATION)                                                \
    void memheap_fortran_real16_##NAME##_to_all(                               \
        void *dest, const void *source, int nreduce, int start,                \
        int log_stride, int size, void *pWrk, long *sync)                      \
    {                                                                          \
        real16_t result[PIECE];                                                \
        real16_t other[PIECE];                                                 \
        (void)pWrk;                                                            \
        for (int first = 0; first < nreduce || first == 0; first += PIECE) {   \
            int n = nreduce - first < PIECE ? nreduce - first : PIECE;         \
            size_t bytes = n < 0 ? 0 : (size_t)n * sizeof(real16_t);           \
            const real16_t *from = (const real16_t *)source + first;           \
            shmem_barrier(start, log_stride, size, sync);                      \
            shmem_getmem(result, from, bytes, start);                          \
            for (int i = 1; i < size; i++) {                                   \
                shmem_getmem(other, from, bytes, start + (i << log_stride));   \
                for (int k = 0; k < n; k++)                                    \
                    result[k] = OPERATION(result[k], other[k]);                \
            }                                                                  \
            shmem_barrier(start, log_stride, size, sync);                      \
            memcpy((real16_t *)dest + first, result, bytes);                   \
        }                                                                      \
    }

TO_ALL(max, MAX)
TO_ALL(min, MIN)
TO_ALL(sum, SUM)
TO_ALL(prod, PROD)
