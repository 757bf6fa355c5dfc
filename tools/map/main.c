/*
 * memheap-map: draws the blocks of heaps and the free space between them.
 *
 * A running heap receives a request for its list of blocks, and publishes the
 * list at the end of its next call. A trace is replayed up to the given moment.
 */
#include "config.h"

#include "tools/common/cli.h"
#include "tools/map/map.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "Usage: memheap-map [OPTION]... PID...\n"
    "       memheap-map [OPTION]... TRACE\n"
    "       memheap-map --html [OPTION]... TRACE...\n"
    "Draw where the blocks of a heap lie, and the free space between them: of\n"
    "running processes, or as a recorded trace leaves it.\n"
    "\n"
    "  -j, --job PID         the processes that PID, which is mpirun's, "
    "started\n"
    "      --pe N            only this PE of them\n"
    "  -H, --heap NAME       only heaps of this name\n"
    "  -w, --wait S          seconds to wait for a heap to be called "
    "(default: 10)\n"
    "  -a, --at WHEN         of a trace: peak, end, or a number of\n"
    "                        operations (default: peak)\n"
    "  -c, --component NAME  the allocator that serves a trace\n"
    "      --color BY        size, age, tag or site (default: size)\n"
    "  -t, --text            text, and no SVG; the default on a terminal\n"
    "      --json            a list of the blocks, as JSON\n"
    "      --html            a page for a browser: all blocks over time; "
    "several\n"
    "                        traces, or several -c, side by side\n"
    "  -o, --output FILE     where the picture goes\n"
    "  -h, --help            print this text\n"
    "  -V, --version         print the version\n"
    "\n"
    "The age, tag and call site of blocks are known to heaps that keep "
    "records\n"
    "(MEMHEAP_RECORDS=1), and in their traces; the age in each trace.\n";

typedef struct options {
    pid_t *pids;
    size_t pid_count;
    bool jobs;
    int pe; /* -1: all PEs */
    const char *heap;
    double wait;
    const char **traces;
    size_t trace_count;
    const char *at;
    const char **components;
    size_t component_count;
    map_colour_t by;
    bool text, json, html;
    const char *output;
} options_t;

enum {
    PE = 256,
    COLOR,
    JSON,
    HTML
};

static const struct option known[] = {
    {"job", required_argument, NULL, 'j'},
    {"pe", required_argument, NULL, PE},
    {"heap", required_argument, NULL, 'H'},
    {"wait", required_argument, NULL, 'w'},
    {"at", required_argument, NULL, 'a'},
    {"component", required_argument, NULL, 'c'},
    {"color", required_argument, NULL, COLOR},
    {"text", no_argument, NULL, 't'},
    {"json", no_argument, NULL, JSON},
    {"html", no_argument, NULL, HTML},
    {"output", required_argument, NULL, 'o'},
    CLI_OPTIONS,
};

static const cli_t cli = {"memheap-map", usage, "j:H:w:a:c:to:hV", known};

typedef struct picture {
    snapshot_t *snapshots;
    size_t count;
    places_t places; /* of call sites */
} picture_t;

static bool is_wanted(const options_t *options, const live_t *live,
                      const live_heap_t *heap)
{
    return (options->pe < 0 || live_pe(live, heap) == options->pe) &&
           (options->heap == NULL ||
            strcmp(options->heap, heap->page.name) == 0);
}

/* Compare by PE, the order of the panels. */
static int compare_heaps(const void *a, const void *b)
{
    const live_heap_t *left = a;
    const live_heap_t *right = b;
    if (left->page.pe != right->page.pe)
        return left->page.pe < right->page.pe ? -1 : 1;
    if (left->pid != right->pid)
        return left->pid < right->pid ? -1 : 1;
    return left->number - right->number;
}

/* Send all requests before the first wait. The heaps of a job then publish
 * their lists in the same collective call, or nearly so. */
