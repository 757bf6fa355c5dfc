/*
 * The profiling interface: each routine of shmem.h and shmemx.h under a name
 * that a tool can call when it has put its own routine over the plain name.
 */
#ifndef MEMHEAP_SHMEM_PSHMEM_H
#define MEMHEAP_SHMEM_PSHMEM_H

#include <shmem.h>

#ifdef __cplusplus
extern "C" {
#endif

void pshmem_init(void);
int pshmem_init_thread(int requested, int *provided);
void pshmem_query_thread(int *provided);
void pshmem_finalize(void);
void pshmem_query_initialized(int *initialized);
void pshmem_global_exit(int status);
int pshmem_my_pe(void);
int pshmem_n_pes(void);
int pshmem_pe_accessible(int pe);
int pshmem_addr_accessible(const void *addr, int pe);
void *pshmem_ptr(const void *dest, int pe);
void pshmem_info_get_version(int *major, int *minor);
void pshmem_info_get_name(char *name);
void *pshmem_malloc(size_t size);
void *pshmem_calloc(size_t count, size_t size);
void *pshmem_align(size_t alignment, size_t size);
void *pshmem_malloc_with_hints(size_t size, long hints);
void *pshmem_realloc(void *ptr, size_t size);
void pshmem_free(void *ptr);
void pshmem_barrier_all(void);
void pshmem_sync_all(void);
void pshmem_fence(void);
void pshmem_quiet(void);
void pshmem_putmem(void *dest, const void *source, size_t nelems, int pe);
void pshmem_getmem(void *dest, const void *source, size_t nelems, int pe);
void pshmem_putmem_nbi(void *dest, const void *source, size_t nelems, int pe);
void pshmem_getmem_nbi(void *dest, const void *source, size_t nelems, int pe);
void pstart_pes(int npes);
void *pshmalloc(size_t size);
void pshfree(void *ptr);
void *pshrealloc(void *ptr, size_t size);
void *pshmemalign(size_t alignment, size_t size);

size_t pshmemx_heap_size(void);
size_t pshmemx_heap_free(void);
size_t pshmemx_heap_largest_free(void);
const char *pshmemx_heap_component(void);
int pshmemx_heap_check(void);
int pshmemx_malloc_batch(size_t count, const size_t *sizes, void **blocks);
int pshmemx_free_batch(size_t count, void *const *blocks);

#ifdef __cplusplus
}
#endif

#endif
