# jansson, for memheap-report to read JSON. It reads traces too, so it needs liblzma.
AC_DEFUN([MEMHEAP_JANSSON], [
  AC_ARG_WITH([jansson],
    [AS_HELP_STRING([--without-jansson],
       [leave out the program that reads reports])],
    [], [with_jansson=yes])
  AS_IF([test "x$with_jansson" = xno],
      [memheap_jansson="no (--without-jansson)"],
    [test "x$memheap_lzma" != xyes],
      [memheap_jansson="no (without liblzma)"],
    [MEMHEAP_LIBRARY([JANSSON], [jansson >= 2.4], [#include <jansson.h>],
       [return json_true() == NULL;], [libjansson-dev])
     memheap_jansson=$memheap_found])
  AM_CONDITIONAL([JANSSON], [test "x$memheap_jansson" = xyes])
])
