/*
 * Checkers of memory that may watch the process: valgrind's memcheck, and the
 * AddressSanitizer that the program was built with.
 *
 * Both are found when the process runs: memcheck by requests that are no
 * operation without it, if its headers were there when memheap was configured;
 * the sanitizer by functions that its runtime has. Where there is neither, all
 * calls do nothing.
 */
#ifndef MEMHEAP_DEBUG_SANITIZER_H
#define MEMHEAP_DEBUG_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

/** Bytes behind a block that a checker is to find overruns in. */
#define MEMHEAP_REDZONE ((size_t)16)

/** Whether memcheck, or the sanitizer, watches this process. */
bool memheap_sanitizer_is_memcheck(void);
bool memheap_sanitizer_is_asan(void);

/** Let nobody touch some bytes. Whole granules of 8, but for the first. */
void memheap_sanitizer_poison(const void *start, size_t size);
/** The same for memcheck alone: memory that may be large, and untouched. */
void memheap_sanitizer_poison_untouched(const void *start, size_t size);

/** Let them be touched; what they hold may be set, or not. */
void memheap_sanitizer_unpoison(const void *start, size_t size, bool set);
/** What they hold is set, of those that may be touched. */
void memheap_sanitizer_mark_set(const void *start, size_t size);

/** A pool, for memcheck to know blocks of: its address names it. */
void memheap_sanitizer_pool_open(const void *pool);
void memheap_sanitizer_pool_close(const void *pool);

/** A block came, went, or has another place or size. */
void memheap_sanitizer_alloc(const void *pool, const void *block, size_t size);
void memheap_sanitizer_free(const void *pool, const void *block);
void memheap_sanitizer_move(const void *pool, const void *old,
                            const void *block, size_t size);

/** Report bytes that are hidden, for the sanitizer, which does not see what
 *  memheap's own code does. */
void memheap_sanitizer_probe(const void *start, size_t size, bool writes);

/** Have a function called behind each report of the sanitizer, with the address
 *  that it is about. */
void memheap_sanitizer_on_report(void (*tell)(const void *address));

#endif
