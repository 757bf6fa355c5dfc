/*
 * Transparent huge pages of a region: which memory gets them, and when.
 *
 * The range is cut into units of one huge page (2 MiB). A unit is backed when
 *
 *   - a block covers it; or
 *   - the end of the blocks grows into it, and `least` bytes of it are in
 *     blocks: an eighth, or any byte if the policy asks for huge pages.
 *
 *     unit       0              1              2              3
 *     blocks     |##############|##############|####          |
 *     backed     |<------------>|<------------>|  at `next`
 *
 * A heap that grows by small blocks is backed a sixteenth ahead. So a heap
 * takes at most that and 2 MiB more than its blocks, for each stretch in which
 * they lie side by side. Little heaps and ends of heaps have small pages.
 *
 * Pages of a memory file become huge only on request. One page of the unit is
 * touched; MADV_COLLAPSE (Linux 6.1) then makes the unit one huge page, which
 * takes memory, and maps it. The request comes before the block is used,
 * because the kernel copies what was touched before. Other mappings of the file
 * use the huge page if address and offset are equal modulo its size. Private
 * memory gets advice (MADV_HUGEPAGE) instead, and takes memory when a unit is
 * touched.
 *
 * Invariants: all units below `end` that are in blocks were backed, or tried;
 * `next` is above the end of the blocks.
 */
#ifndef MEMHEAP_BASE_HUGE_PAGES_H
#define MEMHEAP_BASE_HUGE_PAGES_H

#include <memheap/log.h>
#include <memheap/status.h>

#include <stdbool.h>
#include <stddef.h>

struct memheap_region;

typedef struct memheap_huge_pages {
    size_t unit;  /* bytes of a huge page; 0: the region gets none */
    size_t least; /* bytes of a unit in blocks before it is backed */
    size_t start; /* of the last stretch of blocks side by side */
    size_t end;   /* of the last unit that growth backed */
    size_t next;  /* growth that reaches this offset backs units */
    /** Units below the end may have small pages: what a block passed over, or
     *  what was given back. Blocks of a unit or more may cover them. */
    bool has_gaps;
    unsigned failures; /* in sequence; after a few, no more is tried */
} memheap_huge_pages_t;

/** Let a private or shared region have huge pages from now on. Its unit of
 *  commitment becomes that of the pages, if it has room for one. */
void memheap_huge_pages_enable(struct memheap_region *region);

/**
 * Back a new block. Its memory is committed, and not used yet.
 *
 * @param offset  of the block
 * @param end     the end of what its caller asked for
 * @return MEMHEAP_ERR_NO_MEMORY, logged, if the policy demands huge pages and
 *         there is none
 */
memheap_status_t memheap_huge_pages_back(struct memheap_region *region,
                                         size_t offset, size_t end,
                                         const memheap_log_t *log);

/** Before [*start_p, *end_p) is given back: leave the part of a huge page at
 *  each end out if it is below a half, since the page would be split. */
void memheap_huge_pages_clip(const struct memheap_region *region,
                             size_t *start_p, size_t *end_p);

/** Have the kernel back whole units of a mapped memory file. They take memory
 *  at once. Memory that was touched before is copied.
 *  @return 0 or an errno value; the units before the first failure are backed
 */
int memheap_huge_pages_collapse(char *start, size_t size, size_t unit);

/** Try to get a huge page for a memory file. @return 0, or why there is none,
 *  as an errno value. Takes less than a millisecond */
int memheap_huge_pages_try(void);

#endif
