# Refuse paths with blanks before all other checks: make and libtool split them.
AC_DEFUN([MEMHEAP_PATHS], [
  memheap_source=`cd "$srcdir" && pwd`
  memheap_build=`pwd`
  case $memheap_source:$memheap_build in
    *[[[:blank:]]]*) AC_MSG_ERROR([
there is a blank in the path of the source folder ($memheap_source)
or of the build folder ($memheap_build),
and make cannot build there: move it to a path without blanks.]) ;;
  esac
])
