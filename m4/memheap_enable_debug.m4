# --enable-debug: enable assertions, which find errors of memheap itself.
AC_DEFUN([MEMHEAP_ENABLE_DEBUG], [
  AC_ARG_ENABLE([debug],
    [AS_HELP_STRING([--enable-debug], [test the library's own assertions])],
    [], [enable_debug=no])
  AS_IF([test "x$enable_debug" = xyes],
    [AC_DEFINE([MEMHEAP_DEBUG], [1], [Define to test assertions.])])
])
