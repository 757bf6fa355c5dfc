/*
 * What each PE tells all others, kept once a node.
 *
 * A record of each PE lies in memory that the node's PEs share, so a job of n
 * PEs costs a node n records, however many PEs it has.
 */
#ifndef MEMHEAP_COMM_ADDRESS_TABLE_H
#define MEMHEAP_COMM_ADDRESS_TABLE_H

#include "comm/job.h"

#include <stddef.h>

typedef struct memheap_address_table {
    char *records; /* NULL: there are none */
    size_t stride; /* from one to the next, at the PE's number */
    size_t bytes;
} memheap_address_table_t;

/**
 * Gather the records of all PEs. Collective.
 *
 * @param record  this PE's, of size bytes, which may differ between PEs
 * @return the same on every PE. MEMHEAP_ERR_SYSTEM, logged;
 *         MEMHEAP_ERR_NO_METADATA
 */
memheap_status_t memheap_address_table_open(memheap_address_table_t *table,
                                            const memheap_job_t *job,
                                            const void *record, size_t size,
                                            const memheap_log_t *log);

/** Forget the records. Local; a table of zeros may be closed too. */
void memheap_address_table_close(memheap_address_table_t *table);

/** The record of a PE, to be read alone, and its bytes. */
const void *memheap_address_table_at(const memheap_address_table_t *table,
                                     int pe, size_t *size_p);

#endif
