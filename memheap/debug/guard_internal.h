/*
 * What the sources of guard.h share: the struct of a guard, and the table of
 * all guards of the process.
 */
#ifndef MEMHEAP_DEBUG_GUARD_INTERNAL_H
#define MEMHEAP_DEBUG_GUARD_INTERNAL_H

#include "memheap/debug/guard.h"

#include <stdatomic.h>

enum {
    FORGET = 4096, /* so many blocks that were freed are remembered */
    GUARDS = 256   /* heaps that are watched at once; others say less */
};

/* A block that was freed. */
typedef struct gone {
    size_t offset;
    size_t usable;
    size_t asked;
    uint64_t number;
    uint32_t tag;
    memheap_call_site_t allocated, freed;
    bool moved;
} gone_t;

struct memheap_guard {
    const char *name;
    char *base;
    size_t size;
    size_t page;
    bool pages, memcheck, asan;
    bool handles; /* signals */
    bool foreign, shared;
    size_t reach; /* the end of the highest block */
    memheap_peer_windows_t windows;
    const memheap_module_t *module;
    const memheap_records_t *records;
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    uint64_t gone_count;
    gone_t gone[FORGET];
};

#pragma GCC visibility push(hidden)

/* The heaps that a handler looks for an address in. */
extern _Atomic(memheap_guard_t *) memheap_guards[GUARDS];

/* The access to another process's memory that this thread tries out, as its
 * handler is to see it. */
typedef struct memheap_access_attempt {
    const char *call;
    int pe;
} memheap_access_attempt_t;
extern _Thread_local volatile memheap_access_attempt_t memheap_access_attempt;

/* Add a guard to the table, and install the handlers that it needs. */
void memheap_guard_register(memheap_guard_t *guard);
/* Undo that. */
void memheap_guard_unregister(const memheap_guard_t *guard);

#pragma GCC visibility pop

#endif
