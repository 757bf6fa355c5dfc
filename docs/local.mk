# Pages of the manual: sections 1 and 7, and pages of section 3 by hand.
#
# A page may be about several routines or programs; each of the others that its
# NAME section lists is installed as a link to it.
linked_pages = docs/man/memheap.3 docs/man/memheap_alloc.3 \
	docs/man/memheap_cache.3 docs/man/memheap_context.3 \
	docs/man/memheap_get_stats.3 docs/man/memheap_page_pool_create.3 \
	docs/man/memheap_placement_alloc.3
dist_man_MANS += docs/man/memheap-info.1 docs/man/memheap-top.1 \
	docs/man/memheap.7
if MPI
linked_pages += docs/man/oshcc.1 docs/man/memheap_mpi_create.3
dist_man_MANS += docs/man/oshrun.1
if LZMA
dist_man_MANS += docs/man/memheap-replay.1
endif
endif
if LZMA
dist_man_MANS += docs/man/memheap-map.1
endif
dist_man_MANS += $(linked_pages)

# Runs $$do for each link: $$name.$$section, to $$page.$$section.
each_man_link = \
	for file in $(linked_pages); do \
	  section=`echo $$file | $(SED) 's/.*\.//'`; \
	  page=`basename $$file .$$section`; \
	  for name in `$(SED) -n '/^\.SH NAME/,/\\\\-/{/^\.SH/d;s/\\\\-.*//;s/,/ /g;p;}' \
	      $(srcdir)/$$file`; do \
	    test $$name = $$page || eval "$$do" || exit 1; \
	  done; \
	done

# The other pages of section 3, out of the public headers: docs/man3.awk writes
# them, with a file `index` that has a line "NAME PAGE" for each name. A name
# that is not the page's own is installed as a page that refers to it.
man3_awk = docs/headers.awk docs/man3.awk
man3_examples = docs/man/examples/shmem_atomic_add.c \
	docs/man/examples/shmem_ctx_create.c docs/man/examples/shmem_init.c \
	docs/man/examples/shmem_malloc.c docs/man/examples/shmem_put.c \
	docs/man/examples/shmem_put_signal.c docs/man/examples/shmem_reduce.c \
	docs/man/examples/shmem_set_lock.c \
	docs/man/examples/shmem_team_split_strided.c \
	docs/man/examples/shmem_wait_until.c \
	docs/man/examples/shmemx_heap_size.c \
	docs/man/examples/shmemx_space_create.c
man3_shmem = include/shmem/shmem.h include/shmem/shmem_typed.h include/shmem/shmem_types.h \
	include/shmem/shmem_generic.h include/shmem/shmemx.h include/shmem/shmemx_pools.h \
	include/shmem/pshmem.h
EXTRA_DIST += $(man3_awk) $(man3_examples)
noinst_DATA += docs/man3/shmem/index
if MPI
man3_folders = docs/man3/shmem
endif

docs/man3/shmem/index: $(man3_awk) $(man3_shmem) $(man3_examples)
	$(AM_V_GEN)rm -rf $(@D) && $(MKDIR_P) $(@D) && \
	$(AWK) -v out=$(@D) -v package=shmem \
	  -v examples=$(srcdir)/docs/man/examples \
	  -f $(srcdir)/docs/headers.awk -f $(srcdir)/docs/man3.awk \
	  installed=shmem.h $(srcdir)/include/shmem/shmem.h \
	  $(srcdir)/include/shmem/shmem_typed.h $(srcdir)/include/shmem/shmem_types.h \
	  $(srcdir)/include/shmem/shmem_generic.h \
	  installed=shmemx.h $(srcdir)/include/shmem/shmemx.h \
	  installed=shmemx_pools.h $(srcdir)/include/shmem/shmemx_pools.h \
	  installed=pshmem.h $(srcdir)/include/shmem/pshmem.h

# Runs $$do for each folder of pages that were written, $$from: it is in the
# build folder, or in that of the sources if they came with it.
each_man3_folder = \
	for folder in $(man3_folders); do \
	  from=$$folder; \
	  test -f $$from/index || from=$(srcdir)/$$folder; \
	  eval "$$do" || exit 1; \
	done

dist-hook: docs/man3/shmem/index
	@$(MKDIR_P) $(distdir)/docs/man3
	cp -pR `dirname $<` $(distdir)/docs/man3

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

# The reference of the public headers, in docs/html of the build folder.
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
