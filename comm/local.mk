# The PEs of a job.
comm_sources = comm/agree.c comm/agree.h comm/globals.c comm/globals.h comm/job.h comm/memheap_mpi.c comm/memheap_mpi.h \
	comm/mpi.c \
	comm/cards.c comm/cards.h comm/range.c comm/range.h \
	comm/symmetric.c comm/symmetric.h \
	comm/transport.h comm/ucx.c comm/wait.h comm/watch.c comm/watch.h \
	comm/window.c comm/window.h
