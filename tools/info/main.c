/*
 * memheap-info: shows the components, the parameters with their values and
 * sources, the build options, and the machine.
 *
 * A program started in the same environment gets the same values: this program
 * opens the same framework, and closes it without creating a heap.
 */
#include "config.h"

#include "tools/common/cli.h"
#include "tools/info/info.h"

#include <stdio.h>

static const char usage[] =
    "Usage: memheap-info [OPTION]...\n"
    "Show the allocators of memheap, its parameters and where their values\n"
    "came from, how it was built, and what memory this machine offers.\n"
    "\n"
    "  -p, --param NAME  only the parameters whose names begin with NAME\n"
    "  -s, --parsable    lines of keys and values for scripts, as in\n"
    "                    component:buddy:priority:40\n"
    "      --json          the same as JSON\n"
    "  -h, --help        print this text\n"
    "  -V, --version     print the version\n"
    "\n"
    "Parameters are set in the environment, by mpirun --mca memheap_NAME, or "
    "in\n"
    "the file that MEMHEAP_PARAM_FILE names. The exit status is 1 if one of\n"
    "them is wrong, or none has the NAME asked for.\n";

typedef struct options {
    const char *param; /* NULL: show everything */
    bool parsable;
    bool json;
} options_t;

enum {
    JSON = 256
};

static const struct option known[] = {
    {"param", required_argument, NULL, 'p'},
    {"parsable", no_argument, NULL, 's'},
    {"json", no_argument, NULL, JSON},
    CLI_OPTIONS,
};

static const cli_t cli = {"memheap-info", usage, "p:shV", known};

/* Open the framework like libmemheap_shmem, or like libmemheap in a build
 * without it. */
static memheap_status_t open_framework(memheap_framework_t *framework)
{
    memheap_framework_config_t config = {.log = NULL};
#ifdef WITH_SHMEM
    config.job = true;
#endif
    return memheap_framework_open(framework, &config);
}

static bool has_param(const memheap_framework_t *framework, const char *prefix)
{
    for (size_t i = 0; i < framework->params->count; i++) {
        if (info_begins(&framework->params->param[i], prefix))
            return true;
    }
    return false;
}

static int show(const options_t *options)
{
    memheap_framework_t framework;
    if (open_framework(&framework) != MEMHEAP_OK)
        return CLI_WRONG;
    int status = CLI_WRONG;
    if (options->param != NULL && !has_param(&framework, options->param)) {
        cli_fail(&cli,
                 "no parameter has a name that begins with \"%s\"; "
                 "memheap-info without --param shows all",
                 options->param);
    } else {
        if (options->json)
            info_json(&framework, options->param);
        else if (options->param == NULL && options->parsable)
            info_parsable_all(&framework);
        else if (options->param == NULL)
            info_print_all(&framework);
        else if (options->parsable)
            info_parsable_params(&framework, options->param);
        else
            info_print_params(&framework, options->param);
        /* Report a failed write, because a script must not use partial
         * output. */
        status = cli_finish(&cli);
    }
    memheap_framework_close(&framework);
    return status;
}

int main(int argc, char **argv)
{
    options_t options = {.param = NULL};
    int option;
    int status = CLI_GOOD;
    while ((option = cli_next(&cli, argc, argv, &status)) >= 0) {
        if (option == 'p')
            options.param = optarg;
        else if (option == 's')
            options.parsable = true;
        else
            options.json = true;
    }
    if (option == CLI_STOP)
        return status;
    if (optind < argc) {
        cli_wrong(&cli, "this program takes options only", argv[optind]);
        return CLI_USAGE;
    }
    return show(&options);
}
