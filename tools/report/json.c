/*
 * Reads reports. A file is untrusted input: each value that is used is checked
 * here.
 */
#include "config.h"

#include "tools/report/report.h"
#include "base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* An object of the document, and where it is. */
typedef struct place {
    const char *file;
    char name[96]; /* "heaps[0].sites[3]" */
    json_t *object;
} place_t;

static bool wrong(const place_t *place, const char *key, const char *what)
{
    return cli_fail(&report_cli, "%s is no report of memheap: %s%s%s %s",
                    place->file, place->name,
                    place->name[0] == '\0' || key[0] == '\0' ? "" : ".", key,
                    what);
}

/* Go to member `index` of the array `key`, or to the object `key` if the index
 * is negative. */
static bool enter(const place_t *place, const char *key, int64_t index,
                  place_t *inner)
{
    *inner = (place_t){.file = place->file,
                       .object = json_object_get(place->object, key)};
    const char *dot = place->name[0] == '\0' ? "" : ".";
    if (index < 0) {
        snprintf(inner->name, sizeof(inner->name), "%.60s%s%s", place->name,
                 dot, key);
    } else {
        snprintf(inner->name, sizeof(inner->name), "%.60s%s%s[%lld]",
                 place->name, dot, key, (long long)index);
        inner->object = json_array_get(inner->object, (size_t)index);
    }
    return json_is_object(inner->object) || wrong(inner, "", "is no object");
}

static bool get_array(const place_t *place, const char *key, size_t *count_p)
{
    const json_t *array = json_object_get(place->object, key);
    *count_p = json_array_size(array);
    return json_is_array(array) || wrong(place, key, "is no array");
}

static bool get_text(const place_t *place, const char *key, char **text_p)
{
    const char *text = json_string_value(json_object_get(place->object, key));
    if (text == NULL)
        return wrong(place, key, "is no text");
    *text_p = memheap_text_clean(report_copy(text));
    return true;
}

static bool get_number(const place_t *place, const char *key, uint64_t *number)
{
    const json_t *value = json_object_get(place->object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return wrong(place, key, "is no whole number from 0 on");
    *number = (uint64_t)json_integer_value(value);
    return true;
}

static bool get_counts(const place_t *place, counts_t *counts)
{
    for (int i = 0; i < COUNTS; i++) {
        if (!get_number(place, report_counts[i].key, &counts->value[i]))
            return false;
    }
    return true;
}

/* Get the statistics that are there: other versions may have others. */
static bool get_stats(const place_t *place, heap_t *heap)
{
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++) {
        const memheap_stat_t *stat = &memheap_stat_table[i];
        const json_t *value = json_object_get(place->object, stat->name);
        heap->known[i] = value != NULL;
        if (value == NULL)
            continue;
        if (stat->unit != MEMHEAP_UNIT_PPM) {
            if (!get_number(place, stat->name, &heap->stats[i]))
                return false;
            continue;
        }
        double part = json_number_value(value);
        if (!json_is_number(value) || !(part >= 0 && part <= 1))
            return wrong(place, stat->name, "is no number from 0 to 1");
        heap->stats[i] = (uint64_t)(part * 1e6 + 0.5);
    }
    return true;
}

/* Join the frames of a path to a folded stack. */
static bool get_frames(const place_t *place, char **frames_p)
{
    size_t count;
    size_t length = 0;
    if (!get_array(place, "frames", &count))
        return false;
    const json_t *frames = json_object_get(place->object, "frames");
    for (size_t i = 0; i < count; i++) {
        const json_t *frame = json_array_get(frames, i);
        if (!json_is_string(frame))
            return wrong(place, "frames", "has a member that is no text");
        length += json_string_length(frame) + 1;
    }
    char *text = report_room(length);
    char *end = text;
    for (size_t i = count; i-- > 0;) {
        char *start = end;
        end = stpcpy(end, json_string_value(json_array_get(frames, i)));
        while ((start = strchr(start, ';')) != NULL)
            *start = ',';
        if (i > 0)
            *end++ = ';';
    }
    *end = '\0';
    *frames_p = memheap_text_clean(text);
    return true;
}

static bool get_site(const place_t *place, site_t *site)
{
    size_t count = 0;
    if (!get_text(place, "site", &site->text) ||
        !get_counts(place, &site->counts) ||
        (json_object_get(place->object, "paths") != NULL &&
         !get_array(place, "paths", &count)))
        return false;
    for (size_t i = 0; i < count; i++) {
        place_t inner;
        path_t *path =
            report_add(&site->paths, &site->path_count, sizeof(*site->paths));
        if (!enter(place, "paths", (int64_t)i, &inner) ||
            !get_frames(&inner, &path->frames) ||
            !get_counts(&inner, &path->counts))
            return false;
    }
    return true;
}

static bool get_heap(const place_t *place, heap_t *heap)
{
    place_t inner;
    size_t count;
    bool is_job = json_object_get(place->object, "pes") != NULL;
    if (!get_text(place, "heap", &heap->name) ||
        !get_text(place, "component", &heap->component) ||
        (is_job && !get_number(place, "pes", &heap->pes)) ||
        !enter(place, is_job ? "max" : "stats", -1, &inner) ||
        !get_stats(&inner, heap) || !get_array(place, "sites", &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        site_t *site =
            report_add(&heap->sites, &heap->site_count, sizeof(*heap->sites));
        if (!enter(place, "sites", (int64_t)i, &inner) ||
            !get_site(&inner, site))
            return false;
    }
    return true;
}

static bool get_heaps(const place_t *place, report_t *report)
{
    size_t count;
    if (!json_is_object(place->object))
        return wrong(place, "it", "is no object");
    if (!get_array(place, "heaps", &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        place_t inner;
        heap_t *heap = report_add(&report->heaps, &report->heap_count,
                                  sizeof(*report->heaps));
        if (!enter(place, "heaps", (int64_t)i, &inner) ||
            !get_heap(&inner, heap))
            return false;
    }
    return true;
}

bool report_load_json(report_t *report, FILE *file)
{
    json_error_t error;
    place_t place = {.file = report->file,
                     .object = json_loadf(file, 0, &error)};
    if (place.object == NULL)
        return cli_fail(&report_cli,
                        "%s is no report of memheap: line %d, column %d: %s",
                        report->file, error.line, error.column, error.text);
    bool good = get_heaps(&place, report);
    json_decref(place.object);
    return good;
}
