# UCX, for libmemheap_shmem to communicate with other nodes.
AC_DEFUN([MEMHEAP_UCX], [
  memheap_ucx=no
  AS_IF([test "$memheap_mpi" = yes], [
    PKG_CHECK_MODULES([UCX], [ucx >= 1.10],
      [memheap_ucx="yes (`$PKG_CONFIG --modversion ucx`)"],
      [AC_MSG_ERROR([
UCX 1.10 or newer is needed for libmemheap_shmem: install libucx-dev, or build
libmemheap alone with --without-mpi.])])
  ])
])
