# --with-ucx: the transport between nodes. Looked for, and reported, so that a
# build says what it will be able to reach.
AC_DEFUN([MEMHEAP_UCX], [
  AC_ARG_WITH([ucx],
    [AS_HELP_STRING([--with-ucx],
       [fail if UCX is not found; --without-ucx does not look for it])],
    [], [with_ucx=check])
  memheap_ucx=no
  AS_IF([test "x$with_ucx" != xno], [
    PKG_CHECK_MODULES([UCX], [ucx >= 1.10],
      [memheap_ucx="yes (`$PKG_CONFIG --modversion ucx`)"],
      [AS_IF([test "x$with_ucx" != xcheck],
         [AC_MSG_ERROR([UCX 1.10 is needed for --with-ucx: install libucx-dev])],
         [memheap_ucx="not found"])])
  ])
])
