/*
 * The command line of memheap-replay.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_OPTIONS_H
#define MEMHEAP_TOOLS_REPLAY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    OPTIONS_MESSAGE = 512
};

typedef struct options {
    const char *components; /* as in MEMHEAP_COMPONENT; NULL: all */
    const char *vary;       /* "NAME=VALUE,VALUE...", or NULL */
    size_t operations;      /* maximum operations of each trace */
    size_t verify;          /* maximum verified operations of each trace */
    const char *map;        /* file for the picture; NULL: no picture */
    const char *trace_dir;  /* folder of the traces if no files are given */
    char *const *traces;    /* file names */
    size_t trace_count;
    bool csv;
    bool json;
    bool progress;
    bool help;
    bool version;
    char problem[OPTIONS_MESSAGE]; /* the error; "" if none */
} options_t;

/** Parse the command line. Prints nothing, because every PE calls it. */
void options_parse(options_t *options, int argc, char **argv);

extern const char options_usage[];

#endif
