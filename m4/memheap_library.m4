# MEMHEAP_LIBRARY(VARIABLE, MODULE, HEADERS, CALL, PACKAGE): find a library with
# pkg-config, and check that the compiler can link it. Sets $memheap_found to
# yes, or to no and a reason.
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
