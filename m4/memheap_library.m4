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