static bool take_live(const options_t *options, live_t *live,
                      picture_t *picture)
{
    char message[MAP_MESSAGE];
    pid_t bad = 0;
    int error = live_find(live, options->jobs ? LIVE_JOBS : LIVE_PROCESSES,
                          options->pids, options->pid_count, &bad);
    if (error != 0) {
        return cli_fail(&cli, "cannot look at process %ld (%s)", (long)bad,
                        strerror(error));
    }
    if (live->count > 0)
        qsort(live->heap, live->count, sizeof(*live->heap), compare_heaps);
    picture->snapshots = calloc(live->count + 1, sizeof(*picture->snapshots));
    if (picture->snapshots == NULL)
        return cli_fail(&cli, "there is no memory for the picture");
    double end = cli_now() + options->wait;
    for (size_t i = 0; i < live->count; i++) {
        if (is_wanted(options, live, &live->heap[i]))
            snapshot_ask(&live->heap[i], end);
    }
    bool good = true;
    for (size_t i = 0; i < live->count; i++) {
        live_heap_t *heap = &live->heap[i];
        if (!is_wanted(options, live, heap))
            continue;
        if (snapshot_fetch(heap, live_pe(live, heap), options->wait,
                           &picture->places,
                           &picture->snapshots[picture->count], message))
            picture->count++;
        else
            good = cli_fail(&cli, "%s", message);
    }
    if (picture->count == 0 && good && live->error != 0)
        return cli_fail(&cli, "the heaps cannot be read (%s)",
                        strerror(live->error));
    if (picture->count == 0 && good)
        return cli_fail(
            &cli, "there is no such heap to be seen; MEMHEAP_TOP=all shows "
                  "those outside of jobs of several PEs");
    return picture->count > 0;
}

/* Replay a trace with a component, and add a snapshot. */
static bool take_trace(const options_t *options, const char *trace,
                       const char *component, picture_t *picture)
{
    char message[MAP_MESSAGE];
    snapshot_t *snapshot = &picture->snapshots[picture->count];
    bool good = options->html
                    ? snapshot_replay_lives(trace, component, &picture->places,
                                            snapshot, message)
                    : snapshot_replay(trace, options->at, component,
                                      &picture->places, snapshot, message);
    if (good) {
        picture->count++;
        return true;
    }
    return message[0] != '\0' && cli_fail(&cli, "%s", message);
}

static bool take_traces(const options_t *options, picture_t *picture)
{
    const char *setting = getenv("MEMHEAP_COMPONENT");
    const char *only[] = {setting == NULL ? "" : setting};
    bool chosen = options->component_count > 0;
    const char *const *components = chosen ? options->components : only;
    size_t count = chosen ? options->component_count : 1;
    if (options->by == MAP_BY_AGE)
        setenv("MEMHEAP_RECORDS", "1", 1);
    /* The settings of the user for tracing and reports are not meant for this
     * replay. */
    unsetenv("MEMHEAP_TRACE");
    unsetenv("MEMHEAP_REPORT");
    picture->snapshots =
        calloc(options->trace_count * count, sizeof(*picture->snapshots));
    if (picture->snapshots == NULL)
        return cli_fail(&cli, "there is no memory for the picture");
    for (size_t i = 0; i < options->trace_count; i++) {
        for (size_t k = 0; k < count; k++) {
            if (!take_trace(options, options->traces[i], components[k],
                            picture))
                return false;
        }
    }
    return true;
}

/* Write the page. */
static bool write_page(const options_t *options, picture_t *picture, FILE *file)
{
    bool good = true;
    for (size_t i = 0; i < picture->count && options->trace_count == 0; i++)
        good = good && snapshot_live(&picture->snapshots[i]);
    return (good && map_html(file, picture->snapshots, picture->count)) ||
           cli_fail(&cli, "there is no memory for the picture");
}

static bool write_as_asked(const options_t *options, picture_t *picture,
                           const map_groups_t *groups, FILE *file)
{
    size_t columns;
    size_t rows;
    bool terminal = file == stdout && isatty(STDOUT_FILENO);
    if (options->html)
        return write_page(options, picture, file);
    if (options->json) {
        map_json(file, picture->snapshots, picture->count);
        return true;
    }
    cli_terminal(&columns, &rows);
    return (options->text || terminal
                ? map_text(file, picture->snapshots, picture->count, groups,
                           columns, terminal && cli_wants_colours())
                : map_svg(file, picture->snapshots, picture->count, groups)) ||
           cli_fail(&cli, "there is no memory for the picture");
}

