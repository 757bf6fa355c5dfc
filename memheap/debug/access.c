/*
 * Checks of accesses that the layers above make for a program.
 */
#include "config.h"

#include "memheap/debug/access.h"
#include "memheap/debug/guard_state.h"
#include "memheap/debug/sanitizer.h"

#include <string.h>

bool memheap_guard_unsynced;
_Thread_local volatile memheap_access_attempt_t memheap_access_attempt;

bool memheap_has_memcheck(void)
{
    return memheap_sanitizer_is_memcheck();
}

bool memheap_has_sanitizer(void)
{
    return memheap_sanitizer_is_asan() || memheap_sanitizer_is_memcheck();
}

void memheap_guard_sync(void)
{
    memheap_guard_unsynced = false;
    for (unsigned i = 0; i < GUARDS_MAX; i++) {
        const memheap_guard_t *guard = atomic_load(&memheap_guards[i]);
        if (guard != NULL && guard->memcheck && guard->windows.synced &&
            !guard->windows.alone)
            memheap_sanitizer_mark_set(guard->base, guard->high_water);
    }
}

void memheap_probe_access(const void *address, size_t size, const char *call)
{
    /* Routines that read: get, fetch, and `g`. */
    bool reads = strstr(call, "get") != NULL || strstr(call, "fetch") != NULL ||
                 call[strlen(call) - 1] == 'g';
    memheap_sanitizer_probe(address, size, !reads);
}

/* The first and the last byte suffice: an object lies in one block. */
void memheap_check_access(const void *address, size_t size, const char *call,
                          int pe)
{
    const volatile char *bytes = address;
    if (size == 0)
        return;
    memheap_probe_access(address, size, call);
    memheap_access_attempt.pe = pe;
    memheap_access_attempt.call = call;
    (void)bytes[0]; /* raises a signal if it is closed */
    (void)bytes[size - 1];
    memheap_access_attempt.call = NULL;
}
