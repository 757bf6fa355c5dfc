/*
 * Nodes that cannot be reached any more.
 *
 * The first PEs of neighbouring nodes hold a connection that nothing is sent
 * over. The kernels ask each other over it whether they are there, whatever
 * the PEs do meanwhile: so a PE that computes is not taken for lost, and a
 * node is, of which nothing is heard for a time. Networks and launchers find
 * that out themselves, but TCP with data under way tries for a quarter of an
 * hour.
 */
#ifndef MEMHEAP_COMM_NODE_MONITOR_H
#define MEMHEAP_COMM_NODE_MONITOR_H

#include "comm/job.h"

typedef struct memheap_node_monitor memheap_node_monitor_t;

typedef struct memheap_node_monitor_config {
    long timeout_s; /* after which a silent node is lost; at least 1 */
    /** Nothing was heard of a node for that long. Comes on a thread of the
     *  watch. */
    void (*lost)(void *context, const memheap_node_t *node, const char *host,
                 long timeout_s);
    void *context;
} memheap_node_monitor_config_t;

/**
 * Watch the neighbours of this node, if this is its first PE and they can be
 * connected; a job goes on without, which is logged for debugging. Collective.
 * @return NULL if this PE watches nothing
 */
memheap_node_monitor_t *
memheap_node_monitor_open(const memheap_job_t *job,
                          const memheap_node_monitor_config_t *config,
                          const memheap_log_t *log);

/** Stop. Not collective: the neighbours see that it was meant. */
void memheap_node_monitor_close(memheap_node_monitor_t *monitor);

#endif
