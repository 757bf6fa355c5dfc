/*
 * What a heap shows to programs of its user that run beside it: its figures,
 * after each of its calls, and on request a list of its blocks.
 *
 * They are in a memory file without a name, of mode 600, which a reader finds
 * among the descriptors of the process in /proc. It begins with a page of the
 * struct below; the list lies behind it. The file cannot be made shorter, so
 * that no reader can harm the heap, and ends with the process.
 *
 * What takes more than a few words to find out, the largest free block above
 * all, is looked up anew every MEMHEAP_STATS_STRIDE calls.
 *
 * Figures are read while they are written: a sequence that is odd, or another
 * one afterwards than before, says that they have to be read again.
 *
 * A list is asked for by an `asked` other than `answered`. The heap writes it
 * at the end of its next call, and says so by letting both be equal. A reader
 * locks the file for the time (flock), and gives the list's memory back.
 */
#ifndef MEMHEAP_DEBUG_STATS_PAGE_H
#define MEMHEAP_DEBUG_STATS_PAGE_H

#include <memheap/memheap.h>
#include "base/fork_guard.h"
#include "base/util.h"

#define MEMHEAP_STATS_FILE "memheap-stats"
#define MEMHEAP_STATS_MAGIC "memheap"

enum {
    /** Changes whenever the structs below, or memheap_stats_t, do. */
    MEMHEAP_STATS_VERSION = 1,
    MEMHEAP_STATS_NAME = 48,
    /** Where the list begins in the file: the size of the largest page that
     *  this is likely to run on. */
    MEMHEAP_STATS_LIST = 65536,
    MEMHEAP_STATS_STRIDE = 64
};

/** A block of a list. */
typedef struct memheap_stats_block {
    uint64_t offset, size;
    /** As in memheap_block_t. */
    uint64_t number, asked;
    uint32_t live;
    uint32_t tag; /* index of the tag; the names of all follow the blocks */
} memheap_stats_block_t;

typedef struct memheap_stats_page {
    char magic[8];
    uint32_t version;
    uint32_t size; /* of this struct */
    uint64_t sequence;
    /* What stays as it is. */
    int64_t process;
    int64_t file; /* descriptor of the heap's memory; -1: it is private */
    uint64_t base;
    char name[MEMHEAP_STATS_NAME];
    char component[MEMHEAP_STATS_NAME];
    /* The rest is covered by the sequence. */
    int64_t pe, pes; /* -1: of no job */
    /** Readers find out for themselves what is resident, and what follows from
     *  other figures: free, frees and fragmentation. */
    memheap_stats_t stats;
    /* The list. */
    uint64_t asked; /* written by readers */
    uint64_t answered;
    memheap_stats_t listed; /* the figures as they were then */
    uint64_t blocks;
    uint64_t tags; /* 0: the heap keeps no records */
    int64_t error; /* errno where there is no list, else 0 */
} memheap_stats_page_t;

/** Something to show. The fields are for the functions here. */
typedef struct memheap_stats_export {
    memheap_stats_page_t *page;
    memheap_fork_guard_t process;
    uint64_t calls;
    int fd;
    const memheap_memory_t *memory;
    /* The list that is being written. */
    uint64_t asked, blocks, tags, end;
    uint64_t limit; /* of the file; to go past it raises a signal */
    int error;
    size_t used; /* bytes that are not in the file yet */
    char bytes[4096];
} memheap_stats_export_t;

/** What is to be shown, as far as it stays as it is. */
typedef struct memheap_stats_export_config {
    const char *name;
    const char *component;
    const void *base;
    int file;
    const memheap_memory_t *memory;
    const memheap_log_t *log;  /* of failures, */
    memheap_log_level_t level; /* which are of this level */
} memheap_stats_export_config_t;

/** Have something to show. NULL, logged, if that cannot be. */
memheap_stats_export_t *
memheap_stats_export_open(const memheap_stats_export_config_t *config);
/** NULL is ignored. */
void memheap_stats_export_close(memheap_stats_export_t *gauge);

/** Begin to change the figures, which are in the page returned. NULL in the
 *  child of a fork, whose heap is another. */
static inline memheap_stats_page_t *
memheap_stats_export_begin(memheap_stats_export_t *gauge)
{
    memheap_stats_page_t *page = gauge->page;
    if (MEMHEAP_UNLIKELY(!memheap_fork_guard_holds(gauge->process)))
        return NULL;
    __atomic_store_n(&page->sequence, page->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return page;
}

static inline void memheap_stats_export_end(memheap_stats_page_t *page)
{
    __atomic_store_n(&page->sequence, page->sequence + 1, __ATOMIC_RELEASE);
}

/** Count a call. Whether all figures are due: those of the first calls are,
 *  since there may be no others. */
static inline bool memheap_stats_export_is_due(memheap_stats_export_t *gauge)
{
    uint64_t calls = ++gauge->calls;
    return calls % MEMHEAP_STATS_STRIDE == 0 || calls < MEMHEAP_STATS_STRIDE;
}

/** Whether a reader waits for a list. */
static inline bool
memheap_stats_export_is_list_due(const memheap_stats_page_t *page)
{
    return __atomic_load_n(&page->asked, __ATOMIC_RELAXED) != page->answered;
}

/** Write a list: begin, add all blocks and then all tags, end. */
void memheap_stats_export_list_begin(memheap_stats_export_t *gauge);
void memheap_stats_export_list_add(memheap_stats_export_t *gauge,
                                   const memheap_stats_block_t *block);
void memheap_stats_export_list_add_tag(memheap_stats_export_t *gauge,
                                       const char *tag);
void memheap_stats_export_list_end(memheap_stats_export_t *gauge);

#endif
