/*
 * Where in the program calls come from.
 *
 * A site is a file and a line, if the program says them (memheap_at()), else
 * the return addresses on the stack. A heap that keeps records has its sites in
 * a depot, each once, and names them by numbers. What an address means is
 * looked up when somebody wants to read it, and not before.
 */
#ifndef MEMHEAP_DEBUG_STACK_DEPOT_H
#define MEMHEAP_DEBUG_STACK_DEPOT_H

#include "base/hashmap.h"
#include "base/array.h"

#include <stdint.h>

/** The number of a site in its depot; 0 is none that is known. */
typedef uint32_t memheap_call_site_t;

enum {
    MEMHEAP_CALL_SITE_FRAMES = 12, /* return addresses that are kept */
    MEMHEAP_CALL_SITE_TEXT = 512   /* enough to describe most sites */
};

typedef struct memheap_stack_depot {
    memheap_hashmap_t map;   /* from a digest to the number */
    memheap_array_t entries; /* 0 is not used */
    memheap_array_t text;    /* names of files, each ended by a null byte */
    uint32_t count;
    size_t text_used;
} memheap_stack_depot_t;

/** An empty depot. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t memheap_stack_depot_open(memheap_stack_depot_t *sites,
                                          const memheap_memory_t *memory);
/** Give its memory back. A depot of zeros may be closed too. */
void memheap_stack_depot_close(memheap_stack_depot_t *sites);

/** Bytes that the depot takes. */
size_t memheap_stack_depot_size(const memheap_stack_depot_t *sites);

/** The site of the call that the thread is in; 0 if the depot has no memory
 *  for it. What memheap_at() said is used up. */
memheap_call_site_t memheap_stack_depot_capture(memheap_stack_depot_t *sites);

/** Write a site as people read it: "heat.c:42", "main at heat.c:42", or
 *  "heat+0x1139" where nothing tells more. The text is cut at room bytes, and
 *  returned. May start addr2line(1), which takes its time. */
char *memheap_call_site_describe(const memheap_stack_depot_t *sites,
                                 memheap_call_site_t site, char *text,
                                 size_t room);

/** The same of the first of some return addresses that is the program's. */
char *memheap_frames_describe(void *const *frame, int count, char *text,
                              size_t room);

/** The tag of the thread's calls; "" if there is none. */
const char *memheap_current_tag(void);

#endif
