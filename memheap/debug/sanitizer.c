/*
 * Hooks of memcheck and AddressSanitizer.
 */
#include "config.h"

#include "memheap/debug/sanitizer.h"
#include "base/util.h"

#ifdef HAVE_VALGRIND_MEMCHECK_H
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#endif

/* The interface of AddressSanitizer's runtime, if the program has it. */
extern void __asan_poison_memory_region(const volatile void *start, size_t size)
    __attribute__((weak));
extern void __asan_unpoison_memory_region(const volatile void *start,
                                          size_t size) __attribute__((weak));
extern void
__asan_set_error_report_callback(void (*callback)(const char *report))
    __attribute__((weak));
extern void *__asan_get_report_address(void) __attribute__((weak));
extern void *__asan_region_is_poisoned(void *start, size_t size)
    __attribute__((weak));
extern void __asan_report_load_n(void *address, long size)
    __attribute__((weak));
extern void __asan_report_store_n(void *address, long size)
    __attribute__((weak));

#ifdef HAVE_VALGRIND_MEMCHECK_H
/* Memcheck warns about longer ranges. */
static const size_t part_max = 128 * MEMHEAP_MIB;

bool memheap_sanitizer_is_memcheck(void)
{
    /* Other tools of valgrind do not know this request. */
    char byte = 0;
    return VALGRIND_MAKE_MEM_DEFINED(&byte, 1) != 0;
}

void memheap_sanitizer_poison_untouched(const void *start, size_t size)
{
    for (size_t done = 0; done < size; done += part_max)
        VALGRIND_MAKE_MEM_NOACCESS((const char *)start + done,
                                   memheap_min(size - done, part_max));
}

/* Unpoison at most part_max bytes. */
static void unpoison_part(const char *start, size_t size, bool set)
{
    if (set)
        VALGRIND_MAKE_MEM_DEFINED(start, size);
    else
        VALGRIND_MAKE_MEM_UNDEFINED(start, size);
}

static void memcheck_unpoison(const void *start, size_t size, bool set)
{
    for (size_t done = 0; done < size; done += part_max)
        unpoison_part((const char *)start + done,
                      memheap_min(size - done, part_max), set);
}

void memheap_sanitizer_mark_set(const void *start, size_t size)
{
    for (size_t done = 0; done < size; done += part_max)
        VALGRIND_MAKE_MEM_DEFINED_IF_ADDRESSABLE(
            (const char *)start + done, memheap_min(size - done, part_max));
}

void memheap_sanitizer_pool_open(const void *pool)
{
    VALGRIND_CREATE_MEMPOOL(pool, MEMHEAP_REDZONE, 0);
}

void memheap_sanitizer_pool_close(const void *pool)
{
    VALGRIND_DESTROY_MEMPOOL(pool);
}

void memheap_sanitizer_alloc(const void *pool, const void *block, size_t size)
{
    VALGRIND_MEMPOOL_ALLOC(pool, block, size);
}

void memheap_sanitizer_free(const void *pool, const void *block)
{
    VALGRIND_MEMPOOL_FREE(pool, block);
}

void memheap_sanitizer_move(const void *pool, const void *old,
                            const void *block, size_t size)
{
    VALGRIND_MEMPOOL_CHANGE(pool, old, block, size);
}
#else
bool memheap_sanitizer_is_memcheck(void)
{
    return false;
}

void memheap_sanitizer_poison_untouched(const void *start, size_t size)
{
    (void)start;
    (void)size;
}

static void memcheck_unpoison(const void *start, size_t size, bool set)
{
    (void)start;
    (void)size;
    (void)set;
}

void memheap_sanitizer_mark_set(const void *start, size_t size)
{
    (void)start;
    (void)size;
}

void memheap_sanitizer_pool_open(const void *pool)
{
    (void)pool;
}

void memheap_sanitizer_pool_close(const void *pool)
{
    (void)pool;
}

void memheap_sanitizer_alloc(const void *pool, const void *block, size_t size)
{
    (void)pool;
    (void)block;
    (void)size;
}

void memheap_sanitizer_free(const void *pool, const void *block)
{
    (void)pool;
    (void)block;
}

void memheap_sanitizer_move(const void *pool, const void *old,
                            const void *block, size_t size)
{
    (void)pool;
    (void)old;
    (void)block;
    (void)size;
}
#endif

bool memheap_sanitizer_is_asan(void)
{
    return __asan_poison_memory_region != NULL &&
           __asan_unpoison_memory_region != NULL;
}

void memheap_sanitizer_poison(const void *start, size_t size)
{
    memheap_sanitizer_poison_untouched(start, size);
    if (memheap_sanitizer_is_asan())
        __asan_poison_memory_region(start, size);
}

void memheap_sanitizer_unpoison(const void *start, size_t size, bool set)
{
    memcheck_unpoison(start, size, set);
    if (memheap_sanitizer_is_asan())
        __asan_unpoison_memory_region(start, size);
}

void memheap_sanitizer_probe(const void *start, size_t size, bool writes)
{
    if (__asan_region_is_poisoned == NULL || __asan_report_load_n == NULL ||
        __asan_report_store_n == NULL)
        return;
    void *bad = __asan_region_is_poisoned((void *)(uintptr_t)start, size);
    if (bad != NULL)
        (writes ? __asan_report_store_n : __asan_report_load_n)(bad, 1);
}

static void (*on_report)(const void *address);

static void report_callback(const char *report)
{
    (void)report;
    if (on_report != NULL)
        on_report(__asan_get_report_address());
}

void memheap_sanitizer_on_report(void (*callback)(const void *address))
{
    if (__asan_set_error_report_callback == NULL ||
        __asan_get_report_address == NULL)
        return;
    on_report = callback;
    __asan_set_error_report_callback(report_callback);
}
