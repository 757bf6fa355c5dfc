/*
 * Owners of symmetric memory in C++: the memory ends when the owners on all PEs
 * have gone, in whatever order that happens.
 *
 *   oshc++ owner.cpp -o owner && oshrun -n 4 ./owner
 */
#include <shmem.h>
#include <shmemx.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace
{

/* A destructor runs on one PE, at a time of its own. So it must not make a
 * collective call, but it may release a block. */
struct Release {
    void operator()(void *block) const { shmemx_release(block); }
};

template <typename T> using symmetric_ptr = std::unique_ptr<T[], Release>;

/* Elements of zeros. Collective: all PEs ask for as many. */
template <typename T> symmetric_ptr<T> make_symmetric(std::size_t count)
{
    void *block = shmem_calloc(count, sizeof(T));
    if (block == nullptr) {
        std::fprintf(stderr, "the symmetric heap is full\n");
        shmem_global_exit(EXIT_FAILURE);
    }
    return symmetric_ptr<T>(static_cast<T *>(block));
}

} // namespace

int main()
{
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    std::size_t unused = shmemx_heap_free();
    {
        /* A table of rows. Each PE drops some of its rows earlier. */
        std::vector<symmetric_ptr<long>> rows;
        for (int i = 0; i < 8; i++)
            rows.push_back(make_symmetric<long>(1000));
        for (auto &row : rows)
            shmem_long_p(&row[static_cast<std::size_t>(me)], me + 1,
                         (me + 1) % n);
        shmem_barrier_all();
        long from = rows[7][static_cast<std::size_t>((me + n - 1) % n)];
        std::printf("PE %d: %ld from its neighbour\n", me, from);
        if (me % 2 == 0)
            rows.resize(4);
        auto kept = std::move(rows.front()); /* still one owner */
    }
    std::size_t waiting = shmemx_heap_released();
    std::size_t ended = shmemx_heap_collect();
    if (me == 0)
        std::printf("%zu bytes waited; %zu rows have ended; %s\n", waiting,
                    ended,
                    shmemx_heap_free() == unused ? "all memory is back"
                                                 : "memory is missing");
    shmem_finalize();
    return EXIT_SUCCESS;
}
