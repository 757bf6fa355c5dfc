/*
 * Pages of this process that move from private memory into a memory file, in
 * place, so that other processes can map them: the program's variables
 * (comm/data_segment.h), and memory that the program registers.
 */
#ifndef MEMHEAP_COMM_MOVED_PAGES_H
#define MEMHEAP_COMM_MOVED_PAGES_H

#include <memheap/log.h>
#include <memheap/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    /** Maximum number of ranges. Variables in further ones are not symmetric;
     *  linkers make one range, or two or three. */
    MEMHEAP_PAGE_RANGES = 16
};

/** Whole pages, by their offsets from the base. */
typedef struct memheap_page_range {
    size_t from, to;
    int protection; /* as for mmap() */
} memheap_page_range_t;

/** Ranges of pages. All of them move together. */
typedef struct memheap_moved_pages {
    const char *name; /* for messages: "the program's variables" */
    char *base;       /* NULL: no pages */
    size_t size;      /* bytes from the first range to the end of the last */
    int count;
    memheap_page_range_t range[MEMHEAP_PAGE_RANGES];
    int moved; /* number of ranges that lie in the memory file */
    int fd;    /* the memory file, or -1 */
    /** Where in the file the base is. Addresses and positions in the file of
     *  many pages are equal modulo the size of a huge page. */
    size_t lead;
    dev_t device;
    ino_t inode;
} memheap_moved_pages_t;

/** Whether size bytes at an address are in one range. */
bool memheap_moved_pages_contains(const memheap_moved_pages_t *pages,
                                  const void *address, size_t size);

/**
 * Move the pages into a new memory file, in place: all keep their addresses and
 * contents. No other thread may write to them meanwhile. Local.
 * @return MEMHEAP_ERR_SYSTEM, logged; the contents stay all the same
 */
memheap_status_t memheap_moved_pages_move(memheap_moved_pages_t *pages,
                                          const memheap_log_t *log);

/** Move the pages back into private memory, as memheap_moved_pages_move(), and
 *  close the file.
 *  @return MEMHEAP_ERR_SYSTEM, logged; they stay in the file */
memheap_status_t memheap_moved_pages_restore(memheap_moved_pages_t *pages,
                                             const memheap_log_t *log);

/** Back many pages with huge pages, from now on or as far as the kernel has
 *  some. They take memory at once. */
void memheap_moved_pages_back(const memheap_moved_pages_t *pages);

/** Whether all pages are in a memory file of this process, which the program
 *  has not closed. */
bool memheap_moved_pages_is_moved(const memheap_moved_pages_t *pages);

/**
 * What a fork needs, in this order. The parent copies the pages to private
 * memory before the fork. After it, the parent drops the copy, and the child
 * uses it in their place; it is private to it.
 *
 * @return the copy; NULL if nothing has moved, so that none is needed;
 *         MAP_FAILED if there is no memory
 */
void *memheap_moved_pages_copy(const memheap_moved_pages_t *pages);
void memheap_moved_pages_drop_copy(const memheap_moved_pages_t *pages,
                                   void *copy);
void memheap_moved_pages_use_copy(memheap_moved_pages_t *pages, void *copy);

#endif
