/*
 * The biased lock.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "base/biased_lock.h"

#include <pthread.h>
#include <sched.h>

enum {
    THREADS = 3,
    STEPS = 20000,
    ROUNDS = 50,
    LOOKS = 1000
};

static memheap_biased_lock_t bias;
static _Atomic size_t count;
static pthread_barrier_t start;

/* Increment in two steps, so that a race would show. */
static void increase(void)
{
    size_t before = atomic_load_explicit(&count, memory_order_relaxed);
    atomic_store_explicit(&count, before + 1, memory_order_relaxed);
}

static void *add(void *context)
{
    pthread_barrier_wait(&start);
    for (size_t i = 0; i < STEPS; i++) {
        memheap_biased_lock_acquire(&bias);
        increase();
        memheap_biased_lock_release(&bias);
    }
    return context;
}

static void *take_once(void *context)
{
    memheap_biased_lock_acquire(&bias);
    increase();
    memheap_biased_lock_release(&bias);
    return context;
}

static void run_in_thread(void *(*work)(void *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
}

static void assert_free(void)
{
    ck_assert_uint_eq(atomic_load(&bias.inside), 0);
    ck_assert_int_eq(atomic_load(&bias.word), 0);
}

START_TEST(first_thread_takes_it_without_the_word)
{
    take_once(NULL); /* becomes the owner if membarrier(2) is available */
    assert_free();
    if (atomic_load(&bias.owner) == MEMHEAP_BIASED_LOCK_REVOKED)
        return;
    ck_assert_uint_eq(atomic_load(&bias.owner),
                      (uintptr_t)&memheap_biased_lock_self);
    memheap_biased_lock_acquire(&bias);
    ck_assert_int_eq(atomic_load(&bias.word), 0);
    ck_assert_uint_eq(atomic_load(&bias.inside),
                      (uintptr_t)&memheap_biased_lock_self);
    memheap_biased_lock_release(&bias);
    assert_free();
}
END_TEST

START_TEST(second_thread_ends_the_ownership)
{
    take_once(NULL);
    run_in_thread(take_once);
    assert_free();
    ck_assert_uint_eq(atomic_load(&bias.owner), MEMHEAP_BIASED_LOCK_REVOKED);
    memheap_biased_lock_acquire(&bias);
    ck_assert_int_eq(atomic_load(&bias.word), 1);
    memheap_biased_lock_release(&bias);
    assert_free();
    ck_assert_uint_eq(atomic_load(&count), 2);
}
END_TEST

START_TEST(owner_inside_is_waited_for)
{
    pthread_t thread;
    take_once(NULL);
    if (atomic_load(&bias.owner) == MEMHEAP_BIASED_LOCK_REVOKED)
        return;
    memheap_biased_lock_acquire(&bias);
    pthread_create(&thread, NULL, take_once, NULL);
    while (atomic_load(&bias.owner) != MEMHEAP_BIASED_LOCK_REVOKED)
        sched_yield();
    for (size_t i = 0; i < LOOKS; i++) {
        ck_assert_uint_eq(atomic_load(&count), 1);
        sched_yield();
    }
    memheap_biased_lock_release(&bias);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(atomic_load(&count), 2);
    assert_free();
}
END_TEST

/* Each round has a new owner, and the other threads arrive meanwhile. */
START_TEST(one_thread_at_a_time_is_inside)
{
    pthread_t thread[THREADS];
    pthread_barrier_init(&start, NULL, THREADS);
    for (size_t round = 1; round <= ROUNDS; round++) {
        bias = (memheap_biased_lock_t){0};
        for (size_t i = 0; i < THREADS; i++)
            pthread_create(&thread[i], NULL, add, NULL);
        for (size_t i = 0; i < THREADS; i++)
            pthread_join(thread[i], NULL);
        assert_free();
        ck_assert_uint_eq(atomic_load(&count), round * THREADS * STEPS);
    }
    pthread_barrier_destroy(&start);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_test(tests, first_thread_takes_it_without_the_word);
    tcase_add_test(tests, second_thread_ends_the_ownership);
    tcase_add_test(tests, owner_inside_is_waited_for);
    tcase_add_test(tests, one_thread_at_a_time_is_inside);
    return unit_run("biased_lock", tests);
}
