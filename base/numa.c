/*
 * NUMA by system calls, so that libnuma is not needed.
 */
#define _GNU_SOURCE /* secure_getenv() */
#include "config.h"

#include "base/numa.h"
#include "base/sysinfo.h"
#include "base/util.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING (1 << 13)
#endif

enum {
    SAMPLES = 4096,     /* pages examined */
    BATCH = 512,        /* pages of one system call */
    DISTANCE_SELF = 10, /* the firmware's distance of a node to itself */
    DISTANCE_OTHER = 20 /* a common distance of two nodes */
};

static const char node_folder[] = "/sys/devices/system/node";

/* Number of nodes that a test simulates; 0: none. */
static unsigned test_nodes(void)
{
    const char *text = secure_getenv("MEMHEAP_TEST_NODES");
    unsigned long count = text == NULL ? 0 : strtoul(text, NULL, 10);
    return count > MEMHEAP_NODE_MAX ? MEMHEAP_NODE_MAX : (unsigned)count;
}

static void add(memheap_nodes_t *nodes, unsigned node)
{
    nodes->word[node / 64] |= (uint64_t)1 << (node % 64);
}

static unsigned node_count(const memheap_nodes_t *nodes)
{
    unsigned count = 0;
    for (unsigned i = 0; i < MEMHEAP_NODE_MAX / 64; i++)
        count += (unsigned)__builtin_popcountll(nodes->word[i]);
    return count;
}

/* The nodes of the machine, simulated ones aside. */
static unsigned actual_nodes(memheap_nodes_t *nodes)
{
    *nodes = (memheap_nodes_t){{0}};
    long failed = syscall(SYS_get_mempolicy, NULL, nodes->word,
                          (unsigned long)MEMHEAP_NODE_MAX, NULL,
                          (unsigned long)MPOL_F_MEMS_ALLOWED);
    for (unsigned i = 0; failed != 0 && i < MEMHEAP_NODE_MAX; i++) {
        char path[80];
        snprintf(path, sizeof(path), "%s/node%u", node_folder, i);
        if (access(path, F_OK) == 0)
            add(nodes, i);
    }
    if (node_count(nodes) == 0)
        add(nodes, 0);
    return node_count(nodes);
}

/* The node of the machine that stands for a simulated one. */
static unsigned actual_node(unsigned node)
{
    memheap_nodes_t nodes;
    actual_nodes(&nodes);
    for (unsigned i = 0; test_nodes() > 0 && !memheap_nodes_has(&nodes, node);
         i++) {
        if (memheap_nodes_has(&nodes, i))
            return i;
    }
    return node;
}

unsigned memheap_numa_nodes(memheap_nodes_t *nodes)
{
    unsigned count = test_nodes();
    if (count == 0)
        return actual_nodes(nodes);
    *nodes = (memheap_nodes_t){{0}};
    for (unsigned i = 0; i < count; i++)
        add(nodes, i);
    return count;
}

char *memheap_numa_text(const memheap_nodes_t *nodes, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < MEMHEAP_NODE_MAX && used < room; i++) {
        if (memheap_nodes_has(nodes, i))
            used += (size_t)snprintf(text + used, room - used, "%s%u",
                                     used == 0 ? "" : ", ", i);
    }
    return text;
}

/* The file has the distances to all online nodes, in order. */
unsigned memheap_numa_distance(unsigned from, unsigned to)
{
    unsigned fallback = from == to ? DISTANCE_SELF : DISTANCE_OTHER;
    char path[80];
    snprintf(path, sizeof(path), "%s/node%u/distance", node_folder, from);
    FILE *file = test_nodes() > 0 ? NULL : fopen(path, "re");
    if (file == NULL)
        return fallback;
    unsigned distance = fallback;
    bool found = false;
    for (unsigned i = 0; i < MEMHEAP_NODE_MAX && !found; i++) {
        snprintf(path, sizeof(path), "%s/node%u", node_folder, i);
        if (access(path, F_OK) != 0)
            continue;
        if (fscanf(file, "%u", &distance) != 1)
            break;
        found = i == to;
    }
    fclose(file);
    return found ? distance : fallback;
}

