# Pages of the manual.
dist_man_MANS += docs/man/memheap-info.1
if MPI
if LZMA
dist_man_MANS += docs/man/memheap-replay.1
endif
endif
