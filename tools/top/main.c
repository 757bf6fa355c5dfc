/*
 * memheap-top: shows the heaps of running processes, and their activity.
 *
 * The processes are not involved: they publish their statistics in shared
 * memory, and this program reads them there. Call sites are written by the
 * processes on request.
 */
#include "config.h"

#include "base/text.h"
#include "tools/common/cli.h"
#include "tools/top/keys.h"
#include "tools/top/page.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "Usage: memheap-top [OPTION]... [PID]...\n"
    "Show the heaps of running processes: how large they are, how much of "
    "them\n"
    "is in use, and how many blocks come and go in a second. Without a PID, "
    "all\n"
    "processes of the user are looked at.\n"
    "\n"
    "  -j, --job PID       the processes that PID, which is mpirun's, started\n"
    "  -i, --interval S    seconds between two looks (default: 1)\n"
    "  -s, --sort COLUMN   order of the lines (default: PE)\n"
    "  -r, --reverse       reverse the order\n"
    "  -c, --sites         show the call sites too, by bytes now; needs\n"
    "                      MEMHEAP_RECORDS=1 in the program\n"
    "  -1, --once          print one table, after one interval, and end\n"
    "      --json          print a line of JSON for each look\n"
    "      --color[=WHEN]  colours: auto, on a terminal without NO_COLOR, "
    "which\n"
    "                      is the default; always; or never\n"
    "  -h, --help          print this text\n"
    "  -V, --version       print the version\n"
    "\n"
    "On a terminal, h shows the keys, and q or ctrl-C ends the program. The "
    "heaps\n"
    "of jobs of several PEs can be seen as they are; MEMHEAP_TOP=all lets all "
    "others\n"
    "be seen.\n";

typedef enum colour_mode {
    COLOUR_AUTO,
    COLOUR_ALWAYS,
    COLOUR_NEVER
} colour_mode_t;

typedef struct options {
    live_scope_t scope;
    pid_t *pids;
    size_t count;
    bool once, json;
    colour_mode_t colour;
} options_t;

enum {
    JSON = 256,
    COLOR
};

static const struct option known[] = {
    {"job", required_argument, NULL, 'j'},
    {"interval", required_argument, NULL, 'i'},
    {"sort", required_argument, NULL, 's'},
    {"reverse", no_argument, NULL, 'r'},
    {"sites", no_argument, NULL, 'c'},
    {"once", no_argument, NULL, '1'},
    {"json", no_argument, NULL, JSON},
    {"color", optional_argument, NULL, COLOR},
    CLI_OPTIONS,
};

static const cli_t cli = {"memheap-top", usage, "j:i:s:rc1hV", known};

typedef struct view {
    options_t options;
    sample_t sample;
    top_sites_t sites;
    page_t page;
    top_face_t face;
    bool terminal;
    bool full; /* the page fills the terminal */
} view_t;

static void no_memory(void)
{
    screen_close();
    cli_fail(&cli, "out of memory for the list of heaps");
    exit(CLI_WRONG);
}

/* Report a heap that cannot be read. */
static void report(view_t *view, const live_heap_t *heap)
{
    char message[sizeof(view->page.problem)];
    snprintf(message, sizeof(message),
             "heap \"%s\" of process %ld cannot be read (%s)", heap->page.name,
             (long)heap->pid, strerror(heap->error));
    if (view->full)
        memheap_text_copy(view->page.problem, sizeof(message),
                          memheap_text_clean(message));
    else
        cli_fail(&cli, "%s", message);
}

/* Sample all heaps. */
static void look(view_t *view)
{
    live_t *live = &view->sample.live;
    for (size_t i = 0; i < live->count; i++) {
        live_heap_t *heap = &live->heap[i];
        if (!heap->gone && !live_read(heap) && heap->error != 0)
            report(view, heap);
    }
    /* Ended heaps of given processes stay. */
    if (!sample_take(&view->sample, view->options.scope == LIVE_USER))
        no_memory();
    if (view->page.sites && !top_sites_ask(&view->sites, &view->sample))
        no_memory();
}

/* Search for new heaps. Only the first search reports processes that cannot be
 * read. */
static bool find(view_t *view, bool first)
{
    const options_t *options = &view->options;
    live_t *live = &view->sample.live;
    pid_t bad = 0;
    int error =
        live_find(live, options->scope, options->pids, options->count, &bad);
    if (first && error != 0)
        cli_fail(&cli, "cannot look at process %ld (%s)", (long)bad,
                 strerror(error));
    if (!first || error != 0)
        return error == 0;
    if (live->count > 0 || (view->full && options->scope != LIVE_PROCESSES))
        return true;
    if (live->error != 0)
        return cli_fail(&cli, "the heaps cannot be read (%s)",
                        strerror(live->error));
    return cli_fail(
        &cli,
        "there is no heap to be seen%s; MEMHEAP_TOP=all shows "
        "those outside of jobs of several PEs",
        live->strange > 0 ? ", but one of another version of memheap" : "");
}

/* Write what there is without a full screen. */
static void write_once(const view_t *view)
{
    size_t width;
    size_t height;
    const sample_t *sample = &view->sample;
    cli_terminal(&width, &height);
    if (view->options.json) {
        memheap_json_t json = {.file = stdout};
        memheap_json_object(&json, NULL);
        top_json(&json, sample->lines, sample->count);
        if (view->page.sites)
            top_sites_json(&json, &view->sites);
        memheap_json_end(&json);
        return;
    }
    top_table(stdout, &view->face, sample->lines, sample->count, width);
    if (view->page.sites)
        top_sites_table(stdout, &view->face, &view->sites, width);
}

