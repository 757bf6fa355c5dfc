/*
 * memheap-report: who allocates, as a table, as a flame graph, and by
 * comparison.
 */
#include "config.h"

#include "tools/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: memheap-report show [OPTION]... FILE\n"
    "       memheap-report folded [OPTION]... FILE\n"
    "       memheap-report diff [OPTION]... A B\n"
    "Show who allocates: the call sites of a report that was written with\n"
    "MEMHEAP_RECORDS=1 MEMHEAP_REPORT=FILE, or the sizes in a trace of\n"
    "MEMHEAP_TRACE=FILE. folded prints stacks for flamegraph.pl, inferno and\n"
    "speedscope; diff prints what has changed from A to B.\n"
    "\n"
    "  -b, --by WHAT       live, peak or total bytes, or calls: the order of\n"
    "                      the lines, or what folded counts (default: peak;\n"
    "                      live for diff)\n"
    "  -p, --paths         a line for each path to a call site (show and "
    "diff)\n"
    "      --json          print an object of JSON (show and diff)\n"
    "  -h, --help          print this text\n"
    "  -V, --version       print the version\n"
    "\n"
    "The exit status of diff is 0 if nothing differs, and 1 if something "
    "does;\n"
    "2 is trouble of any command.\n";

enum {
    JSON = 256
};

static const struct option known[] = {
    {"by", required_argument, NULL, 'b'},
    {"paths", no_argument, NULL, 'p'},
    {"json", no_argument, NULL, JSON},
    CLI_OPTIONS,
};

const cli_t report_cli = {"memheap-report", usage, "b:phV", known};

typedef struct command {
    const char *name;
    int files;
    count_t by;
} command_t;

static const command_t commands[] = {
    {"show", 1, PEAK}, {"folded", 1, PEAK}, {"diff", 2, LIVE}};

enum {
    SHOW,
    FOLDED,
    DIFF,
    COMMANDS
};

typedef struct options {
    int command;
    count_t by;
    bool has_by, paths, json;
    char **files;
} options_t;

static bool set_by(options_t *options, const char *text)
{
    options->has_by = true;
    for (int i = 0; i < BLOCKS; i++) {
        options->by = (count_t)i;
        if (strcmp(report_counts[i].word, text) == 0)
            return true;
    }
    return cli_wrong(&report_cli, "--by wants live, peak, total or calls",
                     text);
}

/* Returns true if there is something to do. Otherwise *status_p is the exit
 * status. */
static bool read_options(options_t *options, int argc, char **argv,
                         int *status_p)
{
    int option;
    while ((option = cli_next(&report_cli, argc, argv, status_p)) >= 0) {
        if (option == JSON)
            options->json = true;
        else if (option == 'p')
            options->paths = true;
        else if (!set_by(options, optarg))
            return false;
    }
    if (option == CLI_STOP)
        return false;
    const char *name = optind < argc ? argv[optind] : "";
    while (options->command < COMMANDS &&
           strcmp(commands[options->command].name, name) != 0)
        options->command++;
    if (options->command == COMMANDS)
        return cli_wrong(&report_cli, "a command is show, folded or diff",
                         name);
    const command_t *command = &commands[options->command];
    int files = argc - optind - 1;
    if (files != command->files) {
        cli_fail(&report_cli, "%s wants %s, not %d", name,
                 command->files == 1 ? "a file" : "two files", files);
        return false;
    }
    if (options->json && options->command == FOLDED)
        return cli_fail(&report_cli, "folded has no --json");
    if (!options->has_by)
        options->by = command->by;
    options->files = argv + optind + 1;
    return true;
}

/* Name each path from the call site on. */
static void turn(report_t *report)
{
    for (size_t i = 0; i < report->heap_count; i++) {
        for (size_t j = 0; j < report->heaps[i].site_count; j++) {
            site_t *site = &report->heaps[i].sites[j];
            char *text = report_inside_out(site->text);
            free(site->text);
            site->text = text;
        }
    }
}

/* Returns the exit status. */
static int run(const options_t *options, report_t *reports)
{
    bool differs = false;
    for (int i = 0; i < commands[options->command].files; i++) {
        if (!report_load(&reports[i], options->files[i]))
            return REPORT_TROUBLE;
    }
    for (int i = 0; i < 2; i++) {
        if (options->paths || options->command == FOLDED)
            report_by_path(&reports[i]);
        if (options->paths && options->command != FOLDED)
            turn(&reports[i]);
        for (size_t j = 0; j < reports[i].heap_count; j++)
            report_sort_texts(reports[i].heaps[j].sites,
                              reports[i].heaps[j].site_count);
    }
    if (options->command == DIFF &&
        strcmp(reports[0].kind, reports[1].kind) != 0) {
        cli_fail(
            &report_cli, "%s is a %s, and %s is a %s: they cannot be compared",
            reports[0].file, reports[0].kind, reports[1].file, reports[1].kind);
        return REPORT_TROUBLE;
    }
    if (options->command == DIFF) {
        differs =
            report_diff(&reports[0], &reports[1], options->by, options->json);
    } else if (options->command == FOLDED) {
        report_folded(&reports[0], options->by);
    } else {
        report_sort(&reports[0], options->by);
        if (options->json)
            report_show_json(&reports[0]);
        else
            report_show(&reports[0]);
    }
    if (cli_finish(&report_cli) != CLI_GOOD)
        return REPORT_TROUBLE;
    return differs ? REPORT_DIFFERS : CLI_GOOD;
}

int main(int argc, char **argv)
{
    options_t options = {.command = SHOW};
    report_t reports[2] = {{.file = NULL}, {.file = NULL}};
    int status = REPORT_TROUBLE;
    if (read_options(&options, argc, argv, &status))
        status = run(&options, reports);
    report_free(&reports[0]);
    report_free(&reports[1]);
    return status;
}
