/*
 * Takes samples. Rates are the differences between two of them.
 */
#include "config.h"

#include "tools/top/sample.h"
#include "tools/common/cli.h"
#include "tools/top/sites.h"

#include <stdlib.h>
#include <string.h>

enum {
    GONE_LOOKS = 10 /* samples during which an ended heap is still listed */
};

static void set_line(const sample_t *sample, size_t index, double seconds,
                     top_line_t *line)
{
    const live_heap_t *heap = &sample->live.heap[index];
    const tracked_t *before = &sample->tracked[index];
    *line = (top_line_t){.pe = live_pe(&sample->live, heap),
                         .pid = heap->pid,
                         .gone = heap->gone,
                         .heap = heap->page.name,
                         .component = heap->page.component,
                         .wait = heap->page.wait,
                         .wait_s = heap->gone ? 0 : live_wait(heap),
                         .history = &before->history};
    live_stats(heap, &line->stats);
    if (!before->seen || heap->gone || seconds <= 0)
        return;
    line->allocations =
        (double)(line->stats.allocations - before->allocations) / seconds;
    line->frees = (double)(line->stats.frees - before->frees) / seconds;
}

static void forget_gone(sample_t *sample)
{
    for (size_t i = sample->tracked_count; i-- > 0;) {
        tracked_t *tracked = &sample->tracked[i];
        if (tracked->gone < GONE_LOOKS)
            continue;
        top_heap_sites_free(tracked->sites);
        live_forget(&sample->live, i);
        sample->tracked_count--;
        memmove(tracked, tracked + 1,
                (sample->tracked_count - i) * sizeof(*tracked));
    }
}

/* Make room for what is known of new heaps. */
static bool track_all(sample_t *sample)
{
    size_t count = sample->live.count;
    tracked_t *tracked =
        reallocarray(sample->tracked, count + 1, sizeof(*tracked));
    if (tracked == NULL)
        return false;
    memset(&tracked[sample->tracked_count], 0,
           (count + 1 - sample->tracked_count) * sizeof(*tracked));
    sample->tracked = tracked;
    sample->tracked_count = count;
    return true;
}

bool sample_take(sample_t *sample, bool forget)
{
    live_t *live = &sample->live;
    if (forget)
        forget_gone(sample);
    free(sample->lines);
    sample->lines = calloc(live->count + 1, sizeof(*sample->lines));
    if (sample->lines == NULL || !track_all(sample))
        return false;
    double time = cli_now();
    sample->count = live->count;
    sample->gone = 0;
    for (size_t i = 0; i < live->count; i++) {
        const live_heap_t *heap = &live->heap[i];
        tracked_t *tracked = &sample->tracked[i];
        top_line_t *line = &sample->lines[i];
        set_line(sample, i, time - sample->time, line);
        sample->gone += heap->gone;
        tracked->gone = heap->gone ? tracked->gone + 1 : 0;
        tracked->seen = true;
        tracked->allocations = line->stats.allocations;
        tracked->frees = line->stats.frees;
        top_history_add(&tracked->history, time,
                        heap->gone ? 0 : (double)line->stats.used,
                        line->allocations);
    }
    sample->time = time;
    top_line_t total = top_total(sample->lines, sample->count);
    top_history_add(&sample->history, time, (double)total.stats.used,
                    total.allocations);
    return true;
}

void sample_free(sample_t *sample)
{
    for (size_t i = 0; i < sample->tracked_count; i++)
        top_heap_sites_free(sample->tracked[i].sites);
    free(sample->tracked);
    free(sample->lines);
    live_close(&sample->live);
    *sample = (sample_t){.lines = NULL};
}
