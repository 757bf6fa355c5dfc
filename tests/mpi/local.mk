# Tests with several PEs: programs X.mpi, which print TAP, and scripts X.sh, which
# start jobs, often failing ones, and check their output.
MPI_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/run-mpi.sh
MPI_LOG_DRIVER = $(LOG_DRIVER)

mpi_tests = tests/mpi/active_sets.mpi tests/mpi/amo.mpi \
	tests/mpi/collective.mpi tests/mpi/ctx.mpi tests/mpi/heap_growth.mpi \
	tests/mpi/init.mpi tests/mpi/lock.mpi tests/mpi/memory.mpi \
	tests/mpi/memory_policy.mpi tests/mpi/mixed_nodes.mpi \
	tests/mpi/mpi_heap.mpi tests/mpi/p2p_sync.mpi tests/mpi/pages.mpi \
	tests/mpi/pools.mpi tests/mpi/profiling.mpi \
	tests/mpi/reduce.mpi tests/mpi/releases.mpi tests/mpi/rma.mpi tests/mpi/save.mpi \
	tests/mpi/space.mpi tests/mpi/rooted_broadcasts.mpi \
	tests/mpi/team.mpi tests/mpi/threads.mpi tests/mpi/typed.mpi \
	tests/mpi/user_memory.mpi \
	tests/mpi/one_pe_out_of_memory.mpi tests/mpi/variables.mpi \
	tests/mpi/variables_fixed.mpi
# Programs that scripts start.
mpi_helpers = tests/mpi/busy tests/mpi/deaths tests/mpi/diverge \
	tests/mpi/each_routine tests/mpi/ends \
	tests/mpi/fuzz_jobs tests/mpi/guarded \
	tests/mpi/leaky tests/mpi/lost tests/mpi/mistakes tests/mpi/monitored \
	tests/mpi/offers tests/mpi/ranges tests/mpi/inspected_heaps \
	tests/mpi/spaces tests/mpi/refused tests/mpi/waits tests/mpi/with_mpi
mpi_helpers += tests/faults/job
mpi_scripts = tests/mpi/deaths.sh tests/mpi/diverge.sh tests/mpi/each_routine.sh \
	tests/mpi/ends.sh tests/mpi/fuzz_jobs.sh \
	tests/mpi/ranges.sh \
	tests/mpi/environment.sh tests/mpi/mpi_order.sh \
	tests/mpi/leftovers.sh tests/mpi/headers.sh tests/mpi/leaks.sh \
	tests/mpi/guard.sh tests/mpi/checkers.sh tests/mpi/memory_rule.sh tests/mpi/save.sh tests/mpi/spaces.sh \
	tests/mpi/waits.sh tests/mpi/strangers.sh tests/mpi/nodes.sh tests/mpi/faults_nodes.sh \
	tests/mpi/program_data.sh \
	tests/mpi/openmpi_component.sh \
	tests/doxygen.sh tests/install.sh tests/manual.sh tests/osh.sh \
	tests/tools.sh tests/top.sh tests/map.sh
fuzz_jobs_parts = tests/mpi/fuzz_model.c tests/mpi/fuzz_moves.c \
	tests/mpi/fuzz_words.c tests/mpi/fuzz_collectives.c \
	tests/mpi/fuzz_wrong.c

# The Fortran interface, by the module and in the way of old programs.
if FORTRAN
mpi_tests += tests/mpi/fortran.mpi tests/mpi/fortran_fixed.mpi
mpi_scripts_fortran = tests/mpi/fortran.sh
fortran_libs = libmemheap_shmem_fortran.la $(mpi_libs)
fortran_link = $(AM_V_CCLD)$(MKDIR_P) $(@D) && $(LIBTOOL) $(AM_V_lt) --tag=CC \
	--mode=link $(FC) $(FCFLAGS) $(filter -fsanitize%,$(CFLAGS)) -Wall \
	-Ifortran -J$(@D) $(AM_LDFLAGS) $(LDFLAGS) -no-install -o $@ $< \
	$(fortran_flags) $(fortran_libs)
fortran_headers = fortran/shmem.mod fortran/shmem.fh fortran/mpp/shmem.fh
tests/mpi/fortran.mpi: tests/mpi/fortran.f90 $(fortran_headers) $(fortran_libs)
	$(fortran_link)
tests/mpi/fortran_fixed.mpi: tests/mpi/fortran_fixed.f $(fortran_headers) $(fortran_libs)
	$(fortran_link)
tests/mpi/fortran_fixed.mpi: fortran_flags = -std=legacy -fcray-pointer
CLEANFILES += tests/mpi/fortran_tap.mod
endif

mpi_libs = libmemheap_shmem.la libmemheap_mpi.la libmemheap.la
mpi_link = $(test_link) $(MPI_CFLAGS) $(mpi_libs) $(MPI_LIBS)
tests/mpi/%.mpi: tests/mpi/%.c $(mpi_libs)
	$(mpi_link)
$(filter-out %/each_routine %/mistakes tests/faults/%,$(mpi_helpers)): tests/mpi/%: tests/mpi/%.c $(mpi_libs)
	$(mpi_link)
tests/faults/job: tests/faults/job.c $(mpi_libs)
	$(mpi_link)
