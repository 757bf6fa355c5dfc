/*
 * Page kinds and NUMA placement of heaps. What is granted is read back from the
 * kernel; what is not is reported. If this machine does not offer a kind, only
 * the failure is tested.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "base/sysinfo.h"
#include "base/numa.h"
#include "base/pages.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static unit_log_t messages;

/* Create a heap with a memory policy, or with two parameters. */
static memheap_status_t create(size_t size, memheap_memory_policy_t policy,
                               const char *pages, const char *place,
                               memheap_t **heap_p)
{
    const char *params[] = {pages, place, NULL};
    unit_log_init(&messages);
    memheap_config_t config = {.size = size,
                               .log = &messages.log,
                               .policy = policy,
                               .params = pages == NULL ? NULL : params};
    return memheap_create(&config, heap_p);
}

static memheap_t *create_by(size_t size, const char *pages, const char *place)
{
    memheap_t *heap = NULL;
    ck_assert_ok(create(size, (memheap_memory_policy_t){.numa_node = 0}, pages,
                        place, &heap));
    return heap;
}

/* Touch a block of a heap and query its memory. */
static memheap_placement_t touch(memheap_t *heap, size_t size)
{
    memheap_placement_t placement;
    void *block;
    ck_assert_ok(memheap_alloc_aligned(heap, 2 * MIB, size, &block));
    memset(block, 1, size);
    ck_assert_ok(memheap_get_placement(heap, &placement));
    return placement;
}

static bool has_policies(void)
{
    void *page =
        mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    int error =
        memheap_numa_set(page, 4096, MEMHEAP_NUMA_LOCAL, 0, MEMHEAP_PREFERRED);
    munmap(page, 4096);
    return error == 0;
}

static unsigned first_node(void)
{
    memheap_nodes_t nodes;
    unsigned node = 0;
    memheap_numa_nodes(&nodes);
    while (!memheap_nodes_has(&nodes, node))
        node++;
    return node;
}

START_TEST(default_is_what_the_system_does)
{
    memheap_t *heap = create_by(64 * MIB, NULL, NULL);
    memheap_placement_t placement = touch(heap, 4 * MIB);
    ck_assert_int_eq(placement.pages, MEMHEAP_PAGES_DEFAULT);
    ck_assert_int_eq(placement.numa, MEMHEAP_NUMA_DEFAULT);
    ck_assert_uint_eq(placement.page_size, (size_t)sysconf(_SC_PAGESIZE));
    ck_assert_uint_ge(placement.resident, 4 * MIB);
    ck_assert_uint_eq(messages.count, 0);
    memheap_destroy(heap);
}
END_TEST

START_TEST(small_pages_are_small)
{
    memheap_t *heap =
        create_by(64 * MIB, "MEMHEAP_PAGES=mandatory:4k", "MEMHEAP_PLACE=none");
    memheap_placement_t placement = touch(heap, 8 * MIB);
    ck_assert_uint_eq(placement.huge, 0);
    if (strcmp(memheap_sysinfo_transparent_huge(), "unknown") != 0)
        ck_assert_int_eq(placement.pages, MEMHEAP_PAGES_4K);
    memheap_destroy(heap);
}
END_TEST

START_TEST(transparent_huge_pages_are_huge)
{
    const char *word = memheap_sysinfo_transparent_huge();
    if (strcmp(word, "always") != 0 && strcmp(word, "madvise") != 0)
        return; /* this machine has none */
    memheap_t *heap = create_by(64 * MIB, "MEMHEAP_PAGES=mandatory:thp", NULL);
    memheap_placement_t placement = touch(heap, 16 * MIB);
    ck_assert_int_eq(placement.pages, MEMHEAP_PAGES_THP);
    ck_assert_uint_gt(placement.huge, 0);
    ck_assert_uint_le(placement.huge, placement.resident);
    memheap_destroy(heap);
}
END_TEST

