# Check for a C11 compiler and 64-bit Linux with glibc.
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
  # glibc has execinfo.h, and compilers for glibc find the headers of the kernel.
  # musl-gcc has neither.
  AC_CHECK_HEADERS([execinfo.h linux/membarrier.h linux/memfd.h linux/mempolicy.h],
    [], [AC_MSG_ERROR([
memheap needs <$ac_header>, which $CC does not find. Of the C libraries, glibc has
execinfo.h and musl does not: use a compiler for glibc, such as CC=gcc. On Debian,
the headers of Linux are in the package linux-libc-dev.])])
])
