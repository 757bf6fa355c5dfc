/*
 * Colours, bars and histories.
 */
#include "config.h"

#include "tools/top/top.h"
#include "base/util.h"

enum {
    LEVELS = 8 /* heights of a history */
};

/* Shares of used bytes. */
static const double warning_share = 0.7;
static const double bad_share = 0.9;

const char *top_style(const top_face_t *face, top_style_t style)
{
    static const char *const sequences[] = {
        [TOP_PLAIN] = "\033[0m",    [TOP_DIM] = "\033[2m",
        [TOP_TITLE] = "\033[7m",    [TOP_MARK] = "\033[1;7;36m",
        [TOP_GRAPH] = "\033[36m",   [TOP_GOOD] = "\033[32m",
        [TOP_WARNING] = "\033[33m", [TOP_BAD] = "\033[1;31m",
    };
    return face->colours ? sequences[style] : "";
}

top_style_t top_share_style(double share)
{
    return share < warning_share ? TOP_GOOD
           : share < bad_share   ? TOP_WARNING
                                 : TOP_BAD;
}

/* The number of cells for a part of the size. A part that is not 0 has one. */
static size_t cells_of(size_t part, size_t size, size_t width)
{
    if (part == 0 || size == 0)
        return 0;
    if (part >= size)
        return width;
    double share = (double)part / (double)size;
    size_t cells = (size_t)(share * (double)width + 0.5);
    return memheap_max(cells, 1);
}

static void repeat(FILE *file, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        fputs(text, file);
}

void top_bar(FILE *file, const top_face_t *face, const memheap_stats_t *stats,
             size_t width)
{
    size_t used = cells_of(stats->used, stats->size, width);
    size_t peak =
        memheap_max(cells_of(stats->peak, stats->size, width), used) - used;
    double share =
        stats->size == 0 ? 0 : (double)stats->used / (double)stats->size;
    fprintf(file, "[%s", top_style(face, top_share_style(share)));
    repeat(file, face->utf8 ? "█" : "#", used);
    fputs(top_style(face, TOP_PLAIN), file);
    fputs(top_style(face, TOP_DIM), file);
    repeat(file, face->utf8 ? "▒" : "-", peak);
    fputs(top_style(face, TOP_PLAIN), file);
    fprintf(file, "%*s]", (int)(width - used - peak), "");
}

void top_spark(FILE *file, const top_face_t *face,
               const double values[TOP_SECONDS], size_t width)
{
    static const char *const blocks[LEVELS] = {"▁", "▂", "▃", "▄",
                                               "▅", "▆", "▇", "█"};
    static const char *const letters[LEVELS] = {"_", ".", ":", "-",
                                                "=", "+", "*", "#"};
    double most = 0;
    for (size_t i = 0; i < TOP_SECONDS; i++)
        most = values[i] > most ? values[i] : most;
    fputs(top_style(face, TOP_GRAPH), file);
    for (size_t cell = 0; cell < width; cell++) {
        size_t from = cell * TOP_SECONDS / width;
        size_t to = memheap_max((cell + 1) * TOP_SECONDS / width, from + 1);
        double highest = -1;
        for (size_t i = from; i < to; i++)
            highest = values[i] > highest ? values[i] : highest;
        size_t level =
            most > 0 && highest > 0
                ? memheap_min((size_t)(highest / most * LEVELS), LEVELS - 1)
                : 0;
        fputs(highest < 0  ? " "
              : face->utf8 ? blocks[level]
                           : letters[level],
              file);
    }
    fputs(top_style(face, TOP_PLAIN), file);
}

/* Move values to the left, and repeat one on the right. */
static void shift(double values[TOP_SECONDS], size_t seconds, double value)
{
    for (size_t i = 0; i < TOP_SECONDS; i++)
        values[i] = i + seconds < TOP_SECONDS ? values[i + seconds] : value;
}

void top_history_add(top_history_t *history, double now, double used,
                     double allocations)
{
    uint64_t second = (uint64_t)now;
    bool is_new = history->second == 0;
    size_t seconds = is_new
                         ? TOP_SECONDS
                         : memheap_min(second - history->second, TOP_SECONDS);
    shift(history->used, seconds, is_new ? -1 : used);
    shift(history->allocations, seconds, is_new ? -1 : allocations);
    history->used[TOP_SECONDS - 1] = used;
    history->allocations[TOP_SECONDS - 1] = allocations;
    history->second = second;
}
