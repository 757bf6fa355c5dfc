/*
 * What the command lines of all tools have in common: --help and --version,
 * messages, and values that are numbers.
 */
#ifndef MEMHEAP_TOOLS_COMMON_CLI_H
#define MEMHEAP_TOOLS_COMMON_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** The status of a tool. */
enum {
    CLI_GOOD = 0,
    CLI_WRONG = 1, /* it could not do what was asked */
    CLI_USAGE = 2  /* the options cannot be used */
};

/** A tool, and the options that it takes, as getopt_long() wants them. */
typedef struct cli {
    const char *name;
    const char *usage; /* for --help */
    const char *letters;
    const struct option *options;
} cli_t;

/** The long and short options of every tool; letters end in "hV". */
#define CLI_OPTIONS                                                            \
    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},     \
    {                                                                          \
        NULL, 0, NULL, 0                                                       \
    }

/** Returned by cli_next(): the program ends with *status_p. */
enum {
    CLI_STOP = -2
};

/** The next option, -1 behind the last, or CLI_STOP: after --help and
 * --version, which it prints, and after an option that is wrong, which it
 * reports. */
int cli_next(const cli_t *cli, int argc, char **argv, int *status_p);

/** Report a failure. False. */
bool cli_fail(const cli_t *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Report a wrong value: what is wanted, "not", and the value. False. */
bool cli_wrong(const cli_t *cli, const char *wanted, const char *value);

/** End what is written to standard output: CLI_GOOD, or CLI_WRONG, reported. */
int cli_finish(const cli_t *cli);

/** A whole number in decimal digits alone. */
bool cli_count(const char *text, size_t least, size_t most, size_t *count_p);

/** A number of a process; reported if it is none. */
bool cli_pid(const cli_t *cli, const char *text, pid_t *pid_p);

/** A number of seconds. */
bool cli_seconds(const char *text, double least, double *seconds_p);

/** The terminal on standard output. 80 columns, or those that COLUMNS says, and
 *  SIZE_MAX rows if it is none. */
void cli_terminal(size_t *columns_p, size_t *rows_p);

/** Seconds since some time. */
double cli_now(void);

#endif
