/*
 * Definitions of parameters: name, type, default and limits.
 *
 * A component defines its own parameters in an array of memheap_param_def_t. It
 * receives their values in create().
 */
#ifndef MEMHEAP_MEMHEAP_PARAM_H
#define MEMHEAP_MEMHEAP_PARAM_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Types of parameters. */
typedef enum memheap_param_type {
    MEMHEAP_PARAM_STRING,
    MEMHEAP_PARAM_INT,
    MEMHEAP_PARAM_SIZE,  /* bytes: "512", "64k", "3.1M", "2g", "1T" */
    MEMHEAP_PARAM_SHARE, /* size or share of the node: "8g/node", "50%" */
    MEMHEAP_PARAM_BOOL,  /* 1, 0, yes, no, on, off, true, false */
    MEMHEAP_PARAM_FLAG   /* true if the variable is set to anything */
} memheap_param_type_t;

/** Flags of a definition. */
enum {
    /** Read when a job starts. Ignored by a heap without a job. */
    MEMHEAP_PARAM_JOB = 1,
    /** Read once for the process; not settable for one heap. */
    MEMHEAP_PARAM_PROCESS = 2,
    /** The PEs of a job may have different values. */
    MEMHEAP_PARAM_PER_PE = 4
};

/** A size that may depend on the node. */
typedef struct memheap_share {
    size_t size;   /* bytes; with of_total, millionths of the node's memory */
    bool of_total; /* relative to the node's memory */
    bool split;    /* divided by the number of PEs of the node */
} memheap_share_t;

/** The value of a parameter. The parameter's type tells the member. */
typedef union memheap_value {
    const char *string;
    long integer;
    size_t size;
    bool boolean; /* types BOOL and FLAG */
    memheap_share_t share;
} memheap_value_t;

/** The definition of a parameter. */
typedef struct memheap_param_def {
    /** The full name. For a parameter of a component, only the part after
     *  MEMHEAP_<COMPONENT>_, in lower case. */
    const char *name;
    /** How values are written and read. */
    memheap_param_type_t type;
    /** The unit of a number, or "". */
    const char *unit;
    /** The default as the user would write it. "" stands for "" or 0. */
    const char *default_text;
    /** One sentence about what it does. */
    const char *help;
    /** Other names of the variable, separated by blanks, read in this order if
     *  name is not set; may be NULL. */
    const char *old_name;
    /** MEMHEAP_PARAM_JOB and other flags, or 0. */
    unsigned flags;
    /** Bounds of an INT or SIZE. Both 0: unbounded. */
    size_t minimum, maximum;
    /** Whether a SIZE must be a power of two. */
    bool power_of_two;
    /** Choices for a STRING, terminated by NULL and compared without case. The
     *  value then points to the choice. A choice that ends in :N accepts any
     *  number there, and the value is the user's text. NULL: any text. */
    const char *const *words;
} memheap_param_def_t;

#ifdef __cplusplus
}
#endif

#endif