tests/mpi/mistakes: examples/mistakes.c $(mpi_libs)
	$(mpi_link)
tests/mpi/variables_fixed.mpi: tests/mpi/variables.c $(mpi_libs)
	$(mpi_link)
# It uses the state of libmemheap_shmem, so it is linked with the objects.
tests/mpi/each_routine: tests/mpi/each_routine.c tests/standard/calls.h \
		libmemheap_shmem.la
	$(test_link) $(MPI_CFLAGS) $(libmemheap_shmem_la_OBJECTS) \
	  libmemheap_mpi.la libmemheap.la $(MPI_LIBS) $(UCX_LIBS)
tests/standard/calls.h: tests/standard/calls.awk tests/standard/types.tsv \
		tests/standard/routines.tsv
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(AWK) -f $^ >$@.tmp && mv $@.tmp $@
tests/mpi/monitored tests/mpi/threads.mpi tests/mpi/waits: \
	extra_flags = -pthread
tests/mpi/monitored: extra = comm/node_monitor.c
tests/mpi/fuzz_jobs: extra = $(fuzz_jobs_parts)
tests/mpi/fuzz_jobs: $(fuzz_jobs_parts) tests/mpi/fuzz_model.h
tests/mpi/variables.mpi: extra_flags = -fPIE -pie
tests/mpi/variables_fixed.mpi: extra_flags = -fno-pie -no-pie

check_DATA += $(mpi_tests) $(mpi_helpers) tests/installed.stamp

# An installation, for the tests to copy. libtool links the libraries again for it,
# and takes them out of the build folder meanwhile: nothing may run or link then.
# So this is the last step before the tests.
tests/installed.stamp: $(filter-out tests/installed.stamp,$(check_DATA)) \
		$(lib_LTLIBRARIES) $(bin_PROGRAMS) $(bin_SCRIPTS) $(man_MANS)
	rm -rf tests/installed
	$(MAKE) install DESTDIR='$(abs_builddir)/tests/installed' \
		>tests/installed.log 2>&1 || { cat tests/installed.log; exit 1; }
	@touch $@
TESTS += $(mpi_tests) $(mpi_scripts) $(mpi_scripts_fortran)
CLEANFILES += $(mpi_tests) $(mpi_helpers) tests/standard/calls.h
EXTRA_DIST += $(mpi_scripts) tests/run-mpi.sh tests/mpi/launch.sh \
	tests/mpi/inspected_job.sh tests/mpi/expect.sh \
	tests/mpi/memcheck.supp tests/mpi/netns.sh tests/standard/calls.awk \
	tests/standard/generic.c \
	tests/standard/routines.tsv tests/standard/symbols.awk \
	tests/standard/types.tsv tests/mpi/active_sets.c tests/mpi/amo.c \
	tests/mpi/busy.c tests/mpi/collective.c tests/mpi/ctx.c \
	tests/mpi/deaths.c tests/mpi/diverge.c tests/mpi/each_routine.c tests/mpi/ends.c tests/mpi/forked.c \
	tests/mpi/fortran.f90 tests/mpi/fortran.sh tests/mpi/fortran_fixed.f \
	tests/mpi/fuzz_jobs.c tests/mpi/fuzz_model.h $(fuzz_jobs_parts) \
	tests/mpi/guarded.c tests/mpi/heap_growth.c \
	tests/mpi/init.c tests/mpi/leaky.c tests/mpi/loads.c tests/mpi/lock.c tests/mpi/lost.c \
	tests/mpi/memory.c tests/mpi/memory_policy.c tests/mpi/mixed_nodes.c \
	tests/mpi/monitored.c tests/mpi/mpi_heap.c tests/mpi/offers.c tests/mpi/openmpi_program.c tests/mpi/other_program.c \
	tests/mpi/p2p_sync.c tests/mpi/pages.c tests/mpi/places.c \
	tests/mpi/plugin.c \
	tests/mpi/pools.c tests/mpi/profiling.c \
	tests/mpi/ranges.c tests/mpi/reduce.c tests/mpi/refused.c tests/mpi/releases.c tests/mpi/rma.c \
	tests/mpi/inspected_heaps.c tests/mpi/space.c tests/mpi/spaces.c \
	tests/mpi/rooted_broadcasts.c tests/mpi/tap.h tests/mpi/team.c \
	tests/mpi/threads.c tests/mpi/typed.c \
	tests/mpi/one_pe_out_of_memory.c tests/mpi/save.c tests/mpi/user_memory.c tests/mpi/variables.c tests/mpi/waits.c \
	tests/mpi/with_mpi.c tests/faults/job.c

# Tests what is installed. An installation that was moved is tested by
# `make installcheck prefix=FOLDER`.
installcheck-local:
	@$(AM_TESTS_ENVIRONMENT) installed_prefix='$(DESTDIR)$(prefix)' \
	  installed_libdir='$(DESTDIR)$(libdir)' installed_bindir='$(DESTDIR)$(bindir)' \
	  installed_datadir='$(DESTDIR)$(datadir)' installed_docdir='$(DESTDIR)$(docdir)' \
	  $(SHELL) $(srcdir)/tests/install.sh | $(AWK) '{ print } /^not ok/ { bad = 1 } \
	    /^1\.\./ { done = 1 } END { exit bad || !done }'
