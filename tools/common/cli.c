/*
 * Parses command lines and prints messages for the user.
 */
#include "config.h"

#include "tools/common/cli.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    CLI_MESSAGE = 8192
};

int cli_next(const cli_t *cli, int argc, char **argv, int *status_p)
{
    int option = getopt_long(argc, argv, cli->letters, cli->options, NULL);
    switch (option) {
    case 'h':
        fputs(cli->usage, stdout);
        break;
    case 'V':
        printf("%s " PACKAGE_VERSION "\n", cli->name);
        break;
    case '?':
        fprintf(stderr, "Try %s --help.\n", cli->name);
        *status_p = CLI_USAGE;
        return CLI_STOP;
    default:
        return option;
    }
    *status_p = cli_finish(cli);
    return CLI_STOP;
}

bool cli_fail(const cli_t *cli, const char *format, ...)
{
    char message[CLI_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", cli->name, memheap_text_clean(message));
    return false;
}

bool cli_wrong(const cli_t *cli, const char *wanted, const char *value)
{
    cli_fail(cli, "%s, not \"%s\"", wanted, value);
    fprintf(stderr, "Try %s --help.\n", cli->name);
    return false;
}

int cli_finish(const cli_t *cli)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_GOOD;
    cli_fail(cli, "cannot write: %s", strerror(errno));
    return CLI_WRONG;
}

bool cli_count(const char *text, size_t least, size_t most, size_t *count_p)
{
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0 || value < least || value > most)
        return false;
    *count_p = (size_t)value;
    return true;
}

bool cli_pid(const cli_t *cli, const char *text, pid_t *pid_p)
{
    size_t pid;
    if (!cli_count(text, 1, INT32_MAX, &pid))
        return cli_wrong(cli, "a process is a whole number", text);
    *pid_p = (pid_t)pid;
    return true;
}

bool cli_seconds(const char *text, double least, double *seconds_p)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !(seconds >= least && seconds <= 1e6))
        return false;
    *seconds_p = seconds;
    return true;
}

void cli_terminal(size_t *columns_p, size_t *rows_p)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    *columns_p = 80;
    *rows_p = SIZE_MAX;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        *columns_p = size.ws_col;
        *rows_p = size.ws_row;
    } else if (columns != NULL) {
        cli_count(columns, 1, 9999, columns_p);
    }
}

bool cli_can_draw(void)
{
    const char *term = getenv("TERM");
    return term != NULL && strcmp(term, "") != 0 && strcmp(term, "dumb") != 0;
}

bool cli_wants_colours(void)
{
    const char *no_color = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && cli_can_draw() &&
           (no_color == NULL || no_color[0] == '\0');
}

double cli_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