START_TEST(disabled_transparent_huge_pages_are_reported)
{
    static const char *const setting[] = {"MEMHEAP_PAGES=thp",
                                          "MEMHEAP_PAGES=mandatory:thp"};
    memheap_t *heap = NULL;
    ck_assert_int_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    memheap_status_t status =
        create(64 * MIB, (memheap_memory_policy_t){.numa_node = 0}, setting[_i],
               NULL, &heap);
    prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    ck_assert_int_eq(status, _i == 0 ? MEMHEAP_OK : MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_uint_eq(messages.count, 1);
    ck_assert_logged(&messages, "transparent huge pages are");
    ck_assert_logged(&messages, _i == 0 ? "preferred" : "mandatory");
    ck_assert(strstr(messages.text, "PR_SET_THP_DISABLE") != NULL ||
              strstr(messages.text, "transparent_hugepage/enabled") != NULL);
    if (_i == 0) {
        ck_assert_logged(&messages, "using the system's pages");
        memheap_placement_t placement = touch(heap, 4 * MIB);
        ck_assert_int_eq(placement.pages, MEMHEAP_PAGES_DEFAULT);
    }
    memheap_destroy(heap);
}
END_TEST

START_TEST(heap_below_a_huge_page_has_none)
{
    memheap_memory_policy_t policy = {.pages = MEMHEAP_PAGES_THP,
                                      .pages_mode = MEMHEAP_MANDATORY};
    memheap_t *heap = NULL;
    ck_assert_int_eq(create(64 * KIB, policy, NULL, NULL, &heap),
                     MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_uint_eq(messages.count, 1);
    ck_assert_ptr_null(heap);
}
END_TEST

/* More than any pool has. */
START_TEST(pages_missing_in_the_pool_are_reported)
{
    memheap_memory_policy_t policy = {
        .pages = _i < 2 ? MEMHEAP_PAGES_2M : MEMHEAP_PAGES_1G,
        .pages_mode = _i % 2 == 0 ? MEMHEAP_PREFERRED : MEMHEAP_MANDATORY};
    memheap_t *heap = NULL;
    memheap_status_t status = create(64 * TIB, policy, NULL, NULL, &heap);
    ck_assert_uint_eq(messages.count, 1);
    ck_assert_logged(&messages, _i < 2 ? "pages of 2 MiB" : "pages of 1 GiB");
    ck_assert_logged(&messages, _i < 2 ? "hugepages/hugepages-2048kB"
                                       : "hugepages/hugepages-1048576kB");
    if (policy.pages_mode == MEMHEAP_MANDATORY) {
        ck_assert_int_eq(status, MEMHEAP_ERR_UNSUPPORTED);
        ck_assert_logged(&messages, "are mandatory for a heap");
        ck_assert_ptr_null(heap);
        return;
    }
    ck_assert_ok(status);
    ck_assert_logged(&messages, "using the system's pages");
    memheap_placement_t placement = touch(heap, MIB);
    ck_assert_int_eq(placement.pages, MEMHEAP_PAGES_DEFAULT);
    ck_assert_uint_eq(placement.page_size, (size_t)sysconf(_SC_PAGESIZE));
    memheap_destroy(heap);
}
END_TEST

START_TEST(pages_of_the_pool_are_used)
{
    size_t total;
    size_t unused;
    memheap_sysinfo_huge_pages(2 * MIB, &total, &unused);
    if (unused < 4)
        return; /* nr_hugepages is 0 */
    memheap_t *heap = create_by(7 * MIB, "MEMHEAP_PAGES=mandatory:2m",
                                "MEMHEAP_PLACE=mandatory:local");
    size_t left;
    memheap_sysinfo_huge_pages(2 * MIB, &total, &left);
    ck_assert_uint_eq(left, unused - 4);
    memheap_placement_t placement = touch(heap, 5 * MIB);
    ck_assert_int_eq(placement.pages, MEMHEAP_PAGES_2M);
    ck_assert_uint_eq(placement.page_size, 2 * MIB);
    ck_assert_uint_eq(placement.huge, 8 * MIB);
    ck_assert_uint_eq(placement.resident, 8 * MIB);
    /* They are kept. */
    ck_assert_ok(memheap_trim(heap, 0));
    ck_assert_uint_eq(memheap_resident(heap), 8 * MIB);
    void *block;
    ck_assert_ok(memheap_alloc(heap, 2 * MIB, &block));
    memset(block, 1, 2 * MIB);
    ck_assert_int_eq(memheap_alloc(heap, 2 * MIB, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    memheap_destroy(heap);
    memheap_sysinfo_huge_pages(2 * MIB, &total, &left);
    ck_assert_uint_eq(left, unused);
}
END_TEST

START_TEST(pool_of_a_node_must_hold_all_of_the_heap)
{
    size_t total;
    size_t unused;
    memheap_sysinfo_huge_pages(2 * MIB, &total, &unused);
    if (unused < 4 || !has_policies())
        return;
    memheap_memory_policy_t policy = {.pages = MEMHEAP_PAGES_2M,
                                      .numa = MEMHEAP_NUMA_NODE,
                                      .numa_node = first_node(),
                                      .numa_mode = MEMHEAP_MANDATORY};
    memheap_t *heap;
    ck_assert_ok(create(8 * MIB, policy, NULL, NULL, &heap));
    memheap_placement_t placement = touch(heap, 4 * MIB);
    ck_assert_uint_eq(placement.on_node[policy.numa_node], placement.sampled);
    ck_assert_uint_eq(placement.resident, 8 * MIB);
    memheap_destroy(heap);
}
END_TEST

START_TEST(size_is_rounded_up_to_pages_of_the_kind)
{
    memheap_stats_t stats;
    memheap_t *heap = create_by(100, "MEMHEAP_PAGES=2m", NULL);
    memheap_get_stats(heap, &stats);
    ck_assert_uint_eq(stats.size, 2 * MIB);
    memheap_destroy(heap);
}
END_TEST

static const struct {
    const char *setting;
    memheap_numa_policy_t numa;
    memheap_policy_mode_t mode;
} places[] = {
    {"MEMHEAP_PLACE=none", MEMHEAP_NUMA_DEFAULT, MEMHEAP_PREFERRED},
    {"MEMHEAP_PLACE=local", MEMHEAP_NUMA_LOCAL, MEMHEAP_PREFERRED},
    {"MEMHEAP_PLACE=interleave", MEMHEAP_NUMA_INTERLEAVE, MEMHEAP_PREFERRED},
    {"MEMHEAP_PLACE=node:0", MEMHEAP_NUMA_NODE, MEMHEAP_PREFERRED},
    {"MEMHEAP_PLACE=mandatory:node:0", MEMHEAP_NUMA_NODE, MEMHEAP_MANDATORY},
    {"MEMHEAP_PLACE=Mandatory:Node:0", MEMHEAP_NUMA_NODE, MEMHEAP_MANDATORY},
    {"MEMHEAP_PLACE=mandatory:interleave", MEMHEAP_NUMA_INTERLEAVE,
     MEMHEAP_PREFERRED},
};

START_TEST(numa_policy_is_read_back)
{
    if (!has_policies() || first_node() != 0)
        return;
    memheap_t *heap =
        create_by(64 * MIB, "MEMHEAP_PAGES=default", places[_i].setting);
    memheap_placement_t placement = touch(heap, MIB);
    ck_assert_int_eq(placement.numa, places[_i].numa);
    ck_assert_int_eq(placement.numa_mode, places[_i].mode);
    ck_assert_uint_gt(placement.sampled, 0);
    if (placement.numa == MEMHEAP_NUMA_NODE)
        ck_assert_uint_eq(placement.on_node[0], placement.sampled);
    ck_assert_uint_eq(messages.count, 0);
    memheap_destroy(heap);
}
END_TEST

START_TEST(missing_node_is_reported)
{
    memheap_memory_policy_t policy = {.numa = MEMHEAP_NUMA_NODE,
                                      .numa_node = 1000,
                                      .numa_mode = _i == 0 ? MEMHEAP_PREFERRED
                                                           : MEMHEAP_MANDATORY};
    memheap_t *heap = NULL;
    memheap_status_t status = create(MIB, policy, NULL, NULL, &heap);
    ck_assert_int_eq(status, _i == 0 ? MEMHEAP_OK : MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_uint_eq(messages.count, 1);
    ck_assert_logged(&messages, "the system has no node 1000");
    ck_assert_logged(&messages, _i == 0 ? "using" : "mandatory");
    memheap_destroy(heap);
}
END_TEST

START_TEST(two_nodes_can_be_simulated)
{
    memheap_nodes_t nodes;
    setenv("MEMHEAP_TEST_NODES", "2", 1);
    ck_assert_uint_eq(memheap_numa_nodes(&nodes), 2);
    ck_assert(memheap_nodes_has(&nodes, 1) && !memheap_nodes_has(&nodes, 2));
    ck_assert_uint_eq(memheap_numa_distance(1, 1), 10);
    ck_assert_uint_eq(memheap_numa_distance(0, 1), 20);
    if (has_policies()) {
        memheap_t *heap = create_by(64 * MIB, "MEMHEAP_PLACE=mandatory:node:1",
                                    "MEMHEAP_PAGES=default");
        memheap_placement_t placement = touch(heap, MIB);
        ck_assert_int_eq(placement.numa, MEMHEAP_NUMA_NODE);
        memheap_destroy(heap);
    }
    unsetenv("MEMHEAP_TEST_NODES");
}
END_TEST

START_TEST(node_that_is_full_is_out_of_memory)
{
    if (!has_policies())
        return;
    memheap_memory_policy_t policy = {.numa = MEMHEAP_NUMA_NODE,
                                      .numa_node = first_node(),
                                      .numa_mode = MEMHEAP_MANDATORY};
    memheap_t *heap;
    void *block;
    ck_assert_ok(create(64 * TIB, policy, NULL, NULL, &heap));
    ck_assert_int_eq(memheap_alloc(heap, 32 * TIB, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_logged(&messages, "growing to 32 TiB");
    memheap_destroy(heap);
}
END_TEST

/* If there is only one node, its memory is the machine's. The kernel's
 * counters of the node may differ, since some count memory that was added
 * later. */
START_TEST(memory_of_a_mandatory_node_is_that_of_the_node)
{
    size_t total;
    size_t available;
    size_t there = memheap_numa_available(first_node());
    memheap_sysinfo_memory(&total, &available);
    ck_assert_uint_gt(there, 0);
    size_t size = (size_t)1 << memheap_log2_floor(available);
    if (!has_policies() || size <= there || size > available / 8 * 7)
        return; /* the nodes cannot be told apart */
    memheap_t *heap;
    void *block;
    setenv("MEMHEAP_TEST_NODES", "2", 1);
    heap = create_by(size, "MEMHEAP_PLACE=mandatory:node:1", NULL);
    ck_assert_int_eq(memheap_alloc(heap, size, &block), MEMHEAP_ERR_NO_MEMORY);
    memheap_destroy(heap);
    setenv("MEMHEAP_TEST_NODES", "1", 1);
    heap = create_by(size, "MEMHEAP_PLACE=mandatory:node:0", NULL);
    ck_assert_ok(memheap_alloc(heap, size, &block));
    memheap_destroy(heap);
    unsetenv("MEMHEAP_TEST_NODES");
}
END_TEST

/* Run in a child whose kernel rejects NUMA policies. Returns 0 if the heap
 * reports that and is created. */
static int without_policies(memheap_policy_mode_t mode)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mbind, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, filter};
    memheap_memory_policy_t policy = {.numa = MEMHEAP_NUMA_INTERLEAVE,
                                      .numa_mode = mode};
    memheap_t *heap = NULL;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return 0; /* seccomp is not available */
    memheap_status_t status = create(MIB, policy, NULL, NULL, &heap);
    if (strstr(messages.text, "the kernel rejects the policy (Operation not "
                              "permitted)") == NULL)
        return 1;
    return mode == MEMHEAP_MANDATORY ? status != MEMHEAP_ERR_UNSUPPORTED
                                     : status != MEMHEAP_OK || heap == NULL;
}

START_TEST(kernel_without_policies_is_reported)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(
            without_policies(_i == 0 ? MEMHEAP_PREFERRED : MEMHEAP_MANDATORY));
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(config_overrides_the_environment)
{
    memheap_memory_policy_t policy = {.pages = MEMHEAP_PAGES_DEFAULT,
                                      .numa = MEMHEAP_NUMA_DEFAULT};
    memheap_t *heap = NULL;
    setenv("MEMHEAP_PAGES", "mandatory:1g", 1);
    setenv("MEMHEAP_PLACE", "mandatory:node:1000", 1);
    ck_assert_ok(create(MIB, policy, NULL, NULL, &heap));
    memheap_destroy(heap);
    policy.numa = MEMHEAP_NUMA_UNSET;
    heap = NULL;
    ck_assert_int_eq(create(MIB, policy, NULL, NULL, &heap),
                     MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_logged(&messages, "no node 1000");
    unsetenv("MEMHEAP_PAGES");
    unsetenv("MEMHEAP_PLACE");
}
END_TEST

static const char *const bad[][2] = {
    {"MEMHEAP_PAGES=3m", "default, 4k, thp, 2m, 1g, mandatory:4k"},
    {"MEMHEAP_PAGES=mandatory:default", "mandatory:2m or mandatory:1g"},
    {"MEMHEAP_PLACE=node", "none, local, interleave, node:N"},
    {"MEMHEAP_PLACE=node:", "mandatory:node:N"},
    {"MEMHEAP_PLACE=node:1x", "mandatory:node:N"},
    {"MEMHEAP_PLACE=node:N", "mandatory:node:N"},
    {"MEMHEAP_PLACE=node:1024", "mandatory:node:N"},
    {"MEMHEAP_PLACE=node:18446744073709551616", "mandatory:node:N"},
    {"MEMHEAP_PLACE=mandatory:none", "mandatory:node:N"},
};

START_TEST(unknown_word_is_refused)
{
    memheap_t *heap = NULL;
    ck_assert_int_eq(create(MIB, (memheap_memory_policy_t){.numa_node = 0},
                            bad[_i][0], NULL, &heap),
                     MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(messages.count, 1);
    ck_assert_logged(&messages, bad[_i][1]);
}
END_TEST

START_TEST(range_of_the_callers_keeps_its_pages)
{
    static char range[65536] __attribute__((aligned(4096)));
    memheap_t *heap = NULL;
    unit_log_init(&messages);
    memheap_config_t config = {.base = range,
                               .size = sizeof(range),
                               .log = &messages.log,
                               .policy = {.pages = MEMHEAP_PAGES_4K}};
    ck_assert_int_eq(memheap_create(&config, &heap), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_logged(&messages, "the caller's");
    setenv("MEMHEAP_PAGES", "mandatory:1g", 1);
    config.policy.pages = MEMHEAP_PAGES_UNSET;
    ck_assert_ok(memheap_create(&config, &heap));
    memheap_placement_t placement;
    memset(range, 1, sizeof(range));
    ck_assert_ok(memheap_get_placement(heap, &placement));
    ck_assert_uint_eq(placement.sampled, sizeof(range) / 4096);
    memheap_destroy(heap);
    unsetenv("MEMHEAP_PAGES");
}
END_TEST

START_TEST(unknown_kind_is_a_bad_argument)
{
    memheap_t *heap = NULL;
    memheap_memory_policy_t policy = {.pages = (memheap_page_kind_t)17};
    ck_assert_int_eq(create(MIB, policy, NULL, NULL, &heap),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    policy = (memheap_memory_policy_t){.numa = (memheap_numa_policy_t)17};
    ck_assert_int_eq(create(MIB, policy, NULL, NULL, &heap),
                     MEMHEAP_ERR_BAD_ARGUMENT);
}
END_TEST

/* A shared region of 64 MiB, like that of the symmetric heap. */
static void share(memheap_region_t *region)
{
    int fd = memfd_create("memheap-test", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    unit_log_init(&messages);
    memheap_region_t range;
    ck_assert_ok(memheap_region_reserve(&range, 64 * MIB, &messages.log));
    ck_assert_ok(memheap_region_share(region, range.base, 64 * MIB, fd, 1,
                                      &messages.log));
}

/* Check that writes to a region are visible in its file. */
static void check_file(memheap_region_t *region)
{
    ck_assert_ok(memheap_region_commit(region, 3 * MIB, &messages.log));
    memcpy(region->base + 2 * MIB, "memheap", 8);
    char *window = mmap(NULL, 4 * MIB, PROT_READ, MAP_SHARED, region->fd, 0);
    ck_assert_ptr_ne(window, MAP_FAILED);
    ck_assert_str_eq(window + 2 * MIB, "memheap");
    munmap(window, 4 * MIB);
}

START_TEST(shared_region_falls_back_to_its_file)
{
    size_t total;
    size_t unused;
    memheap_region_t region;
    share(&region);
    memheap_sysinfo_huge_pages(MEMHEAP_GIB, &total, &unused);
    if (unused > 0)
        return;
    /* Mapping a region that is not a multiple of 1 GiB fails. */
    memheap_memory_policy_t policy = {.pages = MEMHEAP_PAGES_1G,
                                      .numa = MEMHEAP_NUMA_LOCAL};
    ck_assert_ok(memheap_pages_apply(&region, &policy, &messages.log));
    ck_assert_uint_ge(messages.count, 1);
    ck_assert_logged(&messages, "using the system's pages");
    ck_assert(!region.hugetlb);
    check_file(&region);
    memheap_region_release(&region);
}
END_TEST

START_TEST(shared_region_has_the_pages_it_asks_for)
{
    size_t total;
    size_t unused;
    memheap_sysinfo_huge_pages(2 * MIB, &total, &unused);
    bool had = unused >= 32;
    memheap_region_t region;
    memheap_placement_t placement;
    share(&region);
    memheap_memory_policy_t policy = {.pages = MEMHEAP_PAGES_2M,
                                      .pages_mode = MEMHEAP_MANDATORY,
                                      .numa = MEMHEAP_NUMA_DEFAULT};
    ck_assert_int_eq(memheap_pages_apply(&region, &policy, &messages.log),
                     had ? MEMHEAP_OK : MEMHEAP_ERR_UNSUPPORTED);
    if (had) {
        check_file(&region);
        ck_assert_ok(memheap_pages_query(&region, 4 * MIB, NULL, 0, &placement,
                                         &messages.log));
        ck_assert_int_eq(placement.pages, MEMHEAP_PAGES_2M);
        ck_assert_uint_eq(placement.huge, 16 * MIB);
    } else {
        ck_assert_logged(&messages, "64 MiB takes 32 of them");
    }
    memheap_region_release(&region);
}
END_TEST

/* Run in a child whose kernel has fewer huge pages than were reserved. Returns
 * 0 if commit() reports that and changes nothing. */
static int without_pages(void)
{
    memheap_region_t region;
    unit_log_init(&messages);
    if (!unit_refuse_advice(23 /* MADV_POPULATE_WRITE */, EFAULT))
        return 0; /* seccomp is not available */
    if (memheap_region_reserve(&region, 64 * MIB, &messages.log) != MEMHEAP_OK)
        return 1;
    region.hugetlb = true;
    return memheap_region_commit(&region, MIB, &messages.log) !=
               MEMHEAP_ERR_NO_MEMORY ||
           region.committed != 0 ||
           strstr(messages.text, "a control group may allow fewer") == NULL;
}

START_TEST(pages_not_granted_are_reported_without_a_signal)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(without_pages());
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_test(tests, default_is_what_the_system_does);
    tcase_add_test(tests, small_pages_are_small);
    tcase_add_test(tests, transparent_huge_pages_are_huge);
    tcase_add_loop_test(tests, disabled_transparent_huge_pages_are_reported, 0,
                        2);
    tcase_add_test(tests, heap_below_a_huge_page_has_none);
    tcase_add_loop_test(tests, pages_missing_in_the_pool_are_reported, 0, 4);
    tcase_add_test(tests, pages_of_the_pool_are_used);
    tcase_add_test(tests, pages_not_granted_are_reported_without_a_signal);
    tcase_add_test(tests, pool_of_a_node_must_hold_all_of_the_heap);
    tcase_add_test(tests, size_is_rounded_up_to_pages_of_the_kind);
    tcase_add_loop_test(tests, numa_policy_is_read_back, 0,
                        sizeof(places) / sizeof(places[0]));
    tcase_add_loop_test(tests, missing_node_is_reported, 0, 2);
    tcase_add_test(tests, two_nodes_can_be_simulated);
    tcase_add_test(tests, node_that_is_full_is_out_of_memory);
    tcase_add_test(tests, memory_of_a_mandatory_node_is_that_of_the_node);
    tcase_add_loop_test(tests, kernel_without_policies_is_reported, 0, 2);
    tcase_add_test(tests, config_overrides_the_environment);
    tcase_add_loop_test(tests, unknown_word_is_refused, 0,
                        sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tests, range_of_the_callers_keeps_its_pages);
    tcase_add_test(tests, unknown_kind_is_a_bad_argument);
    tcase_add_test(tests, shared_region_falls_back_to_its_file);
    tcase_add_test(tests, shared_region_has_the_pages_it_asks_for);
    return unit_run("pages", tests);
}
