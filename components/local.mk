# The allocators, one folder each.
buddy_sources = components/buddy/buddy.c
ptmalloc_sources = components/ptmalloc/bins.c components/ptmalloc/bins.h \
	components/ptmalloc/chunk.h components/ptmalloc/ptmalloc.c

component_sources =
if COMPONENT_BUDDY
component_sources += $(buddy_sources)
endif
if COMPONENT_PTMALLOC
component_sources += $(ptmalloc_sources)
endif
EXTRA_DIST += $(buddy_sources) $(ptmalloc_sources)
