# liblzma, for memheap-replay and memheap-map to read compressed traces.
AC_DEFUN([MEMHEAP_LZMA], [
  AC_ARG_WITH([lzma],
    [AS_HELP_STRING([--without-lzma],
       [leave out the programs that read traces])],
    [], [with_lzma=yes])
  memheap_lzma="no (--without-lzma)"
  AS_IF([test "x$with_lzma" != xno],
    [MEMHEAP_LIBRARY([LZMA], [liblzma], [#include <lzma.h>],
       [return lzma_version_number() == 0;], [liblzma-dev])
     memheap_lzma=$memheap_found])
  AM_CONDITIONAL([LZMA], [test "x$memheap_lzma" = xyes])
])
