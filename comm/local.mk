# libmemheap_mpi: symmetric heaps over MPI communicators, without OpenSHMEM.
pkginclude_HEADERS += include/memheap/mpi.h
lib_LTLIBRARIES += libmemheap_mpi.la
libmemheap_mpi_la_SOURCES = comm/call.c comm/call.h comm/collective_heap.c \
	comm/collective_heap.h comm/job.c comm/job.h comm/mpi_heap.c \
	comm/parent.c comm/parent.h comm/range.c comm/range.h comm/releases.c \
	comm/releases.h comm/symmetric.c comm/symmetric.h comm/wait.c comm/wait.h comm/window.c comm/window.h \
	include/memheap/mpi.h
libmemheap_mpi_la_CFLAGS = $(AM_CFLAGS) $(MPI_CFLAGS)
libmemheap_mpi_la_LIBADD = libmemheap.la $(MPI_LIBS)
libmemheap_mpi_la_LDFLAGS = -version-info 0:0:0 -no-undefined $(OPTIMIZE_LDFLAGS) $(AM_LDFLAGS) \
	$(ORIGIN_LIB_LDFLAGS) -Wl,-z,nodelete \
	-Wl,--version-script=$(srcdir)/comm/libmemheap_mpi.map
libmemheap_mpi_la_DEPENDENCIES = libmemheap.la $(srcdir)/comm/libmemheap_mpi.map
EXTRA_DIST += comm/libmemheap_mpi.map

# Sources used by libmemheap_shmem only.
comm_sources = comm/address_table.c comm/address_table.h comm/agree.c \
	comm/agree.h comm/agree_exchange.c comm/agree_exchange.h \
	comm/agree_report.c comm/agree_report.h comm/agree_state.h \
	comm/data_segment.c comm/data_segment.h comm/moved_pages.c \
	comm/moved_pages.h comm/mpi_init.c comm/mpi_init.h comm/node_monitor.c comm/node_monitor.h \
	comm/program.c comm/program.h comm/transport.h comm/ucx.c comm/ucx.h \
	comm/ucx_atomics.c comm/ucx_atomics.h comm/ucx_progress.c \
	comm/ucx_progress.h comm/ucx_segments.c comm/ucx_segments.h
