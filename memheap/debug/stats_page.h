/*
 * The stats page: the statistics of a heap, and on request a list of its
 * blocks and of its call sites, for other processes of the same user
 * (memheap-top, memheap-map).
 *
 * They are in a memory file of mode 600. A reader finds it by its name among
 * the descriptors of the process in /proc. The file cannot be made shorter, so
 * no reader can harm the heap. It ends with the process.
 *
 *     0                   sizeof         MEMHEAP_STATS_LIST_START
 *     | memheap_stats_page_t |   unused   | blocks ... | tags ... | sites ... |
 *
 * The heap updates the page at the end of each call. Values that take longer to
 * collect, such as the largest free block, follow every MEMHEAP_STATS_INTERVAL
 * calls. A sequence lock protects the page (one writer, any readers):
 *
 *     writer:  sequence + 1 (odd)   write the page   sequence + 1 (even)
 *     reader:  read an even sequence, copy the page, read the same sequence;
 *              else try again
 *
 * To request a list, a reader writes list_kind, and then list_requested. The
 * heap writes the list at the end of its next call and sets list_published to
 * the same number. Readers lock the file (flock) from the request until they
 * have freed the memory of the list.
 *
 * A call site is written as return addresses, since their source lines take
 * long to find. The reader finds them.
 */
#ifndef MEMHEAP_DEBUG_STATS_PAGE_H
#define MEMHEAP_DEBUG_STATS_PAGE_H

#include <memheap/memheap.h>
#include "memheap/debug/stack_depot.h"
#include "base/fork_guard.h"
#include "base/util.h"

#define MEMHEAP_STATS_FILE "memheap-stats"
#define MEMHEAP_STATS_MAGIC "memheap"

enum {
    /** Changes with the structs below and with memheap_stats_t. */
    MEMHEAP_STATS_VERSION = 3,
    MEMHEAP_STATS_NAME_SIZE = 48,
    MEMHEAP_STATS_WAIT_SIZE = 128,
    MEMHEAP_STATS_SITE_SIZE = 256,
    /** Offset of the list in the file: the largest page size to expect. */
    MEMHEAP_STATS_LIST_START = 65536,
    /** Calls between two collections of all statistics. */
    MEMHEAP_STATS_INTERVAL = 64
};

/** What a list has. */
typedef enum memheap_stats_kind {
    MEMHEAP_STATS_ALL,
    MEMHEAP_STATS_SITES /* no blocks */
} memheap_stats_kind_t;

/** A block of the list. */
typedef struct memheap_stats_block {
    uint64_t offset;
    uint64_t size;
    uint64_t number; /* as in memheap_block_t */
    uint64_t asked;  /* as in memheap_block_t */
    uint16_t live;
    uint16_t tag;  /* index into the tags behind the blocks */
    uint32_t site; /* index into the call sites behind the tags */
} memheap_stats_block_t;

/** A call site of the list. */
typedef struct memheap_stats_site {
    uint64_t used, peak, live_blocks; /* as in memheap_site_counts_t */
    uint64_t allocations, bytes;
    uint64_t frames; /* number of return addresses; 0: there is a text */
    union {
        uint64_t frame[MEMHEAP_CALL_SITE_FRAMES];
        char text[MEMHEAP_STATS_SITE_SIZE]; /* which the program states */
    } place;
} memheap_stats_site_t;

/** The start of the file. Fields up to `component` never change. The sequence
 *  protects the others, but for list_requested and list_kind. */