static bool write_picture(const options_t *options, picture_t *picture)
{
    map_groups_t groups = {.count = 0};
    errno = 0;
    bool cells = !options->json && !options->html;
    if (cells && !map_groups_make(&groups, options->by, picture->snapshots,
                                  picture->count))
        return cli_fail(&cli, "%s",
                        errno == ENOMEM ? "there is no memory for the picture"
                        : options->trace_count > 0
                            ? "the trace has no call sites and no tags; record "
                              "it with MEMHEAP_RECORDS=1"
                            : "the heap keeps no records of its blocks; start "
                              "the program with MEMHEAP_RECORDS=1");
    FILE *file =
        options->output == NULL ? stdout : fopen(options->output, "we");
    if (file == NULL)
        return cli_fail(&cli, "cannot write %s (%s)", options->output,
                        strerror(errno));
    bool good = write_as_asked(options, picture, &groups, file);
    bool bad_file = fflush(file) != 0 || ferror(file);
    bad_file = (file != stdout && fclose(file) != 0) || bad_file;
    if (bad_file)
        cli_fail(&cli, "the picture could not be written (%s)",
                 strerror(errno));
    return good && !bad_file;
}

static bool set_colour(options_t *options, const char *text)
{
    static const char *const words[] = {"size", "age", "tag", "site"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, words[i]) == 0) {
            options->by = (map_colour_t)i;
            return true;
        }
    }
    return cli_wrong(&cli, "--color wants size, age, tag or site", text);
}

static bool apply(options_t *options, int option)
{
    size_t pe;
    switch (option) {
    case 'j':
        options->jobs = true;
        return cli_pid(&cli, optarg, &options->pids[options->pid_count++]);
    case PE:
        if (!cli_count(optarg, 0, INT_MAX, &pe))
            return cli_wrong(&cli, "--pe wants the number of a PE", optarg);
        options->pe = (int)pe;
        return true;
    case 'H':
        options->heap = optarg;
        return true;
    case 'w':
        return cli_seconds(optarg, 0, &options->wait) ||
               cli_wrong(&cli, "--wait wants seconds", optarg);
    case 'a':
        options->at = optarg;
        return true;
    case 'c':
        options->components[options->component_count++] = optarg;
        return true;
    case COLOR:
        return set_colour(options, optarg);
    case 't':
        options->text = true;
        return true;
    case 'o':
        options->output = optarg;
        return true;
    case JSON:
        options->json = true;
        return true;
    case HTML:
        options->html = true;
        return true;
    default:
        return false;
    }
}

/* Returns true if there is something to draw. Otherwise *status_p is the exit
 * status. */
static bool read_options(options_t *options, int argc, char **argv,
                         int *status_p)
{
    int option;
    while ((option = cli_next(&cli, argc, argv, status_p)) >= 0) {
        if (!apply(options, option)) {
            *status_p = CLI_USAGE;
            return false;
        }
    }
    if (option == CLI_STOP)
        return false;
    *status_p = CLI_USAGE;
    for (; optind < argc; optind++) {
        const char *argument = argv[optind];
        bool is_pid = strspn(argument, "0123456789") == strlen(argument);
        if ((options->trace_count > 0 && (is_pid || !options->html)) ||
            (!is_pid && options->pid_count > 0))
            return cli_wrong(&cli, "there can be one trace, and nothing else",
                             argument);
        if (!is_pid)
            options->traces[options->trace_count++] = argument;
        else if (!cli_pid(&cli, argument, &options->pids[options->pid_count++]))
            return false;
    }
    if (options->component_count > 1 && !options->html)
        return cli_wrong(&cli, "there can be one --component without --html",
                         options->components[1]);
    if (options->trace_count == 0 && options->pid_count == 0) {
        fputs("memheap-map: of what process, or of what trace?\n"
              "Try memheap-map --help.\n",
              stderr);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    options_t options = {.pe = -1, .wait = 10, .at = "peak"};
    picture_t picture = {.snapshots = NULL};
    live_t live = {.heap = NULL};
    int status = CLI_GOOD;
    options.pids = calloc((size_t)argc + 1, sizeof(*options.pids));
    options.traces = calloc((size_t)argc + 1, sizeof(*options.traces));
    options.components = calloc((size_t)argc + 1, sizeof(*options.components));
    if (options.pids == NULL || options.traces == NULL ||
        options.components == NULL) {
        cli_fail(&cli, "there is no memory for the picture");
        status = CLI_WRONG;
    } else if (read_options(&options, argc, argv, &status)) {
        bool good = options.trace_count > 0
                        ? take_traces(&options, &picture)
                        : take_live(&options, &live, &picture);
        status =
            good && write_picture(&options, &picture) ? CLI_GOOD : CLI_WRONG;
    }
    for (size_t i = 0; i < picture.count; i++)
        snapshot_free(&picture.snapshots[i]);
    free(picture.snapshots);
    places_free(&picture.places);
    live_close(&live);
    free(options.pids);
    free(options.traces);
    free(options.components);
    return status;
}
