# Tests of several PEs: programs X.mpi, which print TAP, and scripts X.sh,
# which start jobs that are to fail and read what they say.
MPI_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/run-mpi.sh
MPI_LOG_DRIVER = $(LOG_DRIVER)

mpi_tests = tests/mpi/setup.mpi tests/mpi/memory.mpi tests/mpi/rma.mpi \
	tests/mpi/unequal.mpi tests/mpi/profiling.mpi tests/mpi/random.mpi \
	tests/mpi/variables.mpi tests/mpi/variables_fixed.mpi \
	tests/mpi/typed.mpi tests/mpi/amo.mpi tests/mpi/collective.mpi \
	tests/mpi/active.mpi tests/mpi/reduce.mpi tests/mpi/lock.mpi \
	tests/mpi/team.mpi tests/mpi/context.mpi tests/mpi/threads.mpi \
	tests/mpi/point.mpi tests/mpi/growth.mpi tests/mpi/mixed.mpi \
	tests/mpi/storm.mpi tests/mpi/space.mpi tests/mpi/over_mpi.mpi \
	tests/mpi/pages.mpi tests/mpi/place.mpi tests/mpi/pools.mpi
mpi_helpers = tests/mpi/with_mpi tests/mpi/diverge tests/mpi/ranges \
	tests/mpi/busy tests/mpi/lost tests/mpi/leaky tests/mpi/shown \
	tests/mpi/spaces tests/mpi/guarded tests/mpi/mistakes
mpi_scripts = tests/mpi/diverge.sh tests/mpi/ranges.sh \
	tests/mpi/environment.sh tests/mpi/together.sh tests/mpi/remains.sh \
	tests/mpi/headers.sh tests/mpi/leaks.sh tests/mpi/guard.sh \
	tests/mpi/checkers.sh tests/mpi/spaces.sh tests/mpi/nodes.sh \
	tests/doxygen.sh tests/install.sh tests/osh.sh tests/tools.sh \
	tests/top.sh tests/map.sh
mpi_test_libs = libshmem.la $(MPI_LIBS)
mpi_test_cppflags = $(AM_CPPFLAGS) $(MPI_CFLAGS)

