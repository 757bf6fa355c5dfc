/*
 * Page kinds and NUMA placement of a region: apply a memory policy.
 *
 * Transparent huge pages come as blocks come (huge_pages.h), in a region with
 * the default pages and in one that asks for them.
 *
 * Pages of the huge page pool are reserved for the whole region before use.
 * They are populated when they are committed, because a control group may grant
 * fewer than were reserved; so a later access cannot fail. They stay in the
 * region until its end.
 */
#ifndef MEMHEAP_BASE_PAGES_H
#define MEMHEAP_BASE_PAGES_H

#include <memheap/memory_policy.h>
#include "base/params.h"
#include "base/region.h"

/** Fill in what the policy leaves unset, from the parameters. */
void memheap_pages_resolve(const memheap_params_t *params,
                           memheap_memory_policy_t *policy);

/** A kind of pages as the value of MEMHEAP_PAGES. */
const char *memheap_pages_word(memheap_page_kind_t kind);

/** The size of a region with such pages is a multiple of this, even if the
 *  pages turn out to be unavailable. */
size_t memheap_pages_unit(const memheap_memory_policy_t *policy);

/** Free bytes in the huge page pool for such pages; SIZE_MAX if the policy
 *  does not use the pool. */
size_t memheap_pages_pool(const memheap_memory_policy_t *policy);

/**
 * Apply a policy to a private or shared region of whole units, with nothing
 * committed yet. If a preferred choice is not available, logs a warning and
 * uses the default. May replace the file of a shared region.
 *
 * @return MEMHEAP_ERR_UNSUPPORTED, logged, if a mandatory choice is not
 *     available; the region must then be released. MEMHEAP_ERR_SYSTEM if its
 *     address range was lost
 */
memheap_status_t memheap_pages_apply(memheap_region_t *region,
                                     const memheap_memory_policy_t *policy,
                                     const memheap_log_t *log);

/**
 * Have the kernel populate accessible pages, and report failure by status where
 * an access would raise a signal.
 * @return 0, or an errno value; EINVAL if the kernel does not support it
 */
int memheap_pages_populate(char *address, size_t size);

/** Give another mapping of a shared region's file the same advice. */
void memheap_pages_advise(const memheap_region_t *region, void *mapping,
                          size_t size);

/**
 * Read from the kernel which pages and policy a region has, and which pages its
 * windows have. Only its first `bytes` are examined for the nodes of pages.
 * Takes time linear in the mappings of the process.
 *
 * @param windows       mappings of other PEs' memory, back to back
 * @param windows_size  bytes of all of them; 0: none
 * @return MEMHEAP_ERR_SYSTEM, logged, if /proc is not available
 */
memheap_status_t memheap_pages_query(const memheap_region_t *region,
                                     size_t bytes, const void *windows,
                                     size_t windows_size,
                                     memheap_placement_t *placement,
                                     const memheap_log_t *log);

#endif
