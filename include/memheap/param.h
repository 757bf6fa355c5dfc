/*
 * The definition of a parameter: its name, type, default and limits.
 *
 * A component lists the parameters of its own in an array of these. Their
 * values reach the component when it creates a module.
 */
#ifndef MEMHEAP_MEMHEAP_PARAM_H
#define MEMHEAP_MEMHEAP_PARAM_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum memheap_param_type {
    MEMHEAP_PARAM_STRING,
    MEMHEAP_PARAM_INT,
    MEMHEAP_PARAM_SIZE,  /* bytes: "512", "64k", "3.1M", "2g", "1T" */
    MEMHEAP_PARAM_SHARE, /* a size, or a part of a node's: "8g/node", "50%" */
    MEMHEAP_PARAM_BOOL,  /* 1, 0, yes, no, on, off, true, false */
    MEMHEAP_PARAM_FLAG   /* true if the variable exists, whatever its value */
} memheap_param_type_t;

/** Flags of a definition. */
enum {
    /** Read when a job starts. A heap without a job ignores it. */
    MEMHEAP_PARAM_JOB = 1,
    /** Read once for the whole process: a program cannot set it for one
     *  heap. */
    MEMHEAP_PARAM_PROCESS = 2,
    /** The PEs of a job may set it differently. */
    MEMHEAP_PARAM_PER_PE = 4
};

/** A size that may depend on the node. */
typedef struct memheap_share {
    size_t size;   /* bytes; with of_total, millionths of the node's memory */
    bool of_total; /* size is a part of the node's memory */
    bool split;    /* the PEs of the node divide it among them */
} memheap_share_t;

/** The value of a parameter; its type says which member. */
typedef union memheap_value {
    const char *string;
    long integer;
    size_t size;
    bool boolean; /* BOOL and FLAG */
    memheap_share_t share;
} memheap_value_t;

typedef struct memheap_param_def {
    /** The whole name. For a parameter of a component, the part after
     *  MEMHEAP_<COMPONENT>_, in lower case. */
    const char *name;
    memheap_param_type_t type;
    /** The unit of a number; "" for none. */
    const char *unit;
    /** As the user would write it. "" reads as "" or 0. */
    const char *default_text;
    const char *help;
    /** An older name of the variable, read if name is not set; or NULL. */
    const char *old_name;
    /** MEMHEAP_PARAM_JOB and the like, or 0. */
    unsigned flags;
    /** The least and greatest value of an INT or SIZE. Both 0: any. */
    size_t minimum, maximum;
    /** A SIZE must be a power of two. */
    bool power_of_two;
    /** The choices for a STRING, ended by a NULL; upper and lower case are
     *  equal, and the value points to the choice. A choice that ends in :N
     *  stands for any number there, and the value is the user's text. NULL:
     *  any text. */
    const char *const *words;
} memheap_param_def_t;

#ifdef __cplusplus
}
#endif

#endif
