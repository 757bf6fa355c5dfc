/*
 * Page kinds and places of regions: how what is asked for is had.
 *
 * Pages of the huge page pool are reserved for the whole of a region before it
 * is used, and touched by the kernel as it is backed, since a control group may
 * grant less than is reserved; so that none of them can be missing when the
 * program touches it. They stay with the region to the end.
 */
#ifndef MEMHEAP_BASE_PAGES_H
#define MEMHEAP_BASE_PAGES_H

#include <memheap/memory_policy.h>
#include "base/params.h"
#include "base/region.h"

/** Let the parameters say what is unsaid. */
void memheap_pages_resolve(const memheap_params_t *params,
                           memheap_memory_policy_t *policy);

/** What the size of a region for such pages is a multiple of, whether they can
 *  be had or not. */
size_t memheap_pages_unit(const memheap_memory_policy_t *policy);

/** Bytes of the machine's huge page pool that a region can be made of; SIZE_MAX
 *  if it is not asked to be. */
size_t memheap_pages_pool(const memheap_memory_policy_t *policy);

/**
 * Have a region as it is asked for, which is private or shared, has a size of
 * whole units, and is not backed yet. What is preferred and cannot be had is a
 * warning. A shared region may change its file.
 *
 * @return MEMHEAP_ERR_UNSUPPORTED, logged, for what is mandatory; the region is
 *         to be released then. MEMHEAP_ERR_SYSTEM if its range was lost
 */
memheap_status_t memheap_pages_apply(memheap_region_t *region,
                                     const memheap_memory_policy_t *policy,
                                     const memheap_log_t *log);

/** Have the kernel touch what may be written: where that would end in a signal,
 *  it says so. @return 0, or what errno says; EINVAL if the kernel cannot */
int memheap_pages_populate(char *address, size_t size);

/** Give another mapping of a shared region's file the same advice. */
void memheap_pages_advise(const memheap_region_t *region, void *mapping,
                          size_t size);

/**
 * What the kernel says of a region, looking at its first bytes for where pages
 * lie. Takes a time that grows with the mappings of the process.
 * @return MEMHEAP_ERR_SYSTEM, logged, where there is no /proc
 */
memheap_status_t memheap_pages_query(const memheap_region_t *region,
                                     size_t bytes,
                                     memheap_placement_t *placement,
                                     const memheap_log_t *log);

#endif
