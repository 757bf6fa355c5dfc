/*
 * Gathers a record of each PE: each writes its own into memory that its node
 * shares, and the first PEs of the nodes exchange the records of their nodes.
 */
#include "config.h"

#include "comm/address_table.h"
#include "comm/window.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The record of a PE, preceded by its size. */
static char *record_at(const memheap_address_table_t *table, int pe)
{
    return table->records + (size_t)pe * table->stride;
}

/* Buffers of the first PE of a node, for the exchange. */
typedef struct exchange {
    char *all;          /* the records of all nodes, back to back */
    char *mine;         /* the records of this node */
    int *sizes;         /* of each node's records in `all` */
    int *displacements; /* of each node's records in `all` */
} exchange_t;

static void exchange_free(exchange_t *exchange)
{
    free(exchange->all);
    free(exchange->mine);
    free(exchange->sizes);
    free(exchange->displacements);
}

static memheap_status_t exchange_alloc(exchange_t *exchange,
                                       const memheap_job_t *job, size_t stride)
{
    size_t nodes = (size_t)job->node_count;
    exchange->all = malloc((size_t)job->size * stride);
    exchange->mine = malloc((size_t)job->node_size * stride);
    exchange->sizes = calloc(nodes, sizeof(*exchange->sizes));
    exchange->displacements = calloc(nodes, sizeof(*exchange->displacements));
    return exchange->all == NULL || exchange->mine == NULL ||
                   exchange->sizes == NULL || exchange->displacements == NULL
               ? MEMHEAP_ERR_NO_METADATA
               : MEMHEAP_OK;
}

/* Send this node's records to the other nodes, and receive theirs. */
static void exchange_run(exchange_t *exchange, const memheap_job_t *job,
                         memheap_address_table_t *table)
{
    size_t stride = table->stride;
    int displacement = 0;
    for (int n = 0; n < job->node_count; n++) {
        exchange->sizes[n] = job->nodes[n].size * (int)stride;
        exchange->displacements[n] = displacement;
        displacement += exchange->sizes[n];
    }
    for (int i = 0; i < job->node_size; i++)
        memcpy(exchange->mine + (size_t)i * stride,
               record_at(table, memheap_job_pe_on_node(job, i)), stride);
    memheap_job_leaders_gather(job, exchange->mine, exchange->sizes,
                               exchange->displacements, exchange->all);
    const char *record = exchange->all;
    for (int n = 0; n < job->node_count; n++) {
        const memheap_node_t *node = &job->nodes[n];
        for (int i = 0; i < node->size; i++, record += stride)
            memcpy(record_at(table, node->start + i * node->stride), record,
                   stride);
    }
}

memheap_status_t memheap_address_table_open(memheap_address_table_t *table,
                                            const memheap_job_t *job,
                                            const void *record, size_t size,
                                            const memheap_log_t *log)
{
    size_t longest = ~memheap_job_min(job, ~size, NULL);
    size_t stride =
        memheap_align_up(sizeof(size) + longest, _Alignof(max_align_t));
    size_t bytes = memheap_align_up((size_t)job->size * stride,
                                    (size_t)sysconf(_SC_PAGESIZE));
    memheap_status_t status = MEMHEAP_OK;
    exchange_t exchange = {NULL, NULL, NULL, NULL};
    void *address = NULL;
    int fd = -1;
    if (job->node_rank == 0) {
        status = exchange_alloc(&exchange, job, stride);
        if (status == MEMHEAP_OK)
            status = memheap_memory_file_create("memheap-addresses", NULL,
                                                bytes, &fd, log);
    }
    memheap_status_t mapped =
        memheap_window_open_first(job, fd, bytes, log, &address);
    if (status == MEMHEAP_OK)
        status = mapped;
    status = memheap_job_worst(job, status);
    if (status == MEMHEAP_OK) {
        *table = (memheap_address_table_t){address, stride, bytes};
        memheap_log_write(log, MEMHEAP_LOG_DEBUG,
                          "each PE publishes %zu bytes, stored once per node",
                          stride);
        char *record_p = record_at(table, job->rank);
        memcpy(record_p, &size, sizeof(size));
        memcpy(record_p + sizeof(size), record, size);
        memheap_job_node_barrier(job);
        if (job->node_rank == 0)
            exchange_run(&exchange, job, table);
        memheap_job_node_barrier(job);
    } else if (address != NULL) {
        munmap(address, bytes);
    }
    exchange_free(&exchange);
    if (fd >= 0)
        close(fd);
    return status;
}

void memheap_address_table_close(memheap_address_table_t *table)
{
    if (table->records != NULL)
        munmap(table->records, table->bytes);
    *table = (memheap_address_table_t){0};
}

const void *memheap_address_table_at(const memheap_address_table_t *table,
                                     int pe, size_t *size_p)
{
    const char *record_p = record_at(table, pe);
    memcpy(size_p, record_p, sizeof(*size_p));
    return record_p + sizeof(*size_p);
}