static bool show(view_t *view)
{
    view->face.sort = view->page.sort;
    top_sort(view->sample.lines, view->sample.count, view->page.sort,
             view->page.reversed);
    if (!view->full)
        write_once(view);
    else if (!page_draw(&view->page, &view->face, &view->sample, &view->sites))
        no_memory();
    return cli_finish(&cli) == CLI_GOOD;
}

/* Do what a key says. Returns false if it ends the program. */
static bool handle_key(view_t *view)
{
    if (!page_key(&view->page, keys_next()))
        return false;
    if (!view->page.sites || view->page.paused)
        top_sites_stop(&view->sites, &view->sample);
    return true;
}

/* Wait for the next sample. Returns false if the user ends the program, or the
 * output cannot be written; then *good_p is false. */
static bool pause_view(view_t *view, bool *good_p)
{
    double start = cli_now();
    while (*good_p) {
        double interval = view->page.interval;
        double end = view->page.paused ? -1 : start + interval;
        if (view->sites.asked)
            end = start + (interval < 2 ? interval / 2 : 1);
        screen_event_t event = screen_wait(end);
        if (event == SCREEN_TIME && !view->sites.asked)
            return true;
        if (event == SCREEN_TIME &&
            !top_sites_collect(&view->sites, &view->sample))
            no_memory();
        if (event == SCREEN_QUIT || (event == SCREEN_KEY && !handle_key(view)))
            return false;
        if (view->full)
            *good_p = show(view);
    }
    return false;
}

/* Test whether all heaps have ended. On a terminal, new ones may still
 * appear. */
static bool is_over(const view_t *view)
{
    return view->sample.gone == view->sample.count &&
           (!view->terminal ||
            (view->options.scope != LIVE_USER && view->sample.count > 0));
}

/* Decide how the output looks. */
static void set_face(view_t *view)
{
    const options_t *options = &view->options;
    view->terminal = isatty(STDOUT_FILENO);
    view->full =
        view->terminal && cli_can_draw() && !options->once && !options->json;
    view->face.graphs = view->terminal;
    view->face.colours = options->colour == COLOUR_AUTO
                             ? cli_wants_colours()
                             : options->colour == COLOUR_ALWAYS;
    setlocale(LC_CTYPE, "");
    view->face.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int watch(view_t *view)
{
    set_face(view);
    if (!find(view, true))
        return CLI_WRONG;
    bool good = true;
    screen_handle_signals();
    if (view->full)
        screen_open();
    look(view);
    if (view->full)
        good = show(view);
    /* Rates need two samples. */
    while (pause_view(view, &good)) {
        find(view, false);
        look(view);
        good = show(view);
        if (!good || view->options.once || is_over(view))
            break;
    }
    top_sites_stop(&view->sites, &view->sample);
    screen_close();
    if (view->full && good && is_over(view)) {
        write_once(view);
        good = cli_finish(&cli) == CLI_GOOD;
    }
    return good ? CLI_GOOD : CLI_WRONG;
}

static bool set_sort(page_t *page, const char *text)
{
    char names[256];
    char wanted[300];
    page->sort = top_column(text);
    if (page->sort >= 0)
        return true;
    snprintf(wanted, sizeof(wanted), "--sort wants a column (%s)",
             top_columns(names, sizeof(names)));
    return cli_wrong(&cli, wanted, text);
}

static bool set_colour(options_t *options, const char *text)
{
    static const char *const words[] = {"auto", "always", "never"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, words[i]) == 0) {
            options->colour = (colour_mode_t)i;
            return true;
        }
    }
    return cli_wrong(&cli, "--color wants auto, always or never", text);
}

static bool apply(view_t *view, int option)
{
    options_t *options = &view->options;
    page_t *page = &view->page;
    switch (option) {
    case 'j':
        options->scope = LIVE_JOBS;
        return cli_pid(&cli, optarg, &options->pids[options->count++]);
    case 'i':
        return cli_seconds(optarg, 0.05, &page->interval) ||
               cli_wrong(&cli, "--interval wants seconds, from 0.05 on",
                         optarg);
    case 's':
        return set_sort(page, optarg);
    case 'r':
        page->reversed = true;
        return true;
    case 'c':
        page->sites = true;
        return true;
    case '1':
        options->once = true;
        return true;
    case JSON:
        options->json = true;
        return true;
    default:
        return set_colour(options, optarg == NULL ? "always" : optarg);
    }
}

/* Returns true if there is something to show. Otherwise *status_p is the exit
 * status. */
static bool read_options(view_t *view, int argc, char **argv, int *status_p)
{
    int option;
    options_t *options = &view->options;
    options->scope = LIVE_USER;
    while ((option = cli_next(&cli, argc, argv, status_p)) >= 0) {
        if (!apply(view, option)) {
            *status_p = CLI_USAGE;
            return false;
        }
    }
    if (option == CLI_STOP)
        return false;
    *status_p = CLI_USAGE;
    for (; optind < argc; optind++) {
        if (!cli_pid(&cli, argv[optind], &options->pids[options->count++]))
            return false;
        if (options->scope == LIVE_USER)
            options->scope = LIVE_PROCESSES;
    }
    return true;
}

int main(int argc, char **argv)
{
    static view_t view = {.page = {.interval = 1}};
    int status = CLI_GOOD;
    view.options.pids = calloc((size_t)argc + 1, sizeof(*view.options.pids));
    if (view.options.pids == NULL)
        no_memory();
    if (read_options(&view, argc, argv, &status))
        status = watch(&view);
    top_sites_free(&view.sites);
    sample_free(&view.sample);
    free(view.options.pids);
    return status;
}
