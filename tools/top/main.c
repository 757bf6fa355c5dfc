/*
 * memheap-top: shows the heaps of running processes, and their activity.
 *
 * The processes are not involved: they publish their statistics in shared
 * memory, and this program reads them there. Rates are the differences between
 * two samples.
 */
#include "config.h"

#include "tools/common/cli.h"
#include "tools/common/live.h"
#include "tools/top/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    GONE_LOOKS = 10 /* samples during which an ended heap is still listed */
};

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
    "  -1, --once          print one table, after one interval, and end\n"
    "      --json          print a line of JSON for each look\n"
    "  -h, --help          print this text\n"
    "  -V, --version       print the version\n"
    "\n"
    "q or ctrl-C ends the program. The heaps of jobs of several PEs can be "
    "seen\n"
    "as they are; MEMHEAP_TOP=all lets all others be seen.\n";

typedef struct options {
    live_scope_t scope;
    pid_t *pids;
    size_t count;
    double interval;
    const char *sort;
    bool once, json;
} options_t;

enum {
    JSON = 256
};

static const struct option known[] = {
    {"job", required_argument, NULL, 'j'},
    {"interval", required_argument, NULL, 'i'},
    {"sort", required_argument, NULL, 's'},
    {"once", no_argument, NULL, '1'},
    {"json", no_argument, NULL, JSON},
    CLI_OPTIONS,
};

static const cli_t cli = {"memheap-top", usage, "j:i:s:1hV", known};

/* The statistics of a heap in the previous sample. */
typedef struct before {
    ino_t inode;
    dev_t device;
    uint64_t allocations, frees;
    unsigned gone; /* samples since the heap ended */
} before_t;

typedef struct view {
    options_t options;
    live_t live;
    before_t *before;
    size_t before_count;
    double before_time;
    top_line_t *lines;
    size_t count; /* number of lines */
    size_t gone;  /* number of lines of ended heaps */
    bool terminal;
    struct termios saved;
    bool keys; /* keys are read from the terminal */
} view_t;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    interrupted = signal;
}

static before_t *find_before(const view_t *view, const live_heap_t *heap)
{
    for (size_t i = 0; i < view->before_count; i++) {
        if (view->before[i].inode == heap->inode &&
            view->before[i].device == heap->device)
            return &view->before[i];
    }
    return NULL;
}

static void set_line(view_t *view, const live_heap_t *heap, double seconds,
                     top_line_t *line)
{
    const before_t *before = find_before(view, heap);
    *line = (top_line_t){.pe = live_pe(&view->live, heap),
                         .pid = heap->pid,
                         .gone = heap->gone,
                         .heap = heap->page.name,
                         .component = heap->page.component,
                         .wait = heap->page.wait,
                         .wait_s = live_wait(heap)};
    live_stats(heap, &line->stats);
    if (before == NULL || heap->gone || seconds <= 0)
        return;
    line->allocations =
        (double)(line->stats.allocations - before->allocations) / seconds;
    line->frees = (double)(line->stats.frees - before->frees) / seconds;
}

/* Remove ended heaps after a while if all processes of the user are listed.
 * Ended heaps of given processes stay. */
static void forget_gone(view_t *view)
{
    for (size_t i = view->live.count; i-- > 0;) {
        const before_t *before = find_before(view, &view->live.heap[i]);
        if (view->options.scope == LIVE_USER && before != NULL &&
            before->gone >= GONE_LOOKS)
            live_forget(&view->live, i);
    }
}

static void no_memory(void)
{
    cli_fail(&cli, "out of memory for the list of heaps");
    exit(CLI_WRONG);
}

/* Sample all heaps. */
static void look(view_t *view)
{
    live_t *live = &view->live;
    forget_gone(view);
    for (size_t i = 0; i < live->count; i++) {
        live_heap_t *heap = &live->heap[i];
        if (!heap->gone && !live_read(heap) && heap->error != 0)
            cli_fail(&cli, "heap \"%s\" of process %ld cannot be read (%s)",
                     heap->page.name, (long)heap->pid, strerror(heap->error));
    }
    double time = cli_now();
    size_t room = live->count == 0 ? 1 : live->count;
    before_t *before = calloc(room, sizeof(*before));
    free(view->lines);
    view->lines = calloc(room, sizeof(*view->lines));
    if (before == NULL || view->lines == NULL)
        no_memory();
    view->count = live->count;
    view->gone = 0;
    for (size_t i = 0; i < live->count; i++) {
        const live_heap_t *heap = &live->heap[i];
        top_line_t *line = &view->lines[i];
        const before_t *last = find_before(view, heap);
        set_line(view, heap, time - view->before_time, line);
        view->gone += heap->gone;
        before[i] =
            (before_t){heap->inode, heap->device, line->stats.allocations,
                       line->stats.frees,
                       heap->gone ? 1 + (last == NULL ? 0 : last->gone) : 0};
    }
    free(view->before);
    view->before = before;
    view->before_count = live->count;
    view->before_time = time;
    top_sort(view->lines, view->count, view->options.sort);
}

/* Search for new heaps. Only the first search reports processes that cannot be
 * read. */
