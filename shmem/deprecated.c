/*
 * Deprecated routines that belong to no other chapter, and shmem_pcontrol().
 */
#include "config.h"

#include "shmem/runtime.h"

#include <pshmem.h>

void pshmem_pcontrol(int level, ...)
{
    (void)level;
}
MEMHEAP_PROFILED(shmem_pcontrol)

int p_my_pe(void)
{
    return pshmem_my_pe();
}
MEMHEAP_PROFILED(_my_pe)

int p_num_pes(void)
{
    return pshmem_n_pes();
}
MEMHEAP_PROFILED(_num_pes)

void pshmem_clear_cache_inv(void)
{
}
MEMHEAP_PROFILED(shmem_clear_cache_inv)

void pshmem_clear_cache_line_inv(void *dest)
{
    (void)dest;
}
MEMHEAP_PROFILED(shmem_clear_cache_line_inv)

void pshmem_set_cache_inv(void)
{
}
MEMHEAP_PROFILED(shmem_set_cache_inv)

void pshmem_set_cache_line_inv(void *dest)
{
    (void)dest;
}
MEMHEAP_PROFILED(shmem_set_cache_line_inv)

void pshmem_udcflush(void)
{
}
MEMHEAP_PROFILED(shmem_udcflush)

void pshmem_udcflush_line(void *dest)
{
    (void)dest;
}
MEMHEAP_PROFILED(shmem_udcflush_line)
