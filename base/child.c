/*
 * Children by posix_spawn().
 */
#define _GNU_SOURCE /* pipe2() */
#include "config.h"

#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

int memheap_child_start(char *const argv[], pid_t *child_p)
{
    char *const no_environment[] = {NULL};
    int pipe_fds[2];
    posix_spawn_file_actions_t actions;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return -1;
    bool has_actions = posix_spawn_file_actions_init(&actions) == 0;
    bool started =
        has_actions &&
        posix_spawn_file_actions_adddup2(&actions, pipe_fds[1],
                                         STDOUT_FILENO) == 0 &&
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                         O_WRONLY, 0) == 0 &&
        posix_spawn(child_p, argv[0], &actions, NULL, argv, no_environment) ==
            0;
    if (has_actions)
        posix_spawn_file_actions_destroy(&actions);
    close(pipe_fds[1]);
    if (started)
        return pipe_fds[0];
    close(pipe_fds[0]);
    return -1;
}

void memheap_child_wait(pid_t child)
{
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
}
