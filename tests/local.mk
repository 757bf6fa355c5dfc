# The tests that `make check` runs.
TEST_EXTENSIONS = .test .mpi .sh

# Compiles and links a test program from its source, and from the sources in
# $(extra), without libtool's wrapper script.
test_link = $(AM_V_CCLD)$(MKDIR_P) $(@D) && $(LIBTOOL) $(AM_V_lt) --tag=CC \
	--mode=link $(CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) \
	$(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS) $(LDFLAGS) -no-install \
	-MMD -MP -MF $@.d -MT $@ -o $@ $< $(addprefix $(srcdir)/,$(extra)) \
	$(extra_flags) $(LIBS)
-include $(wildcard tests/*.d tests/faults/*.d tests/unit/*.d tests/mpi/*.d)

# Unit tests: program X.test is built from tests/unit/test_X.c, and prints TAP.
TEST_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/run-unit.sh
TEST_LOG_DRIVER = $(LOG_DRIVER)

# Test scripts, which print TAP too.
SH_LOG_COMPILER = $(SHELL)
SH_LOG_DRIVER = $(LOG_DRIVER)

unit_tests = tests/unit/asan.test tests/unit/batch.test tests/unit/biased_lock.test \
	tests/unit/bitmap.test tests/unit/cache.test tests/unit/conformance.test \
	tests/unit/context.test tests/unit/dependents.test tests/unit/faults.test tests/unit/framework.test \
	tests/unit/guard.test tests/unit/hashmap.test tests/unit/heap.test tests/unit/huge_pages.test \
	tests/unit/log.test tests/unit/array.test tests/unit/memcheck.test tests/unit/mistakes.test \
	tests/unit/mspace.test \
	tests/unit/output.test tests/unit/page_pool.test tests/unit/pages.test tests/unit/param.test \
	tests/unit/placement.test tests/unit/range_pool.test \
	tests/unit/records.test tests/unit/region.test tests/unit/resize.test \
	tests/unit/save.test \
	tests/unit/sequences.test tests/unit/stats_page.test \
	tests/unit/threads.test tests/unit/trace.test tests/unit/trim.test
if COMPONENT_BUDDY
unit_tests += tests/unit/buddy.test
endif
if COMPONENT_FIT
unit_tests += tests/unit/fit.test
endif
if COMPONENT_MEMPOOL
unit_tests += tests/unit/mempool.test
endif
if COMPONENT_PTMALLOC
unit_tests += tests/unit/ptmalloc.test
endif

# It needs the headers of MPI, and no MPI.
if MPI
unit_tests += tests/unit/agree.test
endif

tests/unit/%.test: tests/unit/test_%.c libunit.la libmemheap.la
	$(test_link) $(CHECK_CFLAGS) libunit.la libmemheap.la $(CHECK_LIBS)

# Library sources with internal functions that a test calls directly.
tests/unit/agree.test: extra = comm/agree.c comm/agree_exchange.c \
	comm/agree_report.c comm/wait.c
tests/unit/agree.test: extra_flags = $(MPI_CFLAGS) \
	-include $(srcdir)/tests/unit/delays.h
tests/unit/biased_lock.test: extra = base/biased_lock.c base/thread.c
tests/unit/fit.test: extra = base/hashmap.c components/fit/tree.c
tests/unit/mempool.test: extra = components/mempool/fragments.c \
	components/mempool/run.c components/mempool/slab.c
tests/unit/mspace.test: extra = adapters/common/align.c adapters/mspace/mspace.c
tests/unit/stats_page.test: extra = tools/common/listing.c tools/common/live.c \
	tools/common/places.c
# Link again if they change: the dependencies of only one source are noted.
tests/unit/agree.test: comm/agree.c comm/agree_exchange.c comm/agree_report.c \
	comm/wait.c
tests/unit/biased_lock.test: base/biased_lock.c base/thread.c
tests/unit/fit.test: base/hashmap.c components/fit/tree.c
tests/unit/mempool.test: components/mempool/fragments.c \
	components/mempool/run.c components/mempool/slab.c
tests/unit/stats_page.test: tools/common/listing.c tools/common/live.c \
	tools/common/places.c
tests/unit/plugin.test: extra_flags = \
	-DUNIT_FOLDER='"$(abs_top_builddir)/tests/unit"'

libunit_la_SOURCES = tests/unit/model.c tests/unit/model.h tests/unit/unit.c \
	tests/unit/unit.h
libunit_la_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

# Shared objects for plugin.test, all from one source. Only `make check` uses them.
unit_plugin_ldflags = -module -avoid-version -shared -rpath /nowhere
unit_plugin_sources = tests/unit/plugin.c tests/unit/plugin.h

unit_plugins = tests/unit/plugin_alpha.la
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


if UNIT_TESTS
check_LTLIBRARIES += libunit.la
if PLUGINS
check_LTLIBRARIES += $(unit_plugins)
unit_tests += tests/unit/plugin.test
endif
check_DATA += $(unit_tests)
TESTS += $(unit_tests)
endif
tests/liar tests/secure: tests/%: tests/%.c libmemheap.la
	$(test_link) libmemheap.la
# For bench/preload.c: it calls malloc, and nothing of memheap.
tests/malloc_calls: tests/malloc_calls.c
	$(test_link) -fno-builtin
check_DATA += tests/liar tests/secure tests/malloc_calls
CLEANFILES += tests/liar tests/secure tests/malloc_calls

# Faults of the system: fail.so makes calls of these programs fail.
check_LTLIBRARIES += tests/faults/fail.la
tests_faults_fail_la_SOURCES = tests/faults/fail.c
tests_faults_fail_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
tests/faults/process: tests/faults/process.c libmemheap.la
	$(test_link) -pthread libmemheap.la
check_DATA += tests/faults/process
CLEANFILES += tests/faults/process
TESTS += tests/faults.sh
EXTRA_DIST += tests/faults.sh tests/faults/judge.awk tests/faults/process.c \
	tests/faults/scenario.sh
TESTS += tests/bench.sh tests/completion.sh tests/configure.sh tests/docs.sh tests/exports.sh
TESTS += tests/abi.sh tests/model.sh tests/report.sh tests/release.sh tests/secure.sh
EXTRA_DIST += tests/liar.c tests/malloc_calls.c tests/model.sh \
	tests/model/groups.pml tests/model/node.pml tests/model/nodes.pml \
	tests/abi.sh tests/abi.txt tests/release.sh tests/report.sh tests/secure.c tests/secure.sh tests/bench.sh tests/completion.sh tests/configure.sh tests/docs.sh tests/exports.sh tests/json.awk tests/run-unit.sh tests/tap.sh tests/unit/unit_pool.h \
	tests/unit/checked_heap.h tests/unit/delays.h tests/unit/test_agree.c tests/unit/test_asan.c \
	tests/unit/test_batch.c tests/unit/test_biased_lock.c \
	tests/unit/test_bitmap.c tests/unit/test_buddy.c tests/unit/test_cache.c \
	tests/unit/test_conformance.c tests/unit/test_context.c tests/unit/test_dependents.c \
	tests/unit/test_faults.c tests/unit/test_fit.c tests/unit/test_framework.c \
	tests/unit/test_guard.c tests/unit/test_hashmap.c tests/unit/test_heap.c tests/unit/test_huge_pages.c \
	tests/unit/test_log.c tests/unit/test_array.c tests/unit/test_mempool.c \
	tests/unit/test_memcheck.c tests/unit/test_mistakes.c tests/unit/test_mspace.c tests/unit/test_output.c tests/unit/test_page_pool.c \
	tests/unit/test_pages.c tests/unit/test_param.c tests/unit/test_placement.c \
	tests/unit/test_plugin.c tests/unit/test_ptmalloc.c \
	tests/unit/test_range_pool.c tests/unit/test_records.c \
	tests/unit/test_region.c tests/unit/test_resize.c tests/unit/test_save.c \
	tests/unit/test_sequences.c tests/unit/test_stats_page.c \
	tests/unit/test_threads.c tests/unit/test_trace.c tests/unit/test_trim.c
CLEANFILES += $(unit_tests)
mostlyclean-local:
	rm -f tests/*.d tests/faults/*.d tests/unit/*.d tests/mpi/*.d tests/installed.*
	rm -rf tests/installed tests/fuzz/objects tests/fuzz/*.fuzz

# Writes the list of the interfaces, tests/abi.txt.
.PHONY: abi
abi: $(lib_LTLIBRARIES)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/abi.sh --write
