/*
 * What memheap offers PGAS programs beyond the standard.
 */
#ifndef MEMHEAP_SHMEM_SHMEMX_H
#define MEMHEAP_SHMEM_SHMEMX_H

#include <shmem.h>

#include <memheap/memory_policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page shmemx_heap_size  statistics of the symmetric heap
 *
 * These are extensions: other OpenSHMEM libraries do not have them. They are
 * local, and may be called from shmem_init() to shmem_finalize(). A PE asks
 * about its own heap. The heaps of all PEs are alike, so the results are too,
 * except for those about memory and pages.
 *
 * Threads: as shmem_init_thread() provides.
 */

/** Return the bytes that the symmetric heap can grow to. */
size_t shmemx_heap_size(void);

/** Return the bytes of the heap that are in no block. */
size_t shmemx_heap_free(void);

/** Return the bytes of the largest block that could be allocated, as far as
 *  the heap has space; whether the machine has the memory is not asked. */
size_t shmemx_heap_largest_free(void);

/** Return the bytes of this PE's part of the heap that take memory now, in
 *  whole pages, as the kernel says. */
size_t shmemx_heap_resident(void);

/**
 * Ask the kernel what kind of pages this PE's part of the heap has, and on
 * which NUMA nodes they lie: the effect of MEMHEAP_PAGES and MEMHEAP_PLACE.
 * Takes a time that grows with the number of mappings of the process.
 *
 * @param placement  takes what the kernel says, as memheap_get_placement()
 * @return 0; not 0, with a message, where the kernel does not say
 */
int shmemx_heap_placement(memheap_placement_t *placement);

/**
 * Give the pages of free space back to the system. Changes no block and no
 * later address, so any PE may call it alone. MEMHEAP_TRIM makes every PE do
 * so by itself.
 *
 * @param least  give back runs of pages of at least this many bytes; 0: 64 KiB
 * @return 0; not 0, with a message, if the job has several nodes, whose network
 *         may have pinned the pages, or if the system does not take them, as
 *         when they are locked in memory
 */
int shmemx_heap_trim(size_t least);

/** Return the name of the component that serves the heap; valid until
 *  shmem_finalize(). */
const char *shmemx_heap_component(void);

/** Test everything that the heap knows of its blocks.
 *
 *  @return 0; not 0, with a message, if it contradicts itself */
int shmemx_heap_check(void);

/**
 * @page shmemx_set_tag  tags and call sites of blocks
 *
 * With MEMHEAP_RECORDS or MEMHEAP_LEAKS, the heap keeps a record of each block:
 * a tag, and the place of its allocation. Without them, these calls have no
 * effect. They are extensions, and local: nothing of them need be the same on
 * all PEs.
 *
 * Threads: a tag and a place belong to the calling thread.
 */

/**
 * Give the calling thread's allocations a tag from now on.
 *
 * @param tag  a word, up to 31 bytes count; must live until the next call.
 *             NULL or "": none
 * @return the tag before
 */
const char *shmemx_set_tag(const char *tag);

/**
 * Say where the calling thread's next call of the heap comes from. The macros
 * of shmemx_sites.h do so for all calls of a source file that includes it.
 * Without this, the heap looks at the stack.
 *
 * @param file  name of the source file; NULL forgets the last place
 * @param line  number of the line
 */
void shmemx_at(const char *file, int line);

/**
 * @page shmemx_malloc_batch  several blocks of the symmetric heap at once
 *
 * These calls are extensions. They are collective, with one barrier for all
 * blocks. Either does all of its work or nothing. Where a call fails, one PE
 * prints why.
 */

/**
 * Allocate several blocks, all or none. Ends in a barrier.
 *
 * @param count   number of blocks; 0 does nothing, without a barrier
 * @param sizes   count sizes in bytes, none of them 0, the same on every PE
 * @param blocks  takes count addresses, the same on every PE; its contents are
 *                lost if the call fails
 * @return 0; not 0 on every PE if one has no space or no memory for all blocks,
 *         or if a size is 0
 */
