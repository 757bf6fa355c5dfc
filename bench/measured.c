/*
 * Runs a program and measures it.
 *
 *     measured FILE PRELOADED PROGRAM [ARGUMENT...]
 *
 * PRELOADED becomes LD_PRELOAD of the program; "" is none. FILE takes one line:
 * elapsed seconds, seconds of processor time, and the largest resident memory
 * of a process in KiB. All cover the children of the program. The exit status
 * is that of the program, or 1 if a signal ended it.
 */
#include "common/timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    double began = now();
    pid_t child = fork();
    if (child == 0) {
        if (argv[2][0] != 0)
            setenv("LD_PRELOAD", argv[2], 1);
        execvp(argv[3], &argv[3]);
        perror(argv[3]);
        _exit(127);
    }
    int status;
    struct rusage use;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    double elapsed = (now() - began) / 1e9;
    getrusage(RUSAGE_CHILDREN, &use);
    FILE *file = fopen(argv[1], "w");
    if (file == NULL)
        return 1;
    fprintf(file, "%.3f %.3f %ld\n", elapsed,
            seconds(use.ru_utime) + seconds(use.ru_stime), use.ru_maxrss);
    fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
