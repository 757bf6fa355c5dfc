# Manual pages. Those of sections 1 and 7 are written by hand, except
# memheap-environment.7.
#
# A page may describe several programs. For each other program in its NAME
# section, a link to the page is installed.
linked_pages =
dist_man_MANS += docs/man/memheap-environment.7 docs/man/memheap-info.1 \
	docs/man/memheap-top.1 docs/man/memheap.7
if MPI
linked_pages += docs/man/oshcc.1
dist_man_MANS += docs/man/oshrun.1
if FORTRAN
dist_man_MANS += docs/man/oshfort.1
endif
if LZMA
dist_man_MANS += docs/man/memheap-replay.1
endif
endif
if LZMA
dist_man_MANS += docs/man/memheap-map.1
endif
if JANSSON
dist_man_MANS += docs/man/memheap-report.1
endif
dist_man_MANS += $(linked_pages)

# Runs $$do for each link, from $$name.$$section to $$page.$$section.
each_man_link = \
	for file in $(linked_pages); do \
	  section=`echo $$file | $(SED) 's/.*\.//'`; \
	  page=`basename $$file .$$section`; \
	  for name in `$(SED) -n '/^\.SH NAME/,/\\\\-/{/^\.SH/d;s/\\\\-.*//;s/,/ /g;p;}' \
	      $(srcdir)/$$file`; do \
	    test $$name = $$page || eval "$$do" || exit 1; \
	  done; \
	done

# Section 3 is generated from the public headers. docs/man3.awk writes a page for
# each @page of a header, and a file `index` with a line "NAME PAGE" for each
# name. If NAME and PAGE differ, a page that refers to PAGE is installed for NAME.
man3_awk = docs/headers.awk docs/man3.awk
man3_memheap = include/memheap/memheap.h include/memheap/version.h \
	include/memheap/status.h include/memheap/log.h \
	include/memheap/memory.h include/memheap/pool.h \
	include/memheap/context.h include/memheap/cache.h \
	include/memheap/page_pool.h include/memheap/range_pool.h \
	include/memheap/placement.h
man3_mspace = include/memheap/mspace.h
man3_mpi = include/memheap/mpi.h
man3_shmem = include/shmem/shmem.h include/shmem/shmem_typed.h \
	include/shmem/shmem_types.h include/shmem/shmem_generic.h \
	include/shmem/shmemx.h include/shmem/shmemx_pools.h \
	include/shmem/pshmem.h
man3_examples = docs/man/examples/memheap.c docs/man/examples/memheap_alloc.c \
	docs/man/examples/memheap_cache.c docs/man/examples/memheap_context.c \
	docs/man/examples/memheap_get_stats.c docs/man/examples/memheap_mpi.c \
	docs/man/examples/memheap_mspace.c \
	docs/man/examples/memheap_page_pool.c \
	docs/man/examples/memheap_placement.c \
	docs/man/examples/shmem_atomic_add.c \
	docs/man/examples/shmem_ctx_create.c docs/man/examples/shmem_init.c \
	docs/man/examples/shmem_malloc.c docs/man/examples/shmem_put.c \
	docs/man/examples/shmem_put_signal.c docs/man/examples/shmem_reduce.c \
	docs/man/examples/shmem_set_lock.c \
	docs/man/examples/shmem_team_split_strided.c \
	docs/man/examples/shmem_wait_until.c \
	docs/man/examples/shmemx_heap_save.c \
	docs/man/examples/shmemx_heap_size.c \
	docs/man/examples/shmemx_register.c \
	docs/man/examples/shmemx_release.c \
	docs/man/examples/shmemx_space_create.c
EXTRA_DIST += $(man3_awk) $(man3_examples)

# Each folder has the pages of one pkg-config package.
man3_folders = docs/man3/memheap docs/man3/memheap-mspace
if MPI
man3_folders += docs/man3/memheap-mpi docs/man3/shmem
endif
man3_indexes = docs/man3/memheap/index docs/man3/memheap-mspace/index \
	docs/man3/memheap-mpi/index docs/man3/shmem/index
noinst_DATA += $(man3_indexes)

man3_write = $(AM_V_GEN)rm -rf $(@D) && $(MKDIR_P) $(@D) && \
	$(AWK) -v out=$(@D) -v package=`basename $(@D)` \
	  -v examples=$(srcdir)/docs/man/examples \
	  -f $(srcdir)/docs/headers.awk -f $(srcdir)/docs/man3.awk