int shmemx_malloc_batch(size_t count, const size_t *sizes, void **blocks);

/**
 * Free several blocks, all or none. Begins with a barrier, unless count is 0.
 * The blocks may come from batches or from single calls.
 *
 * @param count   number of addresses
 * @param blocks  count addresses; NULLs among them are ignored
 * @return 0; not 0 on every PE, with a message, if an address is no block or
 *         appears twice, or if a PE has no memory to look for that (above 128
 *         blocks)
 */
int shmemx_free_batch(size_t count, void *const *blocks);

/**
 * @page shmemx_space_create  spaces: symmetric heaps that the program makes
 *
 * A space is a symmetric heap of its own, with a size, a kind of memory and a
 * team of its own: a block of it lies at one address on each of the space's
 * PEs. RMA, atomics, locks, signals and collectives take such addresses like
 * those of the symmetric heap, among the space's PEs. These are extensions:
 * other OpenSHMEM libraries do not have them.
 *
 * The space belongs to the PEs that have its device, which must be the same
 * distance apart in the job. The others get SHMEMX_SPACE_INVALID, and have no
 * part of the space. A space that is not destroyed ends in shmem_finalize().
 */

/** A symmetric heap: that of the job, or one that the program made. */
typedef struct shmemx_space *shmemx_space_t;

/** No space; and the symmetric heap of all PEs. */
#define SHMEMX_SPACE_INVALID ((shmemx_space_t)0)
#define SHMEMX_SPACE_DEFAULT ((shmemx_space_t)1)

/** What the memory of a space is: the machine's memory, which every PE has; or
 *  memory of a file system, such as persistent memory or that of another node,
 *  in the folder that MEMHEAP_DEVICE_FOLDER names on the PE. A PE has that
 *  device if it can write there; no file remains there. */
#define SHMEMX_DEVICE_HOST 0
#define SHMEMX_DEVICE_FOLDER 1

/** A flag of a space: find memory for all of it at once, or fail. */
#define SHMEMX_SPACE_BACKED 1L

/** What a space is made of, the same on every PE. All zero is a space of the
 *  machine's memory that grows as it is needed. */
typedef struct shmemx_space_config {
    const char *name; /* for messages; copied, cut at 47 bytes; NULL: "space",
                         with a number */
    int device;       /* SHMEMX_DEVICE_HOST or another */
    size_t size; /* bytes on each PE; 0: up to this PE's share of the node's
                    memory, which takes memory only as it is used */
    long flags;  /* 0, or SHMEMX_SPACE_BACKED */
    memheap_memory_policy_t policy; /* kind of pages, and where they lie; zero:
                                  as MEMHEAP_PAGES and MEMHEAP_PLACE say */
} shmemx_space_config_t;

/** What a space can do: bits. The first three, and identical addresses, are
 *  always there. Direct access: shmem_ptr() works for each of its PEs. World
 *  access: every PE of the job has a part of it. */
#define SHMEMX_CAP_RMA 0x1L
#define SHMEMX_CAP_COLLECTIVES 0x2L
#define SHMEMX_CAP_ATOMICS 0x4L
#define SHMEMX_CAP_DIRECT_ACCESS 0x8L
#define SHMEMX_CAP_WORLD_ACCESS 0x10L
#define SHMEMX_CAP_IDENTICAL_ADDRESSES 0x20L

/**
 * Make a space. Collective over all PEs.
 *
 * @param config  what it is made of, the same on every PE
 * @param space   takes the space; SHMEMX_SPACE_INVALID on PEs that do not have
 *                the device, and on all if the call fails
 * @return 0; not 0 on every PE, with a message, if the space cannot be made
 */
int shmemx_space_create(const shmemx_space_config_t *config,
                        shmemx_space_t *space);

