/*
 * How a test steers a test plug-in: it loads the shared object itself, and
 * finds this struct in it as plugin_control.
 */
#ifndef MEMHEAP_TESTS_UNIT_PLUGIN_H
#define MEMHEAP_TESTS_UNIT_PLUGIN_H

#include <memheap/component.h>

typedef struct plugin_control {
    /* What the next calls answer. */
    memheap_status_t open_status;
    memheap_status_t create_status;
    memheap_status_t check_status;
    long lowered_priority; /* 0: create() leaves it alone */
    /* 1 + the offset of an operation that the next module lacks; 0: none */
    size_t missing;
    /* What has been called so far. */
    unsigned opened, closed, created, destroyed;
    /* What create() was given. */
    long priority;
    size_t region_size;
    size_t step;
} plugin_control_t;

#endif
