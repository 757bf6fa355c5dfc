/*
 * Included before each source of agree.test: a thread waits at random before it
 * stores or loads an atomic word, so that rare orders become frequent.
 */
#ifndef MEMHEAP_TESTS_UNIT_DELAYS_H
#define MEMHEAP_TESTS_UNIT_DELAYS_H

#include "config.h"

#include <stdatomic.h>

void unit_delay(void);

#undef atomic_store_explicit
#undef atomic_load_explicit
#ifdef __clang__
#define atomic_store_explicit(word, value, order)                              \
    (unit_delay(), __c11_atomic_store(word, value, order))
#define atomic_load_explicit(word, order)                                      \
    (unit_delay(), __c11_atomic_load(word, order))
#else
#define atomic_store_explicit(word, value, order)                              \
    (unit_delay(), __atomic_store_n(word, value, order))
#define atomic_load_explicit(word, order)                                      \
    (unit_delay(), __atomic_load_n(word, order))
#endif

#endif
