/*
 * Counts the blocks of a trace by groups.
 */
#include "config.h"

#include "tools/common/trace.h"

#include <stdlib.h>

uint32_t trace_site_of(const trace_t *trace, size_t op, uint32_t before)
{
    return trace->ops[op].kind == TRACE_RESIZE ? before
                                               : trace->labels[op].site;
}

/* A block is in a group now, and is larger there by `growth` than before. */
static void enter(trace_counts_t *counts, size_t size, size_t growth)
{
    counts->used += size;
    counts->live_blocks++;
    if (counts->peak < counts->used)
        counts->peak = counts->used;
    if (__builtin_add_overflow(counts->bytes, growth, &counts->bytes))
        counts->bytes = UINT64_MAX;
}

static void leave(trace_counts_t *counts, size_t size)
{
    counts->used -= size;
    counts->live_blocks--;
}

/* A live block. */
typedef struct member {
    size_t size; /* 0: not live */
    uint32_t group;
} member_t;

bool trace_count(const trace_t *trace, size_t operations, trace_group_t group,
                 trace_counts_t *counts)
{
    member_t *members = calloc(trace->slots + 1, sizeof(*members));
    if (members == NULL)
        return false;
    for (size_t i = 0; i < operations; i++) {
        const trace_op_t *op = &trace->ops[i];
        member_t *member = &members[op->slot];
        bool is_new = member->size == 0;
        if (!is_new)
            leave(&counts[member->group], member->size);
        if (op->kind != TRACE_FREE) {
            size_t growth =
                op->size > member->size ? op->size - member->size : 0;
            member->group = group(trace, i, member->group);
            enter(&counts[member->group], op->size, growth);
            counts[member->group].allocations += is_new;
        }
        member->size = op->size;
    }
    free(members);
    return true;
}