tests_mpi_setup_mpi_SOURCES = tests/mpi/setup.c tests/mpi/tap.h
tests_mpi_setup_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_setup_mpi_LDADD = $(mpi_test_libs)
tests_mpi_memory_mpi_SOURCES = tests/mpi/memory.c tests/mpi/tap.h
tests_mpi_memory_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_memory_mpi_LDADD = $(mpi_test_libs)
tests_mpi_rma_mpi_SOURCES = tests/mpi/rma.c tests/mpi/tap.h
tests_mpi_rma_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_rma_mpi_LDADD = $(mpi_test_libs)
tests_mpi_unequal_mpi_SOURCES = tests/mpi/unequal.c tests/mpi/tap.h
tests_mpi_unequal_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_unequal_mpi_LDADD = $(mpi_test_libs)
tests_mpi_profiling_mpi_SOURCES = tests/mpi/profiling.c tests/mpi/tap.h
tests_mpi_profiling_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_profiling_mpi_LDADD = $(mpi_test_libs)
tests_mpi_random_mpi_SOURCES = tests/mpi/random.c tests/mpi/tap.h
tests_mpi_random_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_random_mpi_LDADD = $(mpi_test_libs)
tests_mpi_variables_mpi_SOURCES = tests/mpi/variables.c tests/mpi/tap.h
tests_mpi_variables_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_variables_mpi_CFLAGS = $(AM_CFLAGS) -fPIE
tests_mpi_variables_mpi_LDFLAGS = -pie
tests_mpi_variables_mpi_LDADD = $(mpi_test_libs)
tests_mpi_variables_fixed_mpi_SOURCES = tests/mpi/variables.c tests/mpi/tap.h
tests_mpi_variables_fixed_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_variables_fixed_mpi_CFLAGS = $(AM_CFLAGS) -fno-pie
tests_mpi_variables_fixed_mpi_LDFLAGS = -no-pie
tests_mpi_variables_fixed_mpi_LDADD = $(mpi_test_libs)
tests_mpi_typed_mpi_SOURCES = tests/mpi/typed.c tests/mpi/tap.h
tests_mpi_typed_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_typed_mpi_LDADD = $(mpi_test_libs)
tests_mpi_amo_mpi_SOURCES = tests/mpi/amo.c tests/mpi/tap.h
tests_mpi_amo_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_amo_mpi_LDADD = $(mpi_test_libs)
tests_mpi_over_mpi_mpi_SOURCES = tests/mpi/over_mpi.c
tests_mpi_over_mpi_mpi_CPPFLAGS = $(mpi_test_cppflags) -I$(top_srcdir)/comm
tests_mpi_over_mpi_mpi_LDADD = $(mpi_test_libs) libmemheap.la
tests_mpi_pools_mpi_SOURCES = tests/mpi/pools.c tests/mpi/tap.h
tests_mpi_pools_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_pools_mpi_LDADD = $(mpi_test_libs) libmemheap.la
tests_mpi_space_mpi_SOURCES = tests/mpi/space.c tests/mpi/tap.h
tests_mpi_space_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_space_mpi_LDADD = $(mpi_test_libs)
tests_mpi_storm_mpi_SOURCES = tests/mpi/storm.c tests/mpi/tap.h
tests_mpi_storm_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_storm_mpi_LDADD = $(mpi_test_libs)
tests_mpi_collective_mpi_SOURCES = tests/mpi/collective.c tests/mpi/tap.h
tests_mpi_collective_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_collective_mpi_LDADD = $(mpi_test_libs)
tests_mpi_active_mpi_SOURCES = tests/mpi/active.c tests/mpi/tap.h
tests_mpi_active_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_active_mpi_LDADD = $(mpi_test_libs)
tests_mpi_reduce_mpi_SOURCES = tests/mpi/reduce.c tests/mpi/tap.h
tests_mpi_reduce_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_reduce_mpi_LDADD = $(mpi_test_libs)
tests_mpi_lock_mpi_SOURCES = tests/mpi/lock.c tests/mpi/tap.h
tests_mpi_lock_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_lock_mpi_LDADD = $(mpi_test_libs)
tests_mpi_team_mpi_SOURCES = tests/mpi/team.c tests/mpi/tap.h
tests_mpi_team_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_team_mpi_LDADD = $(mpi_test_libs)
tests_mpi_context_mpi_SOURCES = tests/mpi/context.c tests/mpi/tap.h
tests_mpi_context_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_context_mpi_LDADD = $(mpi_test_libs)
tests_mpi_threads_mpi_SOURCES = tests/mpi/threads.c tests/mpi/tap.h
tests_mpi_threads_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_threads_mpi_CFLAGS = $(AM_CFLAGS) -pthread
tests_mpi_threads_mpi_LDADD = $(mpi_test_libs)
tests_mpi_pages_mpi_SOURCES = tests/mpi/pages.c tests/mpi/tap.h
tests_mpi_pages_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_pages_mpi_LDADD = $(mpi_test_libs)
tests_mpi_place_mpi_SOURCES = tests/mpi/place.c tests/mpi/tap.h
tests_mpi_place_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_place_mpi_LDADD = libmemheap.la $(mpi_test_libs)
tests_mpi_point_mpi_SOURCES = tests/mpi/point.c tests/mpi/tap.h
tests_mpi_point_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_point_mpi_LDADD = $(mpi_test_libs)
tests_mpi_with_mpi_SOURCES = tests/mpi/with_mpi.c tests/mpi/tap.h
tests_mpi_with_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_with_mpi_LDADD = $(mpi_test_libs)
tests_mpi_diverge_SOURCES = tests/mpi/diverge.c tests/mpi/tap.h
tests_mpi_diverge_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_diverge_LDADD = $(mpi_test_libs)
tests_mpi_ranges_SOURCES = tests/mpi/ranges.c tests/mpi/tap.h
tests_mpi_ranges_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_ranges_LDADD = $(mpi_test_libs)
tests_mpi_growth_mpi_SOURCES = tests/mpi/growth.c tests/mpi/tap.h
tests_mpi_growth_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_growth_mpi_LDADD = $(mpi_test_libs)
tests_mpi_mixed_mpi_SOURCES = tests/mpi/mixed.c tests/mpi/tap.h
tests_mpi_mixed_mpi_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_mixed_mpi_LDADD = $(mpi_test_libs)
tests_mpi_busy_SOURCES = tests/mpi/busy.c tests/mpi/tap.h
tests_mpi_busy_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_busy_LDADD = $(mpi_test_libs)
tests_mpi_spaces_SOURCES = tests/mpi/spaces.c
tests_mpi_spaces_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_spaces_LDADD = $(mpi_test_libs)
tests_mpi_guarded_SOURCES = tests/mpi/guarded.c
tests_mpi_guarded_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_guarded_LDADD = $(mpi_test_libs)
tests_mpi_mistakes_SOURCES = examples/mistakes.c
tests_mpi_mistakes_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_mistakes_LDADD = $(mpi_test_libs)
tests_mpi_leaky_SOURCES = tests/mpi/leaky.c
tests_mpi_leaky_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_leaky_LDADD = $(mpi_test_libs)
tests_mpi_shown_SOURCES = tests/mpi/shown.c
tests_mpi_shown_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_shown_LDADD = $(mpi_test_libs) libmemheap.la
tests_mpi_lost_SOURCES = tests/mpi/lost.c tests/mpi/tap.h
tests_mpi_lost_CPPFLAGS = $(mpi_test_cppflags)
tests_mpi_lost_LDADD = $(mpi_test_libs)

check_PROGRAMS += $(mpi_tests) $(mpi_helpers)
TESTS += $(mpi_tests) $(mpi_scripts)
EXTRA_DIST += $(mpi_scripts) tests/run-mpi.sh tests/mpi/launch.sh \
	tests/mpi/beside.sh tests/mpi/expect.sh tests/mpi/memcheck.supp \
	tests/mpi/netns.sh tests/standard/generic.c \
	tests/standard/routines.tsv tests/standard/symbols.awk \
	tests/standard/types.tsv
