# What `make check` runs.
TEST_EXTENSIONS = .test .mpi .sh

# Unit tests: one program X.test out of tests/unit/test_X.c. They print TAP.
TEST_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/run-unit.sh
TEST_LOG_DRIVER = $(LOG_DRIVER)

# Scripts, which print TAP too.
SH_LOG_COMPILER = $(SHELL)
SH_LOG_DRIVER = $(LOG_DRIVER)

unit_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS)
unit_libs = libunit.la libmemheap.la $(CHECK_LIBS)
unit_tests =
unit_plugins =

libunit_la_SOURCES = tests/unit/model.c tests/unit/model.h tests/unit/unit.c \
	tests/unit/unit.h
libunit_la_CFLAGS = $(unit_cflags)

unit_tests += tests/unit/batch.test
tests_unit_batch_test_SOURCES = tests/unit/test_batch.c
tests_unit_batch_test_CFLAGS = $(unit_cflags)
tests_unit_batch_test_LDADD = $(unit_libs)

unit_tests += tests/unit/bias.test
tests_unit_bias_test_SOURCES = tests/unit/test_bias.c base/bias.c
tests_unit_bias_test_CFLAGS = $(unit_cflags)
tests_unit_bias_test_LDADD = $(unit_libs)

unit_tests += tests/unit/bitmap.test
tests_unit_bitmap_test_SOURCES = tests/unit/test_bitmap.c
tests_unit_bitmap_test_CFLAGS = $(unit_cflags)
tests_unit_bitmap_test_LDADD = $(unit_libs)

if COMPONENT_BUDDY
unit_tests += tests/unit/buddy.test
endif
tests_unit_buddy_test_SOURCES = tests/unit/test_buddy.c
tests_unit_buddy_test_CFLAGS = $(unit_cflags)
tests_unit_buddy_test_LDADD = $(unit_libs)

unit_tests += tests/unit/cache.test
tests_unit_cache_test_SOURCES = tests/unit/test_cache.c tests/unit/unit_pool.h
tests_unit_cache_test_CFLAGS = $(unit_cflags)
tests_unit_cache_test_LDADD = $(unit_libs)

unit_tests += tests/unit/conformance.test
tests_unit_conformance_test_SOURCES = tests/unit/test_conformance.c
tests_unit_conformance_test_CFLAGS = $(unit_cflags)
tests_unit_conformance_test_LDADD = $(unit_libs)

unit_tests += tests/unit/context.test
tests_unit_context_test_SOURCES = tests/unit/test_context.c \
	tests/unit/unit_pool.h
tests_unit_context_test_CFLAGS = $(unit_cflags)
tests_unit_context_test_LDADD = $(unit_libs)

unit_tests += tests/unit/faults.test
tests_unit_faults_test_SOURCES = tests/unit/test_faults.c
tests_unit_faults_test_CFLAGS = $(unit_cflags)
tests_unit_faults_test_LDADD = $(unit_libs)

if COMPONENT_FIT
unit_tests += tests/unit/fit.test
endif
tests_unit_fit_test_SOURCES = tests/unit/test_fit.c
tests_unit_fit_test_CFLAGS = $(unit_cflags)
tests_unit_fit_test_LDADD = $(unit_libs)

unit_tests += tests/unit/framework.test
tests_unit_framework_test_SOURCES = tests/unit/test_framework.c
tests_unit_framework_test_CFLAGS = $(unit_cflags)
tests_unit_framework_test_LDADD = $(unit_libs)

unit_tests += tests/unit/gauge.test
tests_unit_gauge_test_SOURCES = tests/unit/test_gauge.c tools/live/live.c
tests_unit_gauge_test_CFLAGS = $(unit_cflags)
tests_unit_gauge_test_LDADD = $(unit_libs)

