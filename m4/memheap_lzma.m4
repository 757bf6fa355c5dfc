# liblzma, with which memheap-replay reads compressed traces.
AC_DEFUN([MEMHEAP_LZMA], [
  PKG_CHECK_MODULES([LZMA], [liblzma], [memheap_lzma=yes],
    [memheap_lzma="no (install the package liblzma-dev)"])
  AM_CONDITIONAL([LZMA], [test "x$memheap_lzma" = xyes])
])
