/*
 * Draws on a terminal by the escape sequences that all terminals of today know.
 */
#define _GNU_SOURCE /* ppoll() */
#include "config.h"

#include "tools/top/screen.h"
#include "base/util.h"
#include "tools/common/cli.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Alternate screen, no cursor, no automatic line wrap; and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[?7l";
static const char leave[] = "\033[?7h\033[?25h\033[?1049l";

static const int handled[] = {SIGINT,  SIGTERM, SIGHUP,
                              SIGQUIT, SIGTSTP, SIGWINCH};

static sigset_t not_blocked; /* signals while screen_wait() waits */

static volatile sig_atomic_t got_quit, got_stop, got_resize;

static struct {
    bool open;
    bool keys; /* single keys are read */
    struct termios saved;
} screen;

static void note(int number)
{
    if (number == SIGTSTP)
        got_stop = 1;
    else if (number == SIGWINCH)
        got_resize = 1;
    else
        got_quit = 1;
}

void screen_handle_signals(void)
{
    sigset_t set;
    struct sigaction action = {.sa_handler = note};
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
        struct sigaction old;
        /* What is ignored, by nohup(1) for example, stays ignored. */
        if (sigaction(handled[i], NULL, &old) != 0 || old.sa_handler == SIG_IGN)
            continue;
        sigaction(handled[i], &action, NULL);
        sigaddset(&set, handled[i]);
    }
    sigprocmask(SIG_BLOCK, &set, &not_blocked);
}

static void read_single_keys(void)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &screen.saved) != 0)
        return;
    raw = screen.saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    screen.keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void screen_open(void)
{
    static bool registered;
    if (!registered)
        atexit(screen_close);
    registered = true;
    read_single_keys();
    fputs(enter, stdout);
    fflush(stdout);
    screen.open = true;
}

void screen_close(void)
{
    if (!screen.open)
        return;
    screen.open = false;
    fputs(leave, stdout);
    fflush(stdout);
    if (screen.keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &screen.saved);
    screen.keys = false;
}

/* Stop, as ctrl-Z asks for, and continue. */
static void stop(void)
{
    bool was_open = screen.open;
    got_stop = 0;
    screen_close();
    raise(SIGSTOP);
    if (was_open)
        screen_open();
}

screen_event_t screen_wait(double end)
{
    for (;;) {
        struct pollfd input = {.fd = screen.keys ? STDIN_FILENO : -1,
                               .events = POLLIN};
        double left = end < 0 ? 1 : end - cli_now();
        left = left < 0 ? 0 : left;
        struct timespec timeout = {.tv_sec = (time_t)left};
        timeout.tv_nsec = (long)((left - (double)timeout.tv_sec) * 1e9);
        int ready = ppoll(&input, 1, end < 0 ? NULL : &timeout, &not_blocked);
        if (got_quit)
            return SCREEN_QUIT;
        if (got_stop) {
            stop();
            return SCREEN_RESIZED;
        }
        if (got_resize) {
            got_resize = 0;
            return SCREEN_RESIZED;
        }
        if (ready > 0)
            return SCREEN_KEY;
        if (ready == 0)
            return SCREEN_TIME;
    }
}

/* The start of the next line; NULL behind the last one. */
static const char *next_line(const char *text)
{
    const char *end = strchr(text, '\n');
    return end == NULL || end[1] == '\0' ? NULL : end + 1;
}

void screen_measure(screen_view_t *view)
{
    cli_terminal(&view->width, &view->height);
    if (view->height > 1000)
        view->height = 24; /* the terminal does not say */
}

void screen_fit(screen_view_t *view, const char *text)
{
    size_t lines = 0;
    for (const char *line = text; line != NULL; line = next_line(line))
        lines++;
    view->lines = lines - memheap_min(lines, view->fixed);
    view->page = view->height - memheap_min(view->height, view->fixed + 1);
    view->top = memheap_min(view->top,
                            view->lines - memheap_min(view->lines, view->page));
}

/* Write what fits of a line, and all of its escape sequences. */
static void write_line(const char *line, size_t width)
{
    size_t column = 0;
    for (; *line != '\0' && *line != '\n'; line++) {
        if (*line == '\033') {
            size_t length = strcspn(line, "m");
            length += line[length] != '\0';
            fwrite(line, 1, length, stdout);
            line += length - 1;
            continue;
        }
        /* Further bytes of a character begin with the bits 10. */
        column += ((unsigned char)*line & 0xc0) != 0x80;
        if (column <= width)
            putc(*line, stdout);
    }
}

void screen_draw(const screen_view_t *view, const char *text,
                 const char *last_line)
{
    size_t number = 0;
    size_t drawn = 0;
    fputs("\033[H", stdout);
    for (const char *line = text; line != NULL;
         line = next_line(line), number++) {
        bool is_hidden =
            number >= view->fixed && number < view->fixed + view->top;
        if (is_hidden || drawn + 1 >= view->height)
            continue;
        fputs("\033[K", stdout);
        write_line(line, view->width);
        putc('\n', stdout);
        drawn++;
    }
    printf("\033[J\033[%zu;1H", view->height);
    write_line(last_line, view->width);
}