static bool find(view_t *view, bool first)
{
    const options_t *options = &view->options;
    pid_t bad = 0;
    int error = live_find(&view->live, options->scope, options->pids,
                          options->count, &bad);
    if (first && error != 0)
        cli_fail(&cli, "cannot look at process %ld (%s)", (long)bad,
                 strerror(error));
    if (!first || error != 0)
        return error == 0;
    if (view->live.count > 0 ||
        (view->terminal && !options->once && options->scope != LIVE_PROCESSES))
        return true;
    if (view->live.error != 0)
        return cli_fail(&cli, "the heaps cannot be read (%s)",
                        strerror(view->live.error));
    return cli_fail(&cli,
                    "there is no heap to be seen%s; MEMHEAP_TOP=all shows "
                    "those outside of jobs of several PEs",
                    view->live.strange > 0
                        ? ", but one of another version of memheap"
                        : "");
}

static bool show(const view_t *view)
{
    size_t width;
    size_t height;
    bool full = view->terminal && !view->options.once && !view->options.json;
    cli_terminal(&width, &height);
    if (full) {
        char clock[16];
        time_t seconds = time(NULL);
        struct tm local;
        localtime_r(&seconds, &local);
        strftime(clock, sizeof(clock), "%H:%M:%S", &local);
        printf("\033[H\033[J%s  %zu heap%s, every %g s; q ends\n\n", clock,
               view->count, view->count == 1 ? "" : "s",
               view->options.interval);
        height = height > 6 ? height - 6 : 1;
    }
    if (view->options.json)
        top_json(stdout, view->lines, view->count);
    else
        top_table(stdout, view->lines, view->count, width,
                  full ? height : SIZE_MAX);
    return cli_finish(&cli) == CLI_GOOD;
}

static void read_keys(view_t *view)
{
    struct termios raw;
    if (!view->terminal || view->options.once ||
        tcgetattr(STDIN_FILENO, &view->saved) != 0)
        return;
    raw = view->saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    view->keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* Wait for the next sample. Returns false if the user ends the program. */
static bool pause_view(const view_t *view)
{
    double end = cli_now() + view->options.interval;
    for (;;) {
        char key;
        struct pollfd input = {.fd = view->keys ? STDIN_FILENO : -1,
                               .events = POLLIN};
        double left = end - cli_now();
        if (interrupted != 0)
            return false;
        if (left <= 0)
            return true;
        if (poll(&input, 1, (int)(left * 1000) + 1) > 0 &&
            (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q'))
            return false;
    }
}

/* Test whether all heaps have ended. On a terminal, new ones may still
 * appear. */
static bool is_over(const view_t *view)
{
    return view->gone == view->count &&
           (!view->terminal ||
            (view->options.scope != LIVE_USER && view->count > 0));
}

static int watch(view_t *view)
{
    view->terminal = isatty(STDOUT_FILENO);
    if (!find(view, true))
        return CLI_WRONG;
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    read_keys(view);
    bool good = true;
    look(view);
    /* Rates need two samples. */
    while (pause_view(view)) {
        find(view, false);
        look(view);
        good = show(view);
        if (!good || view->options.once || is_over(view))
            break;
    }
    if (view->keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &view->saved);
    return good ? CLI_GOOD : CLI_WRONG;
}

static bool set_sort(options_t *options, const char *text)
{
    char names[256];
    char wanted[300];
    options->sort = text;
    if (top_sort(NULL, 0, text))
        return true;
    snprintf(wanted, sizeof(wanted), "--sort wants a column (%s)",
             top_columns(names, sizeof(names)));
    return cli_wrong(&cli, wanted, text);
}

/* Returns true if there is something to show. Otherwise *status_p is the exit
 * status. */
static bool read_options(options_t *options, int argc, char **argv,
                         int *status_p)
{
    int option;
    bool jobs = false;
    while ((option = cli_next(&cli, argc, argv, status_p)) >= 0) {
        bool good = true;
        if (option == 'j')
            jobs = good =
                cli_pid(&cli, optarg, &options->pids[options->count++]);
        else if (option == 'i')
            good = cli_seconds(optarg, 0.05, &options->interval) ||
                   cli_wrong(&cli, "--interval wants seconds, from 0.05 on",
                             optarg);
        else if (option == 's')
            good = set_sort(options, optarg);
        else if (option == '1')
            options->once = true;
        else
            options->json = true;
        if (!good) {
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
    }
    options->scope = jobs                 ? LIVE_JOBS
                     : options->count > 0 ? LIVE_PROCESSES
                                          : LIVE_USER;
    return true;
}

int main(int argc, char **argv)
{
    view_t view = {.options = {.interval = 1, .sort = "PE"}};
    int status = CLI_GOOD;
    view.options.pids = calloc((size_t)argc + 1, sizeof(*view.options.pids));
    if (view.options.pids == NULL)
        no_memory();
    if (read_options(&view.options, argc, argv, &status))
        status = watch(&view);
    live_close(&view.live);
    free(view.options.pids);
    free(view.before);
    free(view.lines);
    return status;
}