typedef struct memheap_stats_page {
    char magic[8];
    uint32_t version;
    uint32_t size; /* of this struct */
    uint64_t sequence;
    int64_t pid;
    int64_t heap_fd; /* descriptor of the heap's memory file; -1: none */
    uint64_t base;
    char name[MEMHEAP_STATS_NAME_SIZE];
    char component[MEMHEAP_STATS_NAME_SIZE];
    int64_t pe;  /* -1: the heap is not of a job */
    int64_t pes; /* -1: the heap is not of a job */
    /** `resident`, `free`, `frees` and `fragmentation` may be old: readers
     *  compute them. */
    memheap_stats_t stats;
    uint64_t list_requested;    /* number of the last request; set by readers */
    uint64_t list_kind;         /* a memheap_stats_kind_t; set by readers */
    uint64_t list_published;    /* number of the request that was served last */
    memheap_stats_t list_stats; /* at the time of the list */
    uint64_t list_blocks;
    uint64_t list_tags; /* 0: the heap keeps no records */
    uint64_t list_sites;
    int64_t list_error; /* errno if the list could not be written, else 0 */
    /** The last long wait of the PE, which ends if it is not renewed. Times are
     *  those of CLOCK_MONOTONIC. The sequence does not protect these. */
    char wait[MEMHEAP_STATS_WAIT_SIZE];
    uint64_t wait_since_ns;
    uint64_t wait_renewed_ns;
} memheap_stats_page_t;

/** The writer of a stats page. Its fields are private. */
typedef struct memheap_stats_export {
    memheap_stats_page_t *page;
    memheap_fork_guard_t owner;
    uint64_t calls;
    int fd;
    const memheap_memory_t *memory;
    /* The list that is being written. */
    uint64_t requested; /* number of the request */
    uint64_t blocks, tags, sites;
    uint64_t file_end;
    uint64_t file_limit; /* RLIMIT_FSIZE: writing beyond raises a signal */
    int error;
    size_t buffered; /* bytes in the buffer */
    char buffer[4096];
} memheap_stats_export_t;

/** The constant fields of the page, and where to log. */
typedef struct memheap_stats_export_config {
    const char *name;
    const char *component;
    const void *base;
    int heap_fd;
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    memheap_log_level_t level; /* of a failure to open */
} memheap_stats_export_config_t;

/** Create the file. @return NULL, logged, if that fails */
memheap_stats_export_t *
memheap_stats_export_open(const memheap_stats_export_config_t *config);

/** Delete the file. NULL is ignored. */
void memheap_stats_export_close(memheap_stats_export_t *export);

/** Begin to write the page. @return NULL in a forked child: the page belongs to
 *  the parent */
static inline memheap_stats_page_t *
memheap_stats_export_begin(memheap_stats_export_t *export)
{
    memheap_stats_page_t *page = export->page;
    if (MEMHEAP_UNLIKELY(!memheap_fork_guard_holds(export->owner)))
        return NULL;
    __atomic_store_n(&page->sequence, page->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return page;
}

static inline void memheap_stats_export_end(memheap_stats_page_t *page)
{
    __atomic_store_n(&page->sequence, page->sequence + 1, __ATOMIC_RELEASE);
}

/** Write or renew the wait of the PE. Takes no lock. */
void memheap_stats_export_wait(memheap_stats_export_t *export, const char *text,
                               uint64_t since_ns, uint64_t renewed_ns);

/** Count a call. @return whether to collect all statistics: in each of the
 * first calls, since no others may follow, and then in every interval */
static inline bool memheap_stats_export_is_due(memheap_stats_export_t *export)
{
    uint64_t calls = ++export->calls;
    return calls % MEMHEAP_STATS_INTERVAL == 0 ||
           calls < MEMHEAP_STATS_INTERVAL;
}

/** Whether a reader waits for a list. */
static inline bool
memheap_stats_export_is_list_due(const memheap_stats_page_t *page)
{
    return __atomic_load_n(&page->list_requested, __ATOMIC_RELAXED) !=
           page->list_published;
}

/** Write a list: begin, add all blocks, add all tags, add all call sites, end.
 *  @return what the reader wants */
memheap_stats_kind_t
memheap_stats_export_list_begin(memheap_stats_export_t *export);
void memheap_stats_export_list_add(memheap_stats_export_t *export,
                                   const memheap_stats_block_t *block);
void memheap_stats_export_list_add_tag(memheap_stats_export_t *export,
                                       const char *tag);
void memheap_stats_export_list_add_site(memheap_stats_export_t *export,
                                        const memheap_stats_site_t *site);
void memheap_stats_export_list_end(memheap_stats_export_t *export);

#endif
