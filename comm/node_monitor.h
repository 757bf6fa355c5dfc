/*
 * Detects nodes that cannot be reached any more.
 *
 * The first PEs of neighbouring nodes hold an idle TCP connection. The kernels
 * probe it, independent of the PEs: so a PE that computes for long is not taken
 * for lost, and a silent node is detected after a timeout. Networks and
 * launchers detect a lost node too, but TCP retries outstanding data for a
 * quarter of an hour.
 *
 * The connections also carry a notice to all nodes, whatever their PEs do.
 */
#ifndef MEMHEAP_COMM_NODE_MONITOR_H
#define MEMHEAP_COMM_NODE_MONITOR_H

#include "comm/job.h"

typedef struct memheap_node_monitor memheap_node_monitor_t;

typedef struct memheap_node_monitor_config {
    long timeout_s; /* a node that is silent for longer is lost; at least 1 */
    /** A node is lost: its connection has failed with this error. ETIMEDOUT: it
     *  did not answer in time. Called on the thread of the monitor. */
    void (*lost)(void *context, const memheap_node_t *node, const char *host,
                 int error);
    /** Another node has sent a notice. Called once, on the thread of the
     *  monitor. */
    void (*notified)(void *context);
    void *context;
} memheap_node_monitor_config_t;

/**
 * Monitor the neighbours of this node, if this is its first PE and it can
 * connect to them. A failure is logged for debugging only. Collective.
 * @return NULL if this PE monitors nothing
 */
memheap_node_monitor_t *
memheap_node_monitor_open(const memheap_job_t *job,
                          const memheap_node_monitor_config_t *config,
                          const memheap_log_t *log);

/** Send a notice to all other nodes, once. They pass it on to each other.
 * Local; may be called in a signal handler. NULL is ignored. */
void memheap_node_monitor_notify(memheap_node_monitor_t *monitor);

/** Stop. Local: for the neighbours, a closed connection is no loss. NULL is
 *  ignored. */
void memheap_node_monitor_close(memheap_node_monitor_t *monitor);

#endif
