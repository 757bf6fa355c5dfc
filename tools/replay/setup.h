/*
 * What a run works on, made before the first measurement.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_SETUP_H
#define MEMHEAP_TOOLS_REPLAY_SETUP_H

#include "base/framework.h"
#include "tools/replay/options.h"
#include "tools/common/trace.h"

#include <stdio.h>

enum {
    SETUP_NAME = 64,
    SETUP_MESSAGE = 1024
};

/** A component, and one value of its parameter if that varies. */
typedef struct subject {
    char component[SETUP_NAME];
    char value[SETUP_NAME]; /* or "" */
    char name[2 * SETUP_NAME];
} subject_t;

typedef struct setup {
    trace_t *traces;
    size_t trace_count;
    size_t subject_count; /* by falling priority, in the order of the values */
    subject_t subjects[2 * MEMHEAP_COMPONENT_MAX];
    char vary[2 * SETUP_NAME]; /* the name of the parameter, or "" */
    block_t *blocks; /* zeros, as many as the trace with the most slots needs */
    uint64_t digest; /* of all operations: PEs that replay the same have one */
} setup_t;

/**
 * Load the traces and find the components. Local.
 *
 * @param setup    uninitialised; setup_free() is due in either case
 * @param message  takes what went wrong, SETUP_MESSAGE bytes at most
 */
bool setup_make(setup_t *setup, const options_t *options, char *message);

void setup_free(setup_t *setup);

/** Let heaps that are made from now on be of a subject. */
void setup_choose(const setup_t *setup, const subject_t *subject);

#endif
