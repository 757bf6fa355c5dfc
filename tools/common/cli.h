/*
 * The command line of every tool: --help and --version, messages to the user,
 * and numeric values.
 */
#ifndef MEMHEAP_TOOLS_COMMON_CLI_H
#define MEMHEAP_TOOLS_COMMON_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** The exit status of a tool. */
enum {
    CLI_GOOD = 0,
    CLI_WRONG = 1, /* the request failed */
    CLI_USAGE = 2  /* the options are invalid */
};

/** A tool and its options, in the form that getopt_long() takes. */
typedef struct cli {
    const char *name;
    const char *usage; /* the text of --help */
    const char *letters;
    const struct option *options;
} cli_t;

/** The options that every tool has. Its short options end in "hV". */
#define CLI_OPTIONS                                                            \
    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},     \
    {                                                                          \
        NULL, 0, NULL, 0                                                       \
    }

/** Returned by cli_next(): the program must exit with *status_p. */
enum {
    CLI_STOP = -2
};

/**
 * Parse the next option.
 *
 * @return the option; -1 after the last one; CLI_STOP after --help, after
 *         --version, and after an invalid option, with *status_p set. The
 *         function has then printed the text or the error.
 */
int cli_next(const cli_t *cli, int argc, char **argv, int *status_p);

/** Report a failure, in one line without control characters. Returns false. */
bool cli_fail(const cli_t *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Report an invalid value: the expected form, "not", and the value. Returns
 *  false. */
bool cli_wrong(const cli_t *cli, const char *wanted, const char *value);

/** Flush standard output. Returns CLI_GOOD, or reports the error and returns
 *  CLI_WRONG. */
int cli_finish(const cli_t *cli);

/**
 * Parse a whole number of decimal digits only.
 *
 * @return false if text is no such number, or if it is outside [least, most]
 */
bool cli_count(const char *text, size_t least, size_t most, size_t *count_p);

/** Parse a process number. Reports an invalid one and returns false. */
bool cli_pid(const cli_t *cli, const char *text, pid_t *pid_p);

/** Parse a number of seconds. Returns false if text is no number, or if it is
 *  below least or above 1e6. */
bool cli_seconds(const char *text, double least, double *seconds_p);

/**
 * Get the size of the terminal on standard output.
 *
 * Without a terminal the size is $COLUMNS columns, 80 by default, and SIZE_MAX
 * rows.
 */
void cli_terminal(size_t *columns_p, size_t *rows_p);

/** Whether the terminal is one that can draw, by $TERM. */
bool cli_can_draw(void);

/** Whether standard output is a terminal that can draw, and the user has not
 * set $NO_COLOR to a text. */
bool cli_wants_colours(void);

/** Seconds of a clock with an arbitrary start. */
double cli_now(void);

#endif
