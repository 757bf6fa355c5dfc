/*
 * The component "memheap" of Open MPI's framework of the same name: libmemheap
 * allocates the symmetric heap of Open MPI's OpenSHMEM.
 *
 *     oshrun --mca memheap memheap ./program
 *
 * Open MPI reserves a range, shares it among the PEs and registers it with the
 * network. The first part is for the program, the rest for Open MPI's own
 * blocks; each has a heap. Equal calls on all PEs give equal offsets. Open MPI
 * does not compare the calls.
 *
 * Source: the interface is that of oshmem/mca/memheap/memheap.h in Open
 * MPI 4.1.
 */
#include "oshmem_config.h"

#include "adapters/common/align.h"

#include "opal/threads/thread_usage.h"
#include "oshmem/constants.h"
#include "oshmem/mca/memheap/base/base.h"
#include "oshmem/mca/memheap/memheap.h"
#include "oshmem/proc/proc.h"
#include "oshmem/runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>

/* Version strings of this component and of the Open MPI that it was built for.
 */
#define VERSION_TEXT_(number) #number
#define VERSION_TEXT(number) VERSION_TEXT_(number)
#define BUILT_FOR                                                              \
    VERSION_TEXT(OPAL_MAJOR_VERSION) "." VERSION_TEXT(OPAL_MINOR_VERSION) "."

enum {
    /* Lower than those of Open MPI's components: it serves who asks for it. */
    PRIORITY = 1,
    VERBOSE = 1
};

static memheap_t *heap;         /* the program's */
static memheap_t *private_heap; /* Open MPI's */

static int result(memheap_status_t status)
{
    switch (status) {
    case MEMHEAP_OK:
        return OSHMEM_SUCCESS;
    case MEMHEAP_ERR_BAD_ADDRESS:
    case MEMHEAP_ERR_BAD_ARGUMENT:
        return OSHMEM_ERR_BAD_PARAM;
    default:
        return OSHMEM_ERR_OUT_OF_RESOURCE;
    }
}

/* A size of 0 is no failure, and takes no block. */
static int take(memheap_t *from, size_t size, void **block_p)
{
    *block_p = NULL;
    return size == 0 ? OSHMEM_SUCCESS
                     : result(memheap_alloc(from, size, block_p));
}

static int alloc(size_t size, void **block_p)
{
    return take(heap, size, block_p);
}

static int alloc_aligned(size_t align, size_t size, void **block_p)
{
    *block_p = NULL;
    return size == 0
               ? OSHMEM_SUCCESS
               : result(adapter_alloc_aligned(heap, align, size, block_p));
}

static int resize(size_t size, void *block, void **block_p)
{
    *block_p = NULL;
    return result(size == 0 ? memheap_free(heap, block)
                            : memheap_resize(heap, block, size, block_p));
}

static int release(void *block)
{
    return result(memheap_free(heap, block));
}

static int private_alloc(size_t size, void **block_p)
{
    return take(private_heap, size, block_p);
}

static int private_free(void *block)
{
    return result(memheap_free(private_heap, block));
}

static int finalize(void)
{
    memheap_destroy(heap);
    memheap_destroy(private_heap);
    heap = private_heap = NULL;
    return OSHMEM_SUCCESS;
}

/* Create the heaps. All PEs have the same ranges. */
static int init(memheap_context_t *ranges)
{
    /* `--mca memheap` names the component of Open MPI, not that of memheap. */
    static char component[256];
    const char *wanted = getenv("MEMHEAP_COMPONENT");
    snprintf(component, sizeof(component), "MEMHEAP_COMPONENT=%s",
             wanted == NULL ? "" : wanted);
    char name[32];
    snprintf(name, sizeof(name), "pe%d", oshmem_my_proc_id());
    static const char *params[] = {NULL, NULL};
    params[0] = component;
    memheap_config_t config = {.name = name,
                               .base = ranges->user_base_addr,
                               .size = ranges->user_size,
                               .flags = opal_using_threads()
                                            ? MEMHEAP_ORDERED
                                            : MEMHEAP_SINGLE_THREADED,
                               .params = params};
    memheap_status_t status = memheap_create(&config, &heap);
    if (status != MEMHEAP_OK)
        return result(status);
    config.name = "openmpi";
    config.base = ranges->private_base_addr;
    config.size = ranges->private_size;
    static const char *quiet[] = {NULL,
                                  "MEMHEAP_GUARD=0",
                                  "MEMHEAP_LEAKS=0",
                                  "MEMHEAP_REPORT=",
                                  "MEMHEAP_TOP=none",
                                  "MEMHEAP_TRACE=",
                                  NULL};
    quiet[0] = component;
    config.params = quiet;
    status = memheap_create(&config, &private_heap);
    if (status != MEMHEAP_OK)
        finalize();
    return result(status);
}

extern mca_memheap_base_component_t mca_memheap_memheap_component;

static mca_memheap_base_module_t module = {
    .memheap_component = &mca_memheap_memheap_component,
    .memheap_finalize = finalize,
    .memheap_alloc = alloc,
    .memheap_memalign = alloc_aligned,
    .memheap_realloc = resize,
    .memheap_free = release,
    .memheap_private_alloc = private_alloc,
    .memheap_private_free = private_free,
    .memheap_get_local_mkey = mca_memheap_base_get_mkey,
    .memheap_is_symmetric_addr = mca_memheap_base_is_symmetric_addr,
    .memheap_get_all_mkeys = mca_memheap_modex_recv_all};

/* Offer the module, if this is the Open MPI that the component was built for.
 */
static int query(mca_base_module_t **module_p, int *priority_p)
{
    if (strncmp(oshmem_version_string, BUILT_FOR, sizeof(BUILT_FOR) - 1) != 0) {
        opal_output_verbose(
            VERBOSE, oshmem_memheap_base_framework.framework_output,
            "memheap: this is Open MPI %s, and the component was built "
            "for " BUILT_FOR "x",
            oshmem_version_string);
        return OSHMEM_ERR_NOT_AVAILABLE;
    }
    *module_p = (mca_base_module_t *)&module;
    *priority_p = PRIORITY;
    return OSHMEM_SUCCESS;
}

mca_memheap_base_component_t mca_memheap_memheap_component = {
    .memheap_version = {MCA_MEMHEAP_BASE_VERSION_2_0_0,
                        .mca_component_name = "memheap",
                        MCA_BASE_MAKE_VERSION(component, MEMHEAP_VERSION_MAJOR,
                                              MEMHEAP_VERSION_MINOR,
                                              MEMHEAP_VERSION_PATCH),
                        .mca_close_component = finalize,
                        .mca_query_component = query},
    .memheap_data = {.param_field = MCA_BASE_METADATA_PARAM_CHECKPOINT},
    .memheap_init = init};