unit_tests += tests/unit/hashmap.test
tests_unit_hashmap_test_SOURCES = tests/unit/test_hashmap.c
tests_unit_hashmap_test_CFLAGS = $(unit_cflags)
tests_unit_hashmap_test_LDADD = $(unit_libs)

unit_tests += tests/unit/guard.test
tests_unit_guard_test_SOURCES = tests/unit/test_guard.c tests/unit/model.h
tests_unit_guard_test_CFLAGS = $(unit_cflags)
tests_unit_guard_test_LDADD = $(unit_libs)

unit_tests += tests/unit/heap.test
tests_unit_heap_test_SOURCES = tests/unit/test_heap.c
tests_unit_heap_test_CFLAGS = $(unit_cflags)
tests_unit_heap_test_LDADD = $(unit_libs)

unit_tests += tests/unit/log.test
tests_unit_log_test_SOURCES = tests/unit/test_log.c
tests_unit_log_test_CFLAGS = $(unit_cflags)
tests_unit_log_test_LDADD = $(unit_libs)

unit_tests += tests/unit/memory.test
tests_unit_memory_test_SOURCES = tests/unit/test_memory.c
tests_unit_memory_test_CFLAGS = $(unit_cflags)
tests_unit_memory_test_LDADD = $(unit_libs)

if COMPONENT_MEMPOOL
unit_tests += tests/unit/mempool.test
endif
tests_unit_mempool_test_SOURCES = tests/unit/test_mempool.c \
	components/mempool/fragments.c components/mempool/slab.c
tests_unit_mempool_test_CFLAGS = $(unit_cflags)
tests_unit_mempool_test_LDADD = $(unit_libs)

unit_tests += tests/unit/mistakes.test
tests_unit_mistakes_test_SOURCES = tests/unit/test_mistakes.c
tests_unit_mistakes_test_CFLAGS = $(unit_cflags)
tests_unit_mistakes_test_LDADD = $(unit_libs)

unit_tests += tests/unit/page_pool.test
tests_unit_page_pool_test_SOURCES = tests/unit/test_page_pool.c
tests_unit_page_pool_test_CFLAGS = $(unit_cflags)
tests_unit_page_pool_test_LDADD = $(unit_libs)

unit_tests += tests/unit/pages.test
tests_unit_pages_test_SOURCES = tests/unit/test_pages.c
tests_unit_pages_test_CFLAGS = $(unit_cflags)
tests_unit_pages_test_LDADD = $(unit_libs)

unit_tests += tests/unit/param.test
tests_unit_param_test_SOURCES = tests/unit/test_param.c
tests_unit_param_test_CFLAGS = $(unit_cflags)
tests_unit_param_test_LDADD = $(unit_libs)

unit_tests += tests/unit/placement.test
tests_unit_placement_test_SOURCES = tests/unit/test_placement.c
tests_unit_placement_test_CFLAGS = $(unit_cflags)
tests_unit_placement_test_LDADD = $(unit_libs)

if COMPONENT_PTMALLOC
unit_tests += tests/unit/ptmalloc.test
endif
tests_unit_ptmalloc_test_SOURCES = tests/unit/test_ptmalloc.c
tests_unit_ptmalloc_test_CFLAGS = $(unit_cflags)
tests_unit_ptmalloc_test_LDADD = $(unit_libs)

unit_tests += tests/unit/range_pool.test
tests_unit_range_pool_test_SOURCES = tests/unit/test_range_pool.c
tests_unit_range_pool_test_CFLAGS = $(unit_cflags)
tests_unit_range_pool_test_LDADD = $(unit_libs)

unit_tests += tests/unit/records.test
tests_unit_records_test_SOURCES = tests/unit/test_records.c
tests_unit_records_test_CFLAGS = $(unit_cflags)
tests_unit_records_test_LDADD = $(unit_libs)

unit_tests += tests/unit/region.test
tests_unit_region_test_SOURCES = tests/unit/test_region.c
tests_unit_region_test_CFLAGS = $(unit_cflags)
tests_unit_region_test_LDADD = $(unit_libs)

