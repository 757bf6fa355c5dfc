/*
 * Writes the blocks as a page for a browser, in one file.
 *
 * page.html has the page: style, script, and a line for the data. The data is
 * JSON, with seven numbers for each block (life_t), in the order in which
 * blocks were allocated. The script draws a block as a rectangle over time and
 * addresses. A heap whose blocks are those of the heap
 * before it, on another PE, is not written again.
 */
#include "config.h"

#include <memheap/component.h>

#include "memheap/debug/report.h"
#include "tools/map/map.h"
#include "tools/map/page.h"

#include <stdlib.h>
#include <string.h>

/* Get the text of a call site, "" if it is not known. */
static const char *site_of(const snapshot_t *snapshot, const life_t *life)
{
    return life->site < snapshot->site_count ? snapshot->sites[life->site].text
                                             : "";
}

/* Whether two heaps are the same one on two PEs. */
static bool are_alike(const snapshot_t *a, const snapshot_t *b)
{
    if (a->pe < 0 || b->pe < 0 || strcmp(a->name, b->name) != 0 ||
        a->life_count != b->life_count)
        return false;
    for (size_t i = 0; i < a->life_count; i++) {
        const life_t *x = &a->lives[i];
        const life_t *y = &b->lives[i];
        if (x->offset != y->offset || x->size != y->size ||
            x->from != y->from || strcmp(site_of(a, x), site_of(b, y)) != 0)
            return false;
    }
    return true;
}

static void write_title(memheap_json_t *json, const snapshot_t *first,
                        const snapshot_t *last)
{
    char title[MAP_TITLE + 2 * MAP_NAME + 64];
    if (first == last)
        snprintf(title, sizeof(title), "%s", first->title);
    else
        snprintf(title, sizeof(title), "PEs %d to %d alike: %s, %s", first->pe,
                 last->pe, first->name, first->component);
    memheap_json_string(json, "title", title);
}

static void write_heap(memheap_json_t *json, const snapshot_t *first,
                       const snapshot_t *last)
{
    char lines[MAP_FIGURES][256];
    char facts[MAP_FIGURES * 256 + 4];
    map_figures(first, lines);
    snprintf(facts, sizeof(facts), "%s; %s", lines[0], lines[1]);
    memheap_json_object(json, NULL);
    write_title(json, first, last);
    memheap_json_string(json, "facts", facts);
    memheap_json_string(json, "unit",
                        first->pid == 0 ? "operation" : "allocation");
    memheap_json_number(json, "end", first->moments);
    memheap_json_number(json, "reach", first->reach);
    memheap_json_array(json, "tags");
    for (size_t i = 0; i < first->tag_count; i++)
        memheap_json_string(json, NULL, first->tags[i]);
    memheap_json_end(json);
    memheap_json_array(json, "sites");
    for (size_t i = 0; i < first->site_count; i++) {
        const map_site_t *site = &first->sites[i];
        memheap_json_array(json, NULL);
        memheap_json_string(json, NULL, site->text);
        memheap_json_number(json, NULL, site->allocations);
        memheap_json_number(json, NULL, site->used);
        memheap_json_number(json, NULL, site->peak);
        memheap_json_number(json, NULL, site->bytes);
        memheap_json_end(json);
    }
    memheap_json_end(json);
    /* Differences are shorter than numbers. */
    uint64_t from = 0;
    memheap_json_array(json, "lives");
    for (size_t i = 0; i < first->life_count; i++) {
        const life_t *life = &first->lives[i];
        const uint64_t numbers[] = {
            life->from - from,
            life->to == 0 ? 0 : life->to - life->from + 1,
            life->offset / MEMHEAP_MIN_ALIGN,
            life->size,
            life->asked == 0 ? 0 : life->size - life->asked + 1,
            life->tag,
            life->site < first->site_count ? life->site + 1 : 0};
        for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
            memheap_json_number(json, NULL, numbers[k]);
        from = life->from;
    }
    memheap_json_end(json);
    memheap_json_end(json);
}

/* Write the data. In a page, "</script>" in a name would end the script. */
static bool write_data(FILE *file, const snapshot_t *snapshots, size_t count)
{
    char *text = NULL;
    size_t length = 0;
    memheap_json_t json = {.file = open_memstream(&text, &length)};
    if (json.file == NULL)
        return false;
    memheap_json_object(&json, NULL);
    memheap_json_array(&json, "heaps");
    for (size_t i = 0, next; i < count; i = next) {
        next = i + 1;
        while (next < count && are_alike(&snapshots[i], &snapshots[next]))
            next++;
        write_heap(&json, &snapshots[i], &snapshots[next - 1]);
    }
    memheap_json_end(&json);
    memheap_json_end(&json);
    bool good = fclose(json.file) == 0;
    for (size_t i = 0; i < length && good; i++) {
        if (text[i] == '<')
            fputs("\\u003c", file);
        else
            putc(text[i], file);
    }
    free(text);
    return good;
}

bool map_html(FILE *file, const snapshot_t *snapshots, size_t count)
{
    bool good = true;
    for (size_t i = 0; i < sizeof(page) / sizeof(page[0]); i++) {
        if (page[i] == NULL)
            good = write_data(file, snapshots, count);
        else
            fputs(page[i], file);
    }
    return good;
}
