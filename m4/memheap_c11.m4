# The language that the sources are written in, and the system they need.
AC_DEFUN([MEMHEAP_C11], [
  AC_MSG_CHECKING([for a C11 compiler and 64-bit Linux])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
      #include <stddef.h>
      #include <stdatomic.h>
      #if __STDC_VERSION__ < 201112L
      # error "no C11"
      #endif
      #ifndef __linux__
      # error "no Linux"
      #endif
      _Static_assert(sizeof(size_t) == 8, "64 bits");
    ]], [])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([memheap needs a C11 compiler on 64-bit Linux; try CC=gcc])])
])
