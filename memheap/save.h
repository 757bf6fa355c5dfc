/*
 * Saving a heap and loading it, for a job: each PE has a file of its own, and
 * the files of one save belong together.
 */
#ifndef MEMHEAP_SAVE_H
#define MEMHEAP_SAVE_H

#include "memheap/heap.h"

/** What is known of a save before its blocks are read. */
typedef struct memheap_save_info {
    uint64_t number;  /* of the save: the same in the files of all PEs */
    uint32_t pe, pes; /* the PE that wrote it, and how many there were */
    uint64_t base;    /* of the heap */
    uint64_t size;    /* of its range, in bytes */
    uint64_t root;    /* an address in the heap, or 0 */
    uint64_t blocks;
    char component[32];
} memheap_save_info_t;

/** As memheap_save(). Only number, pe, pes and root of info are used. */
memheap_status_t memheap_save_part(memheap_t *heap,
                                   const memheap_save_info_t *info, int fd);

/**
 * Read what comes before the blocks.
 * @return MEMHEAP_ERR_CORRUPT, MEMHEAP_ERR_SYSTEM; logged
 */
memheap_status_t memheap_load_info(int fd, memheap_save_info_t *info,
                                   const memheap_log_t *log);

/**
 * Read the blocks into a heap without blocks, after memheap_load_info(). On
 * failure, the heap has none.
 * @return as memheap_load(), logged; MEMHEAP_ERR_BUSY: the heap has blocks
 */
memheap_status_t memheap_load_blocks(memheap_t *heap,
                                     const memheap_save_info_t *info, int fd);

/** Free all blocks, and normalize. */
void memheap_unload(memheap_t *heap);

/** As memheap_create(), over a private range at an address. `place` NULL: at
 *  any address. */
memheap_status_t memheap_create_at(void *place, const memheap_config_t *config,
                                   memheap_t **heap_p);

#endif