/**
 * End a space, with all blocks in it. Collective over its PEs, once they have
 * completed what they have under way. SHMEMX_SPACE_INVALID is ignored.
 *
 * @return 0; not 0 on each of its PEs, with a message, while the space's team
 *         or one that was split from it lives, and for SHMEMX_SPACE_DEFAULT
 */
int shmemx_space_destroy(shmemx_space_t space);

/**
 * As shmem_malloc(), shmem_malloc_with_hints(), shmem_calloc(), shmem_align(),
 * shmem_realloc() and shmem_free(), in a space. Collective over its PEs: an
 * allocation ends in a barrier of them, a free begins with one. A block is
 * freed in its own space.
 *
 * @return as the calls of the standard, the same on all PEs of the space. NULL
 *         at once, without a barrier, for 0 bytes and for SHMEMX_SPACE_INVALID
 */
void *shmemx_space_malloc(shmemx_space_t space, size_t size);
void *shmemx_space_malloc_with_hints(shmemx_space_t space, size_t size,
                                     long hints);
void *shmemx_space_calloc(shmemx_space_t space, size_t count, size_t size);
void *shmemx_space_align(shmemx_space_t space, size_t alignment, size_t size);
void *shmemx_space_realloc(shmemx_space_t space, void *ptr, size_t size);
void shmemx_space_free(shmemx_space_t space, void *ptr);

/** Return the team of a space's PEs, in the order of the job. It is valid until
 *  the program destroys it; SHMEM_TEAM_INVALID after that, and for no space.
 *  The space can still be used then. Local. */
shmem_team_t shmemx_space_get_team(shmemx_space_t space);

/** Set *caps to what a space can do, bits of SHMEMX_CAP_RMA and the others.
 *  Local.
 *
 *  @return 0; not 0 for SHMEMX_SPACE_INVALID */
int shmemx_space_get_caps(shmemx_space_t space, long *caps);

/** Return the bytes that a space can grow to on each PE; 0 for no space.
 *  Local. */
size_t shmemx_space_size(shmemx_space_t space);

/** As shmemx_heap_placement(), of this PE's part of a space. Local.
 *
 *  @return as shmemx_heap_placement() */
int shmemx_space_placement(shmemx_space_t space,
                           memheap_placement_t *placement);

/** Return the space that an address belongs to on this PE:
 *  SHMEMX_SPACE_DEFAULT for the symmetric heap, SHMEMX_SPACE_INVALID for none,
 *  as for a variable. Local. */
shmemx_space_t shmemx_space_of_ptr(const void *ptr);

/** Return the space whose team this is, or was split from;
 *  SHMEMX_SPACE_DEFAULT for all other teams. Local. */
shmemx_space_t shmemx_space_of_team(shmem_team_t team);

/**
 * @page shmemx_release  free that need not be collective
 *
 * A PE releases a block when it likes, in any order, from a destructor or a
 * garbage collector. The block ends when all of its PEs have released it. These
 * are extensions: other OpenSHMEM libraries do not have them.
 *
 * Such a block is freed in the next collective call that allocates, resizes or
 * frees memory of its heap, at the same point on all PEs. If an allocation
 * finds no space, it is tried again after that. What all PEs have released when
 * the library or the space ends is no leak. Each released block costs its PEs
 * about as much as shmem_free(), when it is collected; a program that releases
 * nothing pays nothing.
 */

/**
 * Release a block of the symmetric heap or of a space. The calling PE must not
 * use its copy any more; nor may it have operations on other PEs' copies under
 * way: shmem_quiet() completes them. The other PEs may use the block until they
 * release it themselves. Local.
 *
 * Threads: with SHMEM_THREAD_MULTIPLE, any thread may call at any time.
 *
 * @param ptr  a block; NULL is ignored, as is every block after
 * shmem_finalize()
 * @return 0; not 0, with a message, if no live block starts there, if this PE
 *         has released it before, or if there is no memory to keep the release
 */
int shmemx_release(void *ptr);