size_t memheap_numa_available(unsigned node)
{
    static const char *const keys[] = {
        "MemFree:", "Active(file):", "Inactive(file):", "SReclaimable:"};
    char path[80];
    char line[160];
    size_t sum = 0;
    bool any = false;
    snprintf(path, sizeof(path), "%s/node%u/meminfo", node_folder,
             actual_node(node));
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            const char *at = strstr(line, keys[i]);
            if (at == NULL)
                continue;
            sum +=
                (size_t)strtoull(at + strlen(keys[i]), NULL, 10) * MEMHEAP_KIB;
            any = true;
        }
    }
    if (file != NULL)
        fclose(file);
    return any ? sum : SIZE_MAX;
}

size_t memheap_numa_huge_pages(unsigned node, size_t page_size)
{
    char path[160];
    unsigned long long pages = 0;
    snprintf(path, sizeof(path),
             "%s/node%u/hugepages/hugepages-%zukB/free_hugepages", node_folder,
             actual_node(node), page_size / MEMHEAP_KIB);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (size_t)pages;
}

unsigned memheap_numa_here(void)
{
    unsigned cpu = 0;
    unsigned node = 0;
    return syscall(SYS_getcpu, &cpu, &node, NULL) == 0 ? node : 0;
}

int memheap_numa_set(void *address, size_t size, memheap_numa_policy_t numa,
                     unsigned node, memheap_policy_mode_t mode)
{
    memheap_nodes_t nodes = {{0}};
    unsigned long policy = MPOL_PREFERRED; /* without a node: the local one */
    if (numa == MEMHEAP_NUMA_INTERLEAVE) {
        actual_nodes(&nodes);
        policy = MPOL_INTERLEAVE;
    } else if (numa == MEMHEAP_NUMA_NODE) {
        add(&nodes, actual_node(node));
        policy = mode == MEMHEAP_MANDATORY ? MPOL_BIND : MPOL_PREFERRED;
    } else if (numa != MEMHEAP_NUMA_LOCAL) {
        return 0;
    }
    /* The kernel subtracts one from the number of bits. */
    long failed = syscall(SYS_mbind, address, size, policy, nodes.word,
                          (unsigned long)MEMHEAP_NODE_MAX, 0ul);
    return failed == 0 ? 0 : errno;
}

static void get_policy(const char *address, memheap_placement_t *placement)
{
    memheap_nodes_t nodes = {{0}};
    int mode = MPOL_DEFAULT;
    placement->numa = MEMHEAP_NUMA_DEFAULT;
    if (syscall(SYS_get_mempolicy, &mode, nodes.word,
                (unsigned long)MEMHEAP_NODE_MAX, address,
                (unsigned long)MPOL_F_ADDR) != 0)
        return;
    unsigned first = 0;
    while (first + 1 < MEMHEAP_NODE_MAX && !memheap_nodes_has(&nodes, first))
        first++;
    switch (mode & ~(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES |
                     MPOL_F_NUMA_BALANCING)) {
    case MPOL_LOCAL:
        placement->numa = MEMHEAP_NUMA_LOCAL;
        break;
    case MPOL_INTERLEAVE:
        placement->numa = MEMHEAP_NUMA_INTERLEAVE;
        break;
    case MPOL_BIND:
        placement->numa_mode = MEMHEAP_MANDATORY;
        placement->numa = MEMHEAP_NUMA_NODE;
        placement->numa_node = first;
        break;
    case MPOL_PREFERRED:
        placement->numa =
            node_count(&nodes) == 0 ? MEMHEAP_NUMA_LOCAL : MEMHEAP_NUMA_NODE;
        placement->numa_node = node_count(&nodes) == 0 ? 0 : first;
        break;
    }
}

void memheap_numa_get(const char *address, size_t size,
                      memheap_placement_t *placement)
{
    const void *page[BATCH];
    int node[BATCH];
    size_t unit = memheap_page_size();
    get_policy(address, placement);
    /* An odd step, so that sampling does not coincide with interleaving. */
    size_t step = (size / SAMPLES / unit | 1) * unit;
    for (size_t at = 0; at < size;) {
        size_t count = 0;
        for (; count < BATCH && at < size; at += step)
            page[count++] = address + at;
        /* Without target nodes, move_pages() tells where the pages are. */
        if (syscall(SYS_move_pages, 0, (unsigned long)count, page, NULL, node,
                    0) != 0)
            return;
        for (size_t i = 0; i < count; i++) {
            placement->sampled += node[i] >= 0;
            if (node[i] >= 0 && node[i] < MEMHEAP_PLACEMENT_NODES)
                placement->on_node[node[i]]++;
        }
    }
}
