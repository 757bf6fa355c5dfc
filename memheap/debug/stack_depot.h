/*
 * Call sites: where in the program calls come from.
 *
 * A call site is a file and a line if the program states them (memheap_at()),
 * else the return addresses on the stack. The depot of a heap stores each call
 * site once; records refer to it by number. Function and line are looked up
 * only when a call site is described. Nothing in a depot moves, so a call site
 * may be read while others are added.
 */
#ifndef MEMHEAP_DEBUG_STACK_DEPOT_H
#define MEMHEAP_DEBUG_STACK_DEPOT_H

#include "base/hashmap.h"
#include "base/array.h"
#include "memheap/debug/frames.h"

#include <stdint.h>

/** Number of a call site in its depot. 0: not known. */
typedef uint32_t memheap_call_site_t;

enum {
    MEMHEAP_CALL_SITE_FRAMES = 32, /* most return addresses of a call site */
    MEMHEAP_CALL_SITE_TEXT = MEMHEAP_FRAME_TEXT
};

/** Upper bound of the numbers of call sites. */
#define MEMHEAP_CALL_SITES ((size_t)1 << 22)

typedef struct memheap_stack_depot {
    memheap_hashmap_t map;   /* digest to number */
    memheap_array_t entries; /* index 0 is not used */
    memheap_array_t frames;  /* return addresses */
    memheap_array_t text;    /* file names, each with its null byte */
    uint32_t count;          /* of entries */
    uint32_t frames_used;    /* return addresses */
    size_t text_used;        /* bytes */
} memheap_stack_depot_t;

/** Open an empty depot, which has to be closed even if that fails.
 *  @return MEMHEAP_ERR_NO_METADATA */
memheap_status_t memheap_stack_depot_open(memheap_stack_depot_t *depot,
                                          const memheap_memory_t *memory);

/** Free the memory. All zero may be closed too. */
void memheap_stack_depot_close(memheap_stack_depot_t *depot);

/** Bytes of metadata. */
size_t memheap_stack_depot_size(const memheap_stack_depot_t *depot);

/** What the program states of this thread's current call with memheap_at(). */
typedef struct memheap_stated_site {
    const char *file; /* NULL: nothing */
    int line;
} memheap_stated_site_t;

/** Get it. A call with several blocks states it again for each. */
memheap_stated_site_t memheap_stated_site(void);

/** The call site of this thread's current call; the location that memheap_at()
 *  set is used once. @return 0 if the depot has no memory */
memheap_call_site_t memheap_stack_depot_capture(memheap_stack_depot_t *depot);

/**
 * Describe a call site: "heat.c:42", "main at heat.c:42", or "heat+0x1139" if
 * there is no debug information. May run addr2line(1), which takes a while.
 *
 * @param size  bytes of text; a longer description is cut
 * @return text
 */
char *memheap_call_site_describe(const memheap_stack_depot_t *depot,
                                 memheap_call_site_t site, char *text,
                                 size_t size);

/** The return addresses of a call site, the innermost one first, and their
 *  number in *count_p. 0: the program states file and line. */
void *const *memheap_call_site_frames(const memheap_stack_depot_t *depot,
                                      memheap_call_site_t site, int *count_p);

/**
 * Copy a call site, either to frame or to text.
 *
 * @param text  takes the place if the program states it, or none is known
 * @return the number of return addresses; 0: text has the place
 */
int memheap_call_site_copy(const memheap_stack_depot_t *depot,
                           memheap_call_site_t site,
                           uint64_t frame[MEMHEAP_CALL_SITE_FRAMES], char *text,
                           size_t size);

/** The tag of this thread's calls. "": none. */
const char *memheap_current_tag(void);

#endif
