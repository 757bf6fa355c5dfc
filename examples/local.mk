# Example programs. They are installed as sources. The tests build them against
# an installed prefix, as a user would.
exampledir = $(docdir)/examples
dist_example_DATA = examples/arrays.py examples/halo.c examples/heat.c examples/hello.c \
	examples/histogram.c examples/library.c examples/mistakes.c \
	examples/owner.cpp examples/picture.h examples/plugin.c examples/queue.c \
	examples/range.c examples/ring.f90 examples/sort.c
examplecmakedir = $(exampledir)/cmake
dist_examplecmake_DATA = examples/cmake/CMakeLists.txt
