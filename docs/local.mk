# Pages of the manual.
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
linked_pages += docs/man/oshcc.1 docs/man/shmem_malloc.3 \
	docs/man/shmemx_heap_size.3 docs/man/shmemx_space_create.3 \
	docs/man/memheap_mpi_create.3
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

install-data-hook:
	@do='$(LN_S) -f `echo $$page | $(SED) "$(transform)"`.$$section \
	    "$(DESTDIR)$(mandir)/man$$section/$$name.$$section"'; $(each_man_link)

uninstall-hook:
	@do='rm -f "$(DESTDIR)$(mandir)/man$$section/$$name.$$section"'; \
	$(each_man_link)

# The reference of the public headers, in docs/html of the build folder.
EXTRA_DIST += docs/api.dox docs/doxygen.awk docs/headers.awk
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
	rm -rf docs/html
