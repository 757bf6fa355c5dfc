/*
 * What the user asked memheap-replay for.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_OPTIONS_H
#define MEMHEAP_TOOLS_REPLAY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    OPTIONS_MESSAGE = 512
};

typedef struct options {
    const char *components; /* as MEMHEAP_COMPONENT takes them; NULL: all */
    const char *vary;       /* "NAME=VALUE,VALUE...", or NULL */
    size_t operations;      /* of each trace at most */
    size_t verify;          /* operations of each trace at most */
    const char *map;        /* file for the picture; NULL: none */
    const char *trace_dir;  /* where traces are if none are named */
    char *const *traces;    /* file names */
    size_t trace_count;
    bool csv;
    bool json;
    bool progress;
    bool help;
    bool version;
    char problem[OPTIONS_MESSAGE]; /* what is wrong with them; "" if nothing */
} options_t;

/** Read the command line. Prints nothing: every PE reads the same. */
void options_parse(options_t *options, int argc, char **argv);

extern const char options_usage[];

#endif
