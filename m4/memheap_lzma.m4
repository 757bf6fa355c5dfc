# liblzma, with which memheap-replay and memheap-map read compressed traces.
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

# MEMHEAP_LIBRARY(VARIABLE, MODULE, HEADERS, CALL, PACKAGE): what pkg-config has,
# if this compiler can use it. $memheap_found is yes, or no and a reason.
AC_DEFUN([MEMHEAP_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [
      memheap_saved_CFLAGS=$CFLAGS
      memheap_saved_LIBS=$LIBS
      CFLAGS="$CFLAGS $$1_CFLAGS"
      LIBS="$$1_LIBS $LIBS"
      AC_LINK_IFELSE([AC_LANG_PROGRAM([[$3]], [[$4]])], [memheap_found=yes],
        [memheap_found="no ($CC cannot use it)"])
      CFLAGS=$memheap_saved_CFLAGS
      LIBS=$memheap_saved_LIBS
    ],
    [memheap_found="no (install the package $5)"])
])
