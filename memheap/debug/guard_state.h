/*
 * The state of a guard, and the table of the guards of this process. For
 * guard_pages.c, guard_report.c and access.c.
 */
#ifndef MEMHEAP_DEBUG_GUARD_STATE_H
#define MEMHEAP_DEBUG_GUARD_STATE_H

#include "memheap/debug/guard_pages.h"

#include <stdatomic.h>

enum {
    FREED_MAX = 4096, /* freed blocks that a guard remembers */
    GUARDS_MAX = 256  /* guards in the table; others get shorter reports */
};

/* A freed block, or the old position of one that moved. */
typedef struct freed_block {
    size_t offset;
    size_t usable;
    size_t asked;
    uint64_t number; /* of the allocation */
    uint32_t tag;
    memheap_call_site_t alloc_site;
    memheap_call_site_t free_site;
    bool moved;
} freed_block_t;

struct memheap_guard {
    const char *name; /* of the heap */
    char *base;
    size_t size;
    size_t page;
    bool uses_pages; /* mprotect() closes memory */
    bool memcheck;
    bool asan;
    bool uses_signals; /* the signal handlers are installed for it */
    bool caller_owned; /* the caller's range */
    bool file_backed;  /* other processes map the heap */
    size_t high_water; /* the end of the highest block so far */
    memheap_peer_windows_t windows;
    const memheap_module_t *module;
    const memheap_records_t *records;
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    uint64_t freed_count;           /* blocks freed so far */
    freed_block_t freed[FREED_MAX]; /* a ring of the last ones */
};

/* An access to another PE's object that this thread is checking. */
typedef struct memheap_access_attempt {
    const char *call; /* the routine of the program; NULL: none */
    int pe;
} memheap_access_attempt_t;

#pragma GCC visibility push(hidden)

/* The guards of this process, where the signal handler searches an address. */
extern _Atomic(memheap_guard_t *) memheap_guards[GUARDS_MAX];

/* The attempt of this thread, for its signal handler. */
extern _Thread_local volatile memheap_access_attempt_t memheap_access_attempt;

/* Add a guard to the table, and install the handlers that it needs. */
void memheap_guard_register(memheap_guard_t *guard);

/* Remove it, and the handlers if no other guard needs them. */
void memheap_guard_unregister(const memheap_guard_t *guard);

#pragma GCC visibility pop

#endif
