/*
 * Address table: one record of each PE, stored once per node (the modex of
 * PMIx).
 *
 * The records lie in memory that the PEs of a node share. So a job of n PEs
 * needs n records per node, independent of the number of PEs on the node.
 */
#ifndef MEMHEAP_COMM_ADDRESS_TABLE_H
#define MEMHEAP_COMM_ADDRESS_TABLE_H

#include "comm/job.h"

#include <stddef.h>

typedef struct memheap_address_table {
    char *records; /* record i at i * stride; NULL: none */
    size_t stride; /* bytes */
    size_t bytes;  /* of all records */
} memheap_address_table_t;

/**
 * Gather the records of all PEs. Collective.
 *
 * @param record  this PE's record of size bytes; sizes may differ between PEs
 * @return the same on every PE. MEMHEAP_ERR_SYSTEM, logged;
 *         MEMHEAP_ERR_NO_METADATA
 */
memheap_status_t memheap_address_table_open(memheap_address_table_t *table,
                                            const memheap_job_t *job,
                                            const void *record, size_t size,
                                            const memheap_log_t *log);

/** Free the table. Local; a zeroed table may be closed too. */
void memheap_address_table_close(memheap_address_table_t *table);

/** The record of a PE, read-only, and its size. */
const void *memheap_address_table_at(const memheap_address_table_t *table,
                                     int pe, size_t *size_p);

#endif
