/*
 * memheap-info: show the components, the parameters with their values and
 * where each came from, the build, and what the machine offers.
 *
 * What it shows is what a program started in the same environment would get:
 * it opens the same framework, and closes it again without making a heap.
 */
#include "config.h"

#include "tools/info/info.h"

#include <getopt.h>
#include <stdio.h>

enum {
    EXIT_OK = 0,
    EXIT_WRONG = 1,
    EXIT_USAGE = 2
};

static const char usage[] =
    "Usage: memheap-info [OPTION]...\n"
    "Show the allocators of memheap, its parameters and where their values\n"
    "came from, how it was built, and what memory this machine offers.\n"
    "\n"
    "  -p, --param NAME  only the parameters whose names begin with NAME\n"
    "  -s, --parsable    lines of keys and values for scripts, as in\n"
    "                    component:buddy:priority:40\n"
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
} options_t;

/* Open the framework as libmemheap_shmem does, or as libmemheap does without
 * it. */
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

/* Everything written must have arrived, or a script would act on half. */
static int finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_OK;
    perror("memheap-info: cannot write");
    return EXIT_WRONG;
}

static int show(const options_t *options)
{
    memheap_framework_t framework;
    if (open_framework(&framework) != MEMHEAP_OK)
        return EXIT_WRONG;
    int status = EXIT_WRONG;
    if (options->param != NULL && !has_param(&framework, options->param)) {
        fprintf(stderr,
                "memheap-info: no parameter has a name that begins with "
                "\"%s\"; memheap-info without --param shows all\n",
                options->param);
    } else {
        if (options->param == NULL && options->parsable)
            info_parsable_all(&framework);
        else if (options->param == NULL)
            info_print_all(&framework);
        else if (options->parsable)
            info_parsable_params(&framework, options->param);
        else
            info_print_params(&framework, options->param);
        status = finish_output();
    }
    memheap_framework_close(&framework);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"param", required_argument, NULL, 'p'},
        {"parsable", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    options_t options = {.param = NULL};
    int option;
    while ((option = getopt_long(argc, argv, "p:shV", known, NULL)) != -1) {
        switch (option) {
        case 'p':
            options.param = optarg;
            break;
        case 's':
            options.parsable = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return finish_output();
        case 'V':
            puts("memheap-info " PACKAGE_VERSION);
            return finish_output();
        default:
            fputs("Try memheap-info --help.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr,
                "memheap-info: unexpected argument \"%s\"\n"
                "Try memheap-info --help.\n",
                argv[optind]);
        return EXIT_USAGE;
    }
    return show(&options);
}