unit_tests += tests/unit/resize.test
tests_unit_resize_test_SOURCES = tests/unit/test_resize.c
tests_unit_resize_test_CFLAGS = $(unit_cflags)
tests_unit_resize_test_LDADD = $(unit_libs)

unit_tests += tests/unit/sequences.test
tests_unit_sequences_test_SOURCES = tests/unit/test_sequences.c
tests_unit_sequences_test_CFLAGS = $(unit_cflags)
tests_unit_sequences_test_LDADD = $(unit_libs)

unit_tests += tests/unit/threads.test
tests_unit_threads_test_SOURCES = tests/unit/test_threads.c
tests_unit_threads_test_CFLAGS = $(unit_cflags)
tests_unit_threads_test_LDADD = $(unit_libs)

unit_tests += tests/unit/trace.test
tests_unit_trace_test_SOURCES = tests/unit/test_trace.c
tests_unit_trace_test_CFLAGS = $(unit_cflags)
tests_unit_trace_test_LDADD = $(unit_libs)

unit_tests += tests/unit/trim.test
tests_unit_trim_test_SOURCES = tests/unit/test_trim.c
tests_unit_trim_test_CFLAGS = $(unit_cflags)
tests_unit_trim_test_LDADD = $(unit_libs)

# Shared objects for plugin.test, of one source; only `make check` uses them.
unit_plugin_ldflags = -module -avoid-version -shared -rpath /nowhere
unit_plugin_sources = tests/unit/plugin.c tests/unit/plugin.h

unit_plugins += tests/unit/plugin_alpha.la
tests_unit_plugin_alpha_la_SOURCES = $(unit_plugin_sources)
tests_unit_plugin_alpha_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"alpha"'
tests_unit_plugin_alpha_la_LDFLAGS = $(unit_plugin_ldflags)

unit_plugins += tests/unit/plugin_alpha_twin.la
tests_unit_plugin_alpha_twin_la_SOURCES = $(unit_plugin_sources)
tests_unit_plugin_alpha_twin_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"alpha"'
tests_unit_plugin_alpha_twin_la_LDFLAGS = $(unit_plugin_ldflags)

unit_plugins += tests/unit/plugin_beta.la
tests_unit_plugin_beta_la_SOURCES = $(unit_plugin_sources)
tests_unit_plugin_beta_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"beta"'
tests_unit_plugin_beta_la_LDFLAGS = $(unit_plugin_ldflags)

unit_plugins += tests/unit/plugin_no_symbol.la
tests_unit_plugin_no_symbol_la_SOURCES = $(unit_plugin_sources)
tests_unit_plugin_no_symbol_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"gamma"' \
	-DPLUGIN_SYMBOL=another_component
tests_unit_plugin_no_symbol_la_LDFLAGS = $(unit_plugin_ldflags)

unit_plugins += tests/unit/plugin_other_abi.la
tests_unit_plugin_other_abi_la_SOURCES = $(unit_plugin_sources)
tests_unit_plugin_other_abi_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"delta"' \
	-DPLUGIN_ABI=99
tests_unit_plugin_other_abi_la_LDFLAGS = $(unit_plugin_ldflags)

tests_unit_plugin_test_SOURCES = tests/unit/test_plugin.c tests/unit/plugin.h
tests_unit_plugin_test_CFLAGS = $(unit_cflags) \
	-DUNIT_FOLDER='"$(abs_top_builddir)/tests/unit"'
tests_unit_plugin_test_LDADD = $(unit_libs)

if UNIT_TESTS
check_LTLIBRARIES += libunit.la
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
if PLUGINS
check_LTLIBRARIES += $(unit_plugins)
check_PROGRAMS += tests/unit/plugin.test
TESTS += tests/unit/plugin.test
endif
endif
TESTS += tests/bench.sh
EXTRA_DIST += tests/bench.sh tests/run-unit.sh
