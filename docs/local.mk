# Pages of the manual.
#
# A page of section 3 is about several routines; each of the others that its
# NAME section lists is installed as a link to it.
man3_pages = docs/man/memheap.3 docs/man/memheap_alloc.3 \
	docs/man/memheap_get_stats.3
dist_man_MANS += docs/man/memheap-info.1 docs/man/memheap.7
if MPI
man3_pages += docs/man/shmem_malloc.3 docs/man/shmemx_heap_size.3
if LZMA
dist_man_MANS += docs/man/memheap-replay.1
endif
endif
dist_man_MANS += $(man3_pages)

# Runs $$do for each link: $$name.3, to $$page.3.
each_man3_link = \
	for file in $(man3_pages); do \
	  page=`basename $$file .3`; \
	  for name in `$(SED) -n '/^\.SH NAME/,/\\\\-/{/^\.SH/d;s/\\\\-.*//;s/,/ /g;p;}' \
	      $(srcdir)/$$file`; do \
	    test $$name = $$page || eval "$$do" || exit 1; \
	  done; \
	done

install-data-hook:
	@do='$(LN_S) -f `echo $$page | $(SED) "$(transform)"`.3 \
	    "$(DESTDIR)$(man3dir)/$$name.3"'; $(each_man3_link)

uninstall-hook:
	@do='rm -f "$(DESTDIR)$(man3dir)/$$name.3"'; $(each_man3_link)
