/*
 * The profiling interface: each routine of shmem.h and shmemx.h under a name
 * that a tool can call when it has put its own routine over the plain name.
 */
#ifndef MEMHEAP_SHMEM_PSHMEM_H
#define MEMHEAP_SHMEM_PSHMEM_H

#include <shmem.h>
#include <shmemx.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page pshmem  the profiling interface of OpenSHMEM
 *
 * Each routine of shmem.h and shmemx.h exists under two names: shmem_putmem()
 * has the name `pshmem_putmem` too. A tool defines a routine under the plain
 * name, which takes the library's place, and calls the one with a p in front:
 *
 *     #include <pshmem.h>
 *
 *     void shmem_barrier_all(void)
 *     {
 *         barriers++;
 *         pshmem_barrier_all();
 *     }
 *
 * Source: OpenSHMEM 1.6, chapter 10.
 */

/* Names that are overloaded in C++ are declared in full. */
#define PSHMEM_DECLARE_(name) extern __typeof__(name) p##name;
PSHMEM_DECLARE_(shmem_init)
PSHMEM_DECLARE_(shmem_init_thread)
PSHMEM_DECLARE_(shmem_query_thread)
PSHMEM_DECLARE_(shmem_finalize)
PSHMEM_DECLARE_(shmem_query_initialized)
PSHMEM_DECLARE_(shmem_global_exit)
PSHMEM_DECLARE_(shmem_my_pe)
PSHMEM_DECLARE_(shmem_n_pes)
PSHMEM_DECLARE_(shmem_pe_accessible)
PSHMEM_DECLARE_(shmem_addr_accessible)
PSHMEM_DECLARE_(shmem_ptr)
PSHMEM_DECLARE_(shmem_info_get_version)
PSHMEM_DECLARE_(shmem_info_get_name)
PSHMEM_DECLARE_(shmem_malloc)
PSHMEM_DECLARE_(shmem_calloc)
PSHMEM_DECLARE_(shmem_align)
PSHMEM_DECLARE_(shmem_malloc_with_hints)
PSHMEM_DECLARE_(shmem_realloc)
PSHMEM_DECLARE_(shmem_free)
PSHMEM_DECLARE_(shmem_team_ptr)
PSHMEM_DECLARE_(shmem_team_my_pe)
PSHMEM_DECLARE_(shmem_team_n_pes)
PSHMEM_DECLARE_(shmem_team_get_config)
PSHMEM_DECLARE_(shmem_team_translate_pe)
PSHMEM_DECLARE_(shmem_team_split_strided)
PSHMEM_DECLARE_(shmem_team_split_2d)
PSHMEM_DECLARE_(shmem_team_destroy)
PSHMEM_DECLARE_(shmem_ctx_create)
PSHMEM_DECLARE_(shmem_team_create_ctx)
PSHMEM_DECLARE_(shmem_ctx_destroy)
PSHMEM_DECLARE_(shmem_ctx_get_team)
PSHMEM_DECLARE_(shmem_ctx_session_start)
PSHMEM_DECLARE_(shmem_ctx_session_stop)
PSHMEM_DECLARE_(shmem_barrier_all)
PSHMEM_DECLARE_(shmem_sync_all)
PSHMEM_DECLARE_(shmem_team_sync)
PSHMEM_DECLARE_(shmem_barrier)
void pshmem_sync(int PE_start, int logPE_stride, int PE_size, long *pSync);
PSHMEM_DECLARE_(shmem_fence)
PSHMEM_DECLARE_(shmem_ctx_fence)
PSHMEM_DECLARE_(shmem_quiet)
PSHMEM_DECLARE_(shmem_ctx_quiet)
PSHMEM_DECLARE_(shmem_pe_quiet)
PSHMEM_DECLARE_(shmem_ctx_pe_quiet)
PSHMEM_DECLARE_(shmem_putmem)
PSHMEM_DECLARE_(shmem_ctx_putmem)
PSHMEM_DECLARE_(shmem_getmem)
PSHMEM_DECLARE_(shmem_ctx_getmem)
PSHMEM_DECLARE_(shmem_putmem_nbi)
PSHMEM_DECLARE_(shmem_ctx_putmem_nbi)
PSHMEM_DECLARE_(shmem_getmem_nbi)
PSHMEM_DECLARE_(shmem_ctx_getmem_nbi)
PSHMEM_DECLARE_(shmem_putmem_signal)
PSHMEM_DECLARE_(shmem_ctx_putmem_signal)
PSHMEM_DECLARE_(shmem_putmem_signal_nbi)
PSHMEM_DECLARE_(shmem_ctx_putmem_signal_nbi)
void pshmem_signal_add(uint64_t *sig_addr, uint64_t signal, int pe);
PSHMEM_DECLARE_(shmem_ctx_signal_add)
void pshmem_signal_set(uint64_t *sig_addr, uint64_t signal, int pe);
PSHMEM_DECLARE_(shmem_ctx_signal_set)
PSHMEM_DECLARE_(shmem_signal_fetch)
PSHMEM_DECLARE_(shmem_signal_wait_until)
PSHMEM_DECLARE_(shmem_alltoallmem)
PSHMEM_DECLARE_(shmem_alltoallsmem)
PSHMEM_DECLARE_(shmem_broadcastmem)
PSHMEM_DECLARE_(shmem_collectmem)
PSHMEM_DECLARE_(shmem_fcollectmem)
PSHMEM_DECLARE_(shmem_alltoall32)
PSHMEM_DECLARE_(shmem_alltoall64)
PSHMEM_DECLARE_(shmem_alltoalls32)
PSHMEM_DECLARE_(shmem_alltoalls64)
PSHMEM_DECLARE_(shmem_broadcast32)
PSHMEM_DECLARE_(shmem_broadcast64)
PSHMEM_DECLARE_(shmem_collect32)
PSHMEM_DECLARE_(shmem_collect64)
PSHMEM_DECLARE_(shmem_fcollect32)
PSHMEM_DECLARE_(shmem_fcollect64)
PSHMEM_DECLARE_(shmem_set_lock)
PSHMEM_DECLARE_(shmem_clear_lock)
PSHMEM_DECLARE_(shmem_test_lock)
PSHMEM_DECLARE_(shmem_pcontrol)
PSHMEM_DECLARE_(start_pes)
PSHMEM_DECLARE_(_my_pe)
PSHMEM_DECLARE_(_num_pes)
PSHMEM_DECLARE_(shmalloc)
PSHMEM_DECLARE_(shfree)
PSHMEM_DECLARE_(shrealloc)
PSHMEM_DECLARE_(shmemalign)
void pshmem_wait_until(long *ivar, int cmp, long cmp_value);
PSHMEM_DECLARE_(shmem_wait)
PSHMEM_DECLARE_(shmem_clear_cache_inv)
PSHMEM_DECLARE_(shmem_clear_cache_line_inv)
PSHMEM_DECLARE_(shmem_set_cache_inv)
PSHMEM_DECLARE_(shmem_set_cache_line_inv)
PSHMEM_DECLARE_(shmem_udcflush)
PSHMEM_DECLARE_(shmem_udcflush_line)
PSHMEM_DECLARE_(shmemx_heap_size)
PSHMEM_DECLARE_(shmemx_heap_free)
PSHMEM_DECLARE_(shmemx_heap_largest_free)
PSHMEM_DECLARE_(shmemx_heap_resident)
PSHMEM_DECLARE_(shmemx_heap_placement)
PSHMEM_DECLARE_(shmemx_heap_trim)
PSHMEM_DECLARE_(shmemx_heap_component)
PSHMEM_DECLARE_(shmemx_heap_check)
PSHMEM_DECLARE_(shmemx_set_tag)
PSHMEM_DECLARE_(shmemx_at)
PSHMEM_DECLARE_(shmemx_malloc_batch)
PSHMEM_DECLARE_(shmemx_free_batch)
PSHMEM_DECLARE_(shmemx_space_create)
PSHMEM_DECLARE_(shmemx_space_destroy)
PSHMEM_DECLARE_(shmemx_space_malloc)
PSHMEM_DECLARE_(shmemx_space_malloc_with_hints)
PSHMEM_DECLARE_(shmemx_space_calloc)
PSHMEM_DECLARE_(shmemx_space_align)
PSHMEM_DECLARE_(shmemx_space_realloc)
PSHMEM_DECLARE_(shmemx_space_free)
PSHMEM_DECLARE_(shmemx_space_get_team)
PSHMEM_DECLARE_(shmemx_space_get_caps)
PSHMEM_DECLARE_(shmemx_space_size)
PSHMEM_DECLARE_(shmemx_space_placement)
PSHMEM_DECLARE_(shmemx_space_of_ptr)
PSHMEM_DECLARE_(shmemx_space_of_team)
PSHMEM_DECLARE_(shmemx_release)
PSHMEM_DECLARE_(shmemx_heap_collect)
PSHMEM_DECLARE_(shmemx_space_collect)
PSHMEM_DECLARE_(shmemx_heap_released)
PSHMEM_DECLARE_(shmemx_space_released)
PSHMEM_DECLARE_(shmemx_heap_save)
PSHMEM_DECLARE_(shmemx_heap_load)
PSHMEM_DECLARE_(shmemx_register)
PSHMEM_DECLARE_(shmemx_deregister)

SHMEM_TYPED_ROUTINES_(pshmem_)
#undef PSHMEM_DECLARE_

#ifdef __cplusplus
}
#endif

#endif
