# The allocators, one folder for each.
buddy_sources = components/buddy/buddy.c components/buddy/buddy_state.h \
	components/buddy/buddy_blocks.c components/buddy/buddy_blocks.h \
	components/buddy/buddy_check.c components/buddy/buddy_map.h
fit_sources = components/fit/fit.c components/fit/tree.c \
	components/fit/tree.h
mempool_sources = components/mempool/fragments.c \
	components/mempool/fragments.h components/mempool/mempool.c \
	components/mempool/mempool_state.h components/mempool/mempool_check.c \
	components/mempool/run.c components/mempool/run.h \
	components/mempool/slab.c components/mempool/slab.h
guard_sources = components/guard/guard.c
ptmalloc_sources = components/ptmalloc/bins.h components/ptmalloc/free_cache.h \
	components/ptmalloc/chunk.h components/ptmalloc/ptmalloc.c \
	components/ptmalloc/ptmalloc_state.h components/ptmalloc/ptmalloc_check.c \
	components/ptmalloc/block_map.h components/ptmalloc/free_space.c \
	components/ptmalloc/free_space.h components/ptmalloc/growth.h

# The component for guarded heaps is always built; it cannot be deselected.
component_sources = $(guard_sources)
if COMPONENT_BUDDY
component_sources += $(buddy_sources)
endif
if COMPONENT_FIT
component_sources += $(fit_sources)
endif
if COMPONENT_MEMPOOL
component_sources += $(mempool_sources)
endif
if COMPONENT_PTMALLOC
component_sources += $(ptmalloc_sources)
endif
EXTRA_DIST += $(buddy_sources) $(fit_sources) $(mempool_sources) \
	$(ptmalloc_sources)