/** Free the blocks of the symmetric heap that all PEs have released. Collective
 *  over all PEs, and a barrier.
 *
 *  @return the number of these blocks, the same on all PEs */
size_t shmemx_heap_collect(void);

/** As shmemx_heap_collect(), for a space. Collective over its PEs. */
size_t shmemx_space_collect(shmemx_space_t space);

/** Return the bytes of the blocks of the symmetric heap that this PE has
 *  released, and that have not ended. Local. */
size_t shmemx_heap_released(void);

/** As shmemx_heap_released(), for a space. Local. */
size_t shmemx_space_released(shmemx_space_t space);

/**
 * @page shmemx_heap_save  save the symmetric heap, and go on from it later
 *
 * Each PE saves its part of the symmetric heap to a file of its own. A later
 * job of as many PEs loads it at the same addresses, so pointers within the
 * heap stay right; variables, spaces and releases are not saved. These are
 * extensions: other OpenSHMEM libraries do not have them. memheap_save(3) has
 * the same for a heap without OpenSHMEM.
 */

/**
 * Save the symmetric heap. Collective over all PEs, and a barrier at both ends:
 * puts that PEs have issued by the default context are complete in the files.
 *
 * @param root  an address in the heap from which the program finds the rest, or
 *              NULL; shmemx_heap_load() returns it
 * @param fd    this PE's file, open for writing. It is written from its
 * position on, and is not synchronized or closed
 * @return 0; not 0 on every PE, with a message, if the file of a PE cannot be
 *         written, or a context, cache or proximity stands on the heap
 */
int shmemx_heap_save(const void *root, int fd);

/**
 * Load the symmetric heap, before it has blocks: soon after shmem_init().
 * Collective over all PEs, and a barrier.
 *
 * @param fd    the file that this PE has written, open for reading at the start
 *              of the save; after a success it may be behind the end of it
 * @param root  takes the root that was saved; may be NULL
 * @return 0; not 0 on every PE, with a message and an empty heap: if a file is
 *         damaged, was written by another PE, in another save or by another
 *         number of PEs; if the component or the address of the heap is another
 *         one than that of the saved heap; if the heap has blocks or is too
 *         small; or if a PE has no memory
 */
int shmemx_heap_load(int fd, void **root);

/**
 * @page shmemx_register  memory of the program made symmetric
 *
 * Memory that each PE has from elsewhere becomes accessible to all PEs: a NumPy
 * array, a mapped file, a buffer of another library. These are extensions:
 * other OpenSHMEM libraries do not have them.
 *
 * RMA, atomics, signals, collectives and shmem_ptr() then take addresses in
 * that memory. As for variables, a call takes the calling PE's own address of
 * an object; the object of another PE is as far from the start of that PE's
 * memory.
 *
 * Private memory moves into a memory file that other PEs can map, and keeps its
 * addresses and contents; meanwhile, no thread may write to it. A forked child
 * gets a copy. A shared mapping of a file remains one; the file must have a
 * name, under which this process can open it to read and write. Memory that is
 * registered when the library ends keeps its contents.
 */

/**
 * Register memory. Collective over all PEs, and a barrier.
 *
 * @param address  of this PE's memory; a multiple of the page size. The memory
 *                 is mapped, can be written, is not on the stack and not
 *                 symmetric yet
 * @param size     bytes, the same on every PE: a multiple of the page size, and
 *                 not 0
 * @return address; NULL on every PE, with a message, if the memory of a PE
 *         cannot be registered, or if there are 62 spaces and registrations
 */
void *shmemx_register(void *address, size_t size);

/**
 * End a registration, once all PEs have completed their operations on it. The
 * memory is private again, and keeps its contents. Collective over all PEs. The
 * program frees or unmaps the memory after that.
 *
 * @param address  that was registered; all PEs name the same registration
 * @return 0; not 0 on every PE, with a message, if no registered memory starts
 *         there, or if a PE has no memory to move it back
 */
int shmemx_deregister(void *address);

#ifdef __cplusplus
}
#endif

#endif
