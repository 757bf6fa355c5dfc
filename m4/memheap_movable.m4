# Relative paths between installed folders, so that an installation works after it
# was moved. Folders outside the prefix keep absolute paths. --disable-rpath leaves
# the run paths out: the packages of a distribution need none.
#
# pc_prefix, pc_libdir, pc_includedir   used in pkg-config files
# cmake_prefix, cmake_libdir, cmake_includedir  likewise for CMake
# ORIGIN_LDFLAGS, ORIGIN_LIB_LDFLAGS    rpath of programs, and of libraries
# pc_rpath, osh_rpath                   rpath that pkg-config and oshcc add
# traces_from_bin                       path from bindir to the traces
AC_DEFUN([MEMHEAP_MOVABLE], [
  AC_ARG_ENABLE([rpath],
    [AS_HELP_STRING([--disable-rpath],
       [write no run path into libraries and programs, for system folders])])
  memheap_prefix=$prefix
  AS_IF([test "x$prefix" = xNONE], [memheap_prefix=$ac_default_prefix])
  # Expand the variables in the path of a folder.
  memheap_expand() {
    ( prefix=$memheap_prefix
      AS_IF([test "x$exec_prefix" = xNONE], [exec_prefix=$prefix])
      memheap_folder=$[]1
      while :; do
        case $memheap_folder in
          *\$[]*) eval memheap_folder=\"$memheap_folder\" ;;
          *) break ;;
        esac
      done
      AS_ECHO(["$memheap_folder"]) )
  }
  # Print the relative path from the second folder to the first, or nothing if one
  # of them is outside the prefix.
  memheap_way() {
    memheap_to=`memheap_expand "$[]1"`
    memheap_from=`memheap_expand "$[]2"`
    case $memheap_to/:$memheap_from in
      "$memheap_prefix"/*:"$memheap_prefix"/*)
        memheap_up=`AS_ECHO(["${memheap_from@%:@"$memheap_prefix"/}"]) | sed 's|@<:@^/@:>@@<:@^/@:>@*|..|g'`
        AS_ECHO(["$memheap_up${memheap_to@%:@"$memheap_prefix"}"]) ;;
    esac
  }
  memheap_up=`memheap_way '${prefix}' "$pkgconfigdir"`
  pc_prefix=$memheap_prefix
  AS_IF([test -n "$memheap_up"], [pc_prefix='${pcfiledir}/'$memheap_up])
  pc_libdir=`memheap_expand "$libdir"`
  pc_includedir=`memheap_expand "$includedir"`
  case $pc_libdir in
    "$memheap_prefix"/*) pc_libdir='${prefix}'${pc_libdir@%:@"$memheap_prefix"} ;;
  esac
  case $pc_includedir in
    "$memheap_prefix"/*) pc_includedir='${prefix}'${pc_includedir@%:@"$memheap_prefix"} ;;
  esac
  memheap_up=`memheap_way '${prefix}' "$libdir/cmake/memheap"`
  cmake_prefix=$memheap_prefix
  AS_IF([test -n "$memheap_up"],
    [cmake_prefix='${CMAKE_CURRENT_LIST_DIR}/'$memheap_up])
  cmake_libdir=`AS_ECHO(["$pc_libdir"]) | sed 's/{prefix}/{memheap_prefix}/'`
  cmake_includedir=`AS_ECHO(["$pc_includedir"]) | sed 's/{prefix}/{memheap_prefix}/'`
  ORIGIN_LIB_LDFLAGS="-Wl,-rpath,'\$\$ORIGIN'"
  ORIGIN_LDFLAGS=`memheap_way "$libdir" "$bindir"`
  AS_IF([test -n "$ORIGIN_LDFLAGS"],
    [ORIGIN_LDFLAGS="-Wl,-rpath,'\$\$ORIGIN/$ORIGIN_LDFLAGS'"])
  pc_rpath='-Wl,-rpath,${libdir}'
  osh_rpath='"-Wl,-rpath,$$libdir"'
  AS_IF([test "x$enable_rpath" = xno],
    [ORIGIN_LIB_LDFLAGS= ORIGIN_LDFLAGS= pc_rpath= osh_rpath=])
  traces_from_bin=`memheap_way "$datadir/memheap/traces" "$bindir"`
  AC_SUBST([pc_prefix])
  AC_SUBST([pc_libdir])
  AC_SUBST([pc_includedir])
  AC_SUBST([cmake_prefix])
  AC_SUBST([cmake_libdir])
  AC_SUBST([cmake_includedir])
  AC_SUBST([ORIGIN_LDFLAGS])
  AC_SUBST([ORIGIN_LIB_LDFLAGS])
  AC_SUBST([pc_rpath])
  AC_SUBST([osh_rpath])
  AC_SUBST([traces_from_bin])
])
