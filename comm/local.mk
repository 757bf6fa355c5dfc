# The PEs of a job.
comm_sources = comm/address_table.c comm/address_table.h comm/agree.c \
	comm/agree.h comm/data_segment.c comm/data_segment.h comm/job.c \
	comm/job.h comm/mpi_heap.c comm/node_monitor.c comm/node_monitor.h \
	comm/range.c comm/range.h comm/symmetric.c comm/symmetric.h \
	comm/transport.h comm/ucx.c comm/wait.h comm/window.c comm/window.h
