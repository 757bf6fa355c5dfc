# Benchmarks of memheap and of other allocators.
#
# arena-NAME.so: the module of one component alone, for a trace replay. The
# compiler is called without libtool, which would put the result in a subfolder.
arena_common = $(srcdir)/bench/arena.c $(srcdir)/base/array.c \
	$(srcdir)/base/hashmap.c $(srcdir)/base/log.c $(srcdir)/base/memory.c \
	$(srcdir)/base/nearest.c $(srcdir)/base/params.c \
	$(srcdir)/base/param_parse.c $(srcdir)/base/text.c
arena_link = $(AM_V_CCLD)$(CC) $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) \
	-O2 $(CFLAGS) -fPIC -shared $(LDFLAGS)
EXTRA_DIST += bench/arena.c bench/arena-bump.c bench/arena-malloc.c \
	bench/arena-null.c bench/arena-public.c bench/preload.c

arena_components = bench/arena-buddy.so bench/arena-fit.so \
	bench/arena-mempool.so bench/arena-ptmalloc.so
arena_others = bench/arena-bump.so bench/arena-malloc.so bench/arena-null.so

$(arena_components): bench/arena.c $(base_sources)
	@$(MKDIR_P) bench
	$(arena_link) -DARENA_COMPONENT=$(@:bench/arena-%.so=%) -o $@ \
		$(arena_common) $(addprefix $(srcdir)/,$(filter %.c,\
		$($(@:bench/arena-%.so=%_sources))))
bench/arena-buddy.so: $(buddy_sources)
bench/arena-fit.so: $(fit_sources)
bench/arena-mempool.so: $(mempool_sources)
bench/arena-ptmalloc.so: $(ptmalloc_sources)

$(arena_others): bench/arena-bump.c bench/arena-malloc.c bench/arena-null.c
	@$(MKDIR_P) bench
	$(arena_link) $(arena_flags) -o $@ $(srcdir)/$(@:.so=.c)
bench/arena-malloc.so: arena_flags = -fno-builtin

# Shared objects that call libmemheap of the build folder: for bench/public, and
# for bench/programs.
public_callers = bench/arena-public.so bench/preload.so
$(public_callers): bench/arena-public.c bench/preload.c libmemheap.la
	@$(MKDIR_P) bench
	$(arena_link) -fno-builtin -o $@ $(srcdir)/$(@:.so=.c) -L.libs -lmemheap \
		-Wl,-rpath,$(abs_builddir)/.libs

noinst_DATA += $(arena_others) $(public_callers)
if COMPONENT_BUDDY
noinst_DATA += bench/arena-buddy.so
endif
if COMPONENT_FIT
noinst_DATA += bench/arena-fit.so
endif
if COMPONENT_MEMPOOL
noinst_DATA += bench/arena-mempool.so
endif
if COMPONENT_PTMALLOC
noinst_DATA += bench/arena-ptmalloc.so
endif
CLEANFILES += $(arena_components) $(arena_others) $(public_callers)

# Headers that several programs include.
bench_common = bench/common/random.h bench/common/timing.h

# For bench/scale.
noinst_PROGRAMS += bench/scale-point
bench_scale_point_SOURCES = bench/scale-point.c $(bench_common)
bench_scale_point_LDADD = libmemheap.la
bench_scale_point_LDFLAGS = -no-install

# For bench/cache.
noinst_PROGRAMS += bench/cache-churn
bench_cache_churn_SOURCES = bench/cache-churn.c $(bench_common)
bench_cache_churn_LDADD = libmemheap.la
bench_cache_churn_LDFLAGS = -no-install

# For docs/performance.md.
noinst_PROGRAMS += bench/context-point
bench_context_point_SOURCES = bench/context-point.c $(bench_common)
bench_context_point_LDADD = libmemheap.la
bench_context_point_LDFLAGS = -no-install

# For bench/allocators, bench/public and bench/soak.
if LZMA
noinst_PROGRAMS += bench/arena-replay bench/soak-rounds
bench_arena_replay_SOURCES = bench/arena-replay.c bench/common/timing.h \
	$(trace_sources)
bench_arena_replay_CFLAGS = $(AM_CFLAGS) $(LZMA_CFLAGS)
bench_arena_replay_LDADD = $(LZMA_LIBS)
bench_soak_rounds_SOURCES = bench/soak-rounds.c $(bench_common) \
	$(trace_sources)
bench_soak_rounds_CFLAGS = $(AM_CFLAGS) $(LZMA_CFLAGS)
bench_soak_rounds_LDADD = libmemheap.la $(LZMA_LIBS)
bench_soak_rounds_LDFLAGS = -no-install
endif

# For docs/performance.md.
noinst_PROGRAMS += bench/copy-ways
bench_copy_ways_SOURCES = bench/copy-ways.c bench/common/timing.h

# For bench/threads, which preloads other libraries.
noinst_PROGRAMS += bench/thread-churn
bench_thread_churn_SOURCES = bench/thread-churn.c $(bench_common)
bench_thread_churn_LDADD = libmemheap.la
bench_thread_churn_LDFLAGS = -no-install

# For bench/programs. It is small, and loads no library of memheap.
noinst_PROGRAMS += bench/measured
bench_measured_SOURCES = bench/measured.c bench/common/timing.h

# Programs that use OpenSHMEM only. bench/compare and bench/pgas also build them
# with other libraries. They are built without libtool's wrapper script, which
# would add to the startup time.
if MPI
noinst_PROGRAMS += bench/pages-ops bench/pgas-batch bench/pgas-footprint \
	bench/pgas-ops bench/pgas-scale
bench_pages_ops_SOURCES = bench/pages-ops.c $(bench_common)
bench_pages_ops_LDADD = libmemheap_shmem.la
bench_pages_ops_LDFLAGS = -no-install
bench_pgas_batch_SOURCES = bench/pgas-batch.c bench/common/timing.h
bench_pgas_batch_LDADD = libmemheap_shmem.la
bench_pgas_batch_LDFLAGS = -no-install
bench_pgas_footprint_SOURCES = bench/pgas-footprint.c
bench_pgas_footprint_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CFLAGS)
bench_pgas_footprint_LDADD = libmemheap_shmem.la $(MPI_LIBS)
bench_pgas_ops_SOURCES = bench/pgas-ops.c bench/common/timing.h
bench_pgas_ops_LDADD = libmemheap_shmem.la
bench_pgas_ops_LDFLAGS = -no-install
bench_pgas_scale_SOURCES = bench/pgas-scale.c bench/common/timing.h
bench_pgas_scale_LDADD = libmemheap_shmem.la
bench_pgas_scale_LDFLAGS = -no-install
if LZMA
noinst_PROGRAMS += bench/pgas-replay bench/pgas-sync
bench_pgas_replay_SOURCES = bench/pgas-replay.c bench/common/timing.h \
	$(trace_sources)
bench_pgas_replay_CFLAGS = $(AM_CFLAGS) $(LZMA_CFLAGS)
bench_pgas_replay_LDADD = libmemheap_shmem.la $(LZMA_LIBS)
bench_pgas_sync_SOURCES = bench/pgas-sync.c bench/common/timing.h
bench_pgas_sync_LDADD = libmemheap_shmem.la
endif
endif
EXTRA_DIST += bench/common/common.sh bench/allocators bench/applications bench/cache \
	bench/compare bench/on-nodes bench/openmpi-component bench/pages bench/pair bench/pgas \
	bench/programs bench/public bench/scale bench/scale-pes bench/soak \
	bench/threads
