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
    MEMHEAP_PARAM_SIZE,  /* as memheap_parse_size() reads it */
    MEMHEAP_PARAM_SHARE, /* as memheap_parse_share() does */
    MEMHEAP_PARAM_BOOL,  /* 1, 0, yes, no, on, off, true, false */
    MEMHEAP_PARAM_FLAG   /* true if set to anything at all */
} memheap_param_type_t;

/** A size that may depend on the machine. */
typedef struct memheap_share {
    size_t size;   /* bytes, or millionths of the machine's memory */
    bool of_total; /* the latter */
    bool split;    /* among the processes on the machine */
} memheap_share_t;

typedef union memheap_value {
    const char *string;
    long integer;
    size_t size;
    bool boolean;
    memheap_share_t share;
} memheap_value_t;

typedef struct memheap_param_def {
    /** The whole name, or for a component's own the part behind
     *  MEMHEAP_<COMPONENT>_, in lower case. */
    const char *name;
    memheap_param_type_t type;
    /** Of a number; "" for none. */
    const char *unit;
    /** As the user would write it; "" for none, which reads as "" or 0. */
    const char *default_text;
    const char *help;
    /** An older name of the variable, read where name is not set; or NULL. */
    const char *old_name;
    /** The least and greatest value of an INT or SIZE, both 0 for any. */
    size_t minimum, maximum;
    /** A SIZE must be one. */
    bool power_of_two;
    /** A STRING must be one of these, up to a NULL, in either case; its value
     *  is the very one of them. One that ends in :N stands for any number
     *  there, and its value is as it was written. NULL for any text. */
    const char *const *words;
} memheap_param_def_t;

#ifdef __cplusplus
}
#endif

#endif