docs/man3/memheap/index: $(man3_awk) $(man3_memheap) $(man3_examples)
	$(man3_write) `for header in $(man3_memheap); do \
	  echo installed=memheap/$${header##*/} $(srcdir)/$$header; done`

docs/man3/memheap-mspace/index: $(man3_awk) $(man3_mspace) $(man3_examples)
	$(man3_write) installed=memheap/mspace.h $(srcdir)/include/memheap/mspace.h

docs/man3/memheap-mpi/index: $(man3_awk) $(man3_mpi) $(man3_examples)
	$(man3_write) installed=memheap/mpi.h $(srcdir)/include/memheap/mpi.h

docs/man3/shmem/index: $(man3_awk) $(man3_shmem) $(man3_examples)
	$(man3_write) \
	  installed=shmem.h $(srcdir)/include/shmem/shmem.h \
	  $(srcdir)/include/shmem/shmem_typed.h \
	  $(srcdir)/include/shmem/shmem_types.h \
	  $(srcdir)/include/shmem/shmem_generic.h \
	  installed=shmemx.h $(srcdir)/include/shmem/shmemx.h \
	  installed=shmemx_pools.h $(srcdir)/include/shmem/shmemx_pools.h \
	  installed=pshmem.h $(srcdir)/include/shmem/pshmem.h

# Runs $$do for each folder of generated pages, $$from. It is in the build folder,
# or in the source folder if a release contains the pages.
each_man3_folder = \
	for folder in $(man3_folders); do \
	  from=$$folder; \
	  test -f $$from/index || from=$(srcdir)/$$folder; \
	  eval "$$do" || exit 1; \
	done

dist-hook: $(man3_indexes)
	@$(MKDIR_P) $(distdir)/docs/man3
	for index in $(man3_indexes); do \
	  from=$$index; test -f $$from || from=$(srcdir)/$$index; \
	  cp -pR `dirname $$from` $(distdir)/docs/man3 || exit 1; \
	done

install-data-hook:
	@do='$(LN_S) -f `echo $$page | $(SED) "$(transform)"`.$$section \
	    "$(DESTDIR)$(mandir)/man$$section/$$name.$$section"'; $(each_man_link)
	@$(MKDIR_P) "$(DESTDIR)$(mandir)/man3"
	@do='$(INSTALL_DATA) $$from/*.3 "$(DESTDIR)$(mandir)/man3" && \
	    (umask 022; while read -r name page; do \
	      test $$name = $$page || echo ".so man3/$$page.3" \
	        >"$(DESTDIR)$(mandir)/man3/$$name.3" || exit 1; \
	    done) <$$from/index'; $(each_man3_folder)

uninstall-hook:
	@do='rm -f "$(DESTDIR)$(mandir)/man$$section/$$name.$$section"'; \
	$(each_man_link)
	@do='$(SED) "s/ .*/.3/" $$from/index | \
	    (cd "$(DESTDIR)$(mandir)/man3" && xargs rm -f)'; $(each_man3_folder)

# Generates the table of all variables from the registry, as a document and as a
# manual page.
EXTRA_DIST += docs/environment.awk
.PHONY: environment
environment: tools/memheap-info
	env -i PATH="$$PATH" LC_ALL=C tools/memheap-info --parsable >docs/environment
	$(AWK) -f $(srcdir)/docs/environment.awk docs/environment \
	  >$(srcdir)/docs/environment.md
	$(AWK) -v form=man -f $(srcdir)/docs/environment.awk docs/environment \
	  >$(srcdir)/docs/man/memheap-environment.7
	rm docs/environment

# Generates the reference of the public headers in docs/html of the build folder.
EXTRA_DIST += docs/api.dox docs/doxygen.awk
.PHONY: doxygen
doxygen:
	@if test -z '$(DOXYGEN)'; then \
	  echo "There is no doxygen: install it, and run configure again" \
	    "or make doxygen DOXYGEN=PATH."; \
	else \
	  rm -rf docs/html && '$(DOXYGEN)' docs/Doxyfile && \
	  echo "The reference is docs/html/index.html."; \
	fi

clean-local:
	rm -rf docs/html docs/man3
