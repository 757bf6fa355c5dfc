/*
 * Prepares the input of a run: traces and components.
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

/** A component, with one value of its parameter if --param is given. */
typedef struct subject {
    char component[SETUP_NAME];
    char value[SETUP_NAME]; /* value of the parameter, or "" */
    char name[2 * SETUP_NAME];
} subject_t;

typedef struct setup {
    trace_t *traces;
    size_t trace_count;
    size_t subject_count; /* by descending priority, then by value */
    subject_t subjects[2 * MEMHEAP_COMPONENT_MAX];
    char vary[2 * SETUP_NAME]; /* name of the parameter, or "" */
    block_t *blocks;           /* zeroed; enough for every trace */
    uint64_t digest; /* digest of traces and subjects; the same on all PEs */
} setup_t;

/**
 * Load the traces and find the components. Local.
 *
 * @param setup    uninitialized; call setup_free() even if this call fails
 * @param message  receives the error, at most SETUP_MESSAGE bytes
 */
bool setup_make(setup_t *setup, const options_t *options, char *message);

void setup_free(setup_t *setup);

/** Select the subject of all heaps that are created from now on. */
void setup_choose(const setup_t *setup, const subject_t *subject);

#endif
