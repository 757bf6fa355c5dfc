/*
 * Sanitizer hooks: tell valgrind's memcheck, and the AddressSanitizer that the
 * program was built with, about the memory of heaps.
 *
 * Both are found at run time: memcheck by client requests, which are no
 * operation without it (if its header was there when memheap was configured);
 * AddressSanitizer by weak symbols of its runtime. Without either, all calls do
 * nothing.
 */
#ifndef MEMHEAP_DEBUG_SANITIZER_H
#define MEMHEAP_DEBUG_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

/** Bytes behind each block in which an overrun is detected. */
#define MEMHEAP_REDZONE ((size_t)16)

/** Whether memcheck checks this process. */
bool memheap_sanitizer_is_memcheck(void);

/** Whether AddressSanitizer checks this process. */
bool memheap_sanitizer_is_asan(void);

/** Make bytes inaccessible. AddressSanitizer poisons whole granules of 8 bytes,
 *  but for the first one. */
void memheap_sanitizer_poison(const void *start, size_t size);

/** The same for memcheck alone, for large ranges without pages. */
void memheap_sanitizer_poison_untouched(const void *start, size_t size);

/** Make bytes accessible. set: memcheck takes them for initialized. */
void memheap_sanitizer_unpoison(const void *start, size_t size, bool set);

/** Memcheck takes the accessible ones of these bytes for initialized. */
void memheap_sanitizer_mark_set(const void *start, size_t size);

/** Create, and destroy, a memcheck pool of blocks. Its address identifies it.
 */
void memheap_sanitizer_pool_open(const void *pool);
void memheap_sanitizer_pool_close(const void *pool);

/** Tell memcheck that a block of a pool was allocated, freed, or resized and
 *  perhaps moved. */
void memheap_sanitizer_alloc(const void *pool, const void *block, size_t size);
void memheap_sanitizer_free(const void *pool, const void *block);
void memheap_sanitizer_move(const void *pool, const void *old,
                            const void *block, size_t size);

/** Report an access to poisoned bytes to AddressSanitizer, which does not see
 *  the accesses of memheap's own code. */
void memheap_sanitizer_probe(const void *start, size_t size, bool writes);

/** Call a function after each report of AddressSanitizer, with the address of
 *  the access. */
void memheap_sanitizer_on_report(void (*callback)(const void *address));

#endif
