/*
 * Parses the command line of memheap-replay.
 */
#define _GNU_SOURCE /* memrchr() */
#include "config.h"

#include "tools/replay/options.h"
#include "tools/common/cli.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* This many operations include every kind many times, and take little time
 * compared to the timed pass of a long trace. */
static const size_t default_verify = 20000;

const char options_usage[] =
    "Usage: mpirun -n PES memheap-replay [OPTION]... [TRACE]...\n"
    "Replay recorded traces of allocations on a symmetric heap: every PE "
    "makes\n"
    "the same calls, and the PEs check that they got the same addresses and\n"
    "that what one writes into another's blocks stays there. Without a TRACE,\n"
    "those that came with the program are replayed.\n"
    "\n"
    "  -c, --components LIST  allocators to compare: a,b or ^a for all but a\n"
    "                         (default: MEMHEAP_COMPONENT, or all there are)\n"
    "  -p, --param NAME=LIST  replay with each of these values of a "
    "component's\n"
    "                         parameter, split by commas\n"
    "  -n, --operations N     only the first N operations of each trace\n"
    "  -v, --verify N         verify contents in the first N operations; all,\n"
    "                         or 0 for none (default: 20000)\n"
    "  -m, --map FILE         draw the heaps over time, for the first trace,\n"
    "                         into an SVG file\n"
    "  -t, --traces DIR       where traces are looked for if none is named\n"
    "      --progress         show how far it is, even if standard error is "
    "no\n"
    "                         terminal, as under mpirun\n"
    "      --csv              print values split by commas, not a table\n"
    "      --json             print JSON, not a table\n"
    "  -h, --help             print this text\n"
    "  -V, --version          print the version\n"
    "\n"
    "The exit status is 1 if an operation failed, contents were wrong or\n"
    "addresses differed, and 2 if the options or a trace cannot be used.\n";

enum {
    OPTION_CSV = 256,
    OPTION_JSON,
    OPTION_PROGRESS
};

static const struct option known[] = {
    {"components", required_argument, NULL, 'c'},
    {"param", required_argument, NULL, 'p'},
    {"operations", required_argument, NULL, 'n'},
    {"verify", required_argument, NULL, 'v'},
    {"map", required_argument, NULL, 'm'},
    {"traces", required_argument, NULL, 't'},
    {"csv", no_argument, NULL, OPTION_CSV},
    {"json", no_argument, NULL, OPTION_JSON},
    {"progress", no_argument, NULL, OPTION_PROGRESS},
    CLI_OPTIONS,
};

static void apply(options_t *options, int option)
{
    switch (option) {
    case 'c':
        options->components = optarg;
        break;
    case 'p':
        options->vary = optarg;
        break;
    case 'n':
        if (!cli_count(optarg, 1, SIZE_MAX, &options->operations))
            snprintf(options->problem, OPTIONS_MESSAGE,
                     "--operations wants a whole number from 1 on, not \"%s\"",
                     optarg);
        break;
    case 'v':
        if (strcmp(optarg, "all") == 0)
            options->verify = SIZE_MAX;
        else if (!cli_count(optarg, 0, SIZE_MAX, &options->verify))
            snprintf(options->problem, OPTIONS_MESSAGE,
                     "--verify wants a whole number or \"all\", not \"%s\"",
                     optarg);
        break;
    case 'm':
        options->map = optarg;
        break;
    case 't':
        options->trace_dir = optarg;
        break;
    case OPTION_CSV:
        options->csv = true;
        break;
    case OPTION_JSON:
        options->json = true;
        break;
    case OPTION_PROGRESS:
        options->progress = true;
        break;
    case 'h':
        options->help = true;
        break;
    case 'V':
        options->version = true;
        break;
    default:
        break;
    }
}

/* Find the installed traces. The installation may have been moved. */
static const char *installed_traces(void)
{
    static char folder[PATH_MAX + sizeof(TRACES_FROM_BIN)];
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX);
    char *end = length > 0 ? memrchr(folder, '/', (size_t)length) : NULL;
    if (end == NULL || TRACES_FROM_BIN[0] == '\0')
        return TRACE_DIR;
    memcpy(end + 1, TRACES_FROM_BIN, sizeof(TRACES_FROM_BIN));
    return access(folder, R_OK) == 0 ? folder : TRACE_DIR;
}

void options_parse(options_t *options, int argc, char **argv)
{
    *options = (options_t){.operations = SIZE_MAX,
                           .verify = default_verify,
                           .trace_dir = installed_traces()};
    opterr = 0;
    int option;
    while (options->problem[0] == '\0' &&
           (option = getopt_long(argc, argv, ":c:p:n:v:m:t:hV", known, NULL)) !=
               -1) {
        if (option == ':')
            snprintf(options->problem, OPTIONS_MESSAGE,
                     "option \"%s\" wants a value", argv[optind - 1]);
        else if (option == '?' && optopt > 0 && optopt < OPTION_CSV)
            snprintf(options->problem, OPTIONS_MESSAGE,
                     "there is no option \"-%c\"", optopt);
        else if (option == '?')
            snprintf(options->problem, OPTIONS_MESSAGE,
                     "there is no option \"%s\" of that form",
                     argv[optind - 1]);
        else
            apply(options, option);
    }
    options->traces = argv + optind;
    options->trace_count = (size_t)(argc - optind);
}
