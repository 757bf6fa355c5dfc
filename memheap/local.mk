# libmemheap: heaps without MPI.
memheap_headers = include/memheap/cache.h include/memheap/call_sites.h \
	include/memheap/component.h include/memheap/context.h \
	include/memheap/log.h include/memheap/memheap.h \
	include/memheap/memory.h include/memheap/memory_policy.h \
	include/memheap/page_pool.h include/memheap/param.h \
	include/memheap/placement.h include/memheap/pool.h \
	include/memheap/range_pool.h include/memheap/status.h \
	include/memheap/version.h
pkginclude_HEADERS = $(memheap_headers)

core_sources = memheap/batch.c memheap/batch.h memheap/block_ops.h \
	memheap/blocks.c memheap/blocks.h memheap/dependents.c \
	memheap/dependents.h memheap/heap.c memheap/heap.h \
	memheap/heap_state.c memheap/heap_state.h memheap/inspect.c \
	memheap/inspect.h memheap/process.c memheap/process.h \
	memheap/properties.c memheap/properties.h memheap/resize.c \
	memheap/resize.h memheap/save.c memheap/save.h \
	memheap/stream.c memheap/stream.h \
	memheap/thread_cache.c memheap/thread_cache.h \
	memheap/trim.c memheap/trim.h
debug_sources = memheap/debug/access.c memheap/debug/access.h \
	memheap/debug/events.c memheap/debug/events.h \
	memheap/debug/frames.c memheap/debug/frames.h \
	memheap/debug/guard_pages.c memheap/debug/guard_pages.h \
	memheap/debug/guard_state.h memheap/debug/guard_report.c \
	memheap/debug/leaks.c memheap/debug/records.c memheap/debug/records.h \
	memheap/debug/report.c memheap/debug/report.h \
	memheap/debug/sanitizer.c memheap/debug/sanitizer.h \
	memheap/debug/site_table.c memheap/debug/site_table.h \
	memheap/debug/stack_depot.c memheap/debug/stack_depot.h \
	memheap/debug/stats_page.c memheap/debug/stats_page.h \
	memheap/debug/trace.c memheap/debug/trace.h \
	memheap/debug/trace_names.c memheap/debug/trace_names.h
pool_sources = memheap/pools/cache.c memheap/pools/cache_slabs.c \
	memheap/pools/cache_slabs.h memheap/pools/context.c \
	memheap/pools/fallback.h memheap/pools/numa_heaps.c \
	memheap/pools/page_pool.c memheap/pools/placement.c \
	memheap/pools/pool.c memheap/pools/range_pool.c

lib_LTLIBRARIES += libmemheap.la
libmemheap_la_SOURCES = $(base_sources) $(component_sources) $(core_sources) \
	$(debug_sources) $(pool_sources) $(memheap_headers)
libmemheap_la_LDFLAGS = -version-info 0:0:0 -no-undefined $(OPTIMIZE_LDFLAGS) $(AM_LDFLAGS) \
	-Wl,--version-script=$(srcdir)/memheap/libmemheap.map
libmemheap_la_DEPENDENCIES = $(srcdir)/memheap/libmemheap.map
EXTRA_DIST += memheap/libmemheap.map
