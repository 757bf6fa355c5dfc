"""NumPy arrays in symmetric memory, which Python's garbage collector may free.

    LD_LIBRARY_PATH=PREFIX/lib oshrun -n 4 python3 arrays.py

All PEs make the same arrays in the same order. Each PE drops an array when it
likes; the memory ends when all PEs have dropped it.
"""

import ctypes
import weakref

import numpy

shmem = ctypes.CDLL("libmemheap_shmem.so.0", mode=ctypes.RTLD_GLOBAL)
shmem.shmem_calloc.restype = ctypes.c_void_p
shmem.shmem_calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
shmem.shmemx_release.argtypes = [ctypes.c_void_p]
shmem.shmemx_heap_collect.restype = ctypes.c_size_t
shmem.shmemx_heap_free.restype = ctypes.c_size_t
shmem.shmem_putmem.argtypes = [
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def zeros(shape, dtype=float):
    """Make an array of zeros in the symmetric heap. Collective."""
    dtype = numpy.dtype(dtype)
    count = int(numpy.prod(shape))
    address = shmem.shmem_calloc(count, dtype.itemsize)
    if not address:
        raise MemoryError("the symmetric heap is full")
    memory = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
    # The memory lives as long as an array or a view of one refers to it.
    weakref.finalize(memory, shmem.shmemx_release, address)
    return numpy.frombuffer(memory, dtype).reshape(shape)


def put(dest, source, pe):
    """Copy an array to the same place on another PE."""
    source = numpy.ascontiguousarray(source, dest.dtype)
    shmem.shmem_putmem(dest.ctypes.data, source.ctypes.data, dest.nbytes, pe)


def main():
    shmem.shmem_init()
    me, n = shmem.shmem_my_pe(), shmem.shmem_n_pes()
    unused = shmem.shmemx_heap_free()

    table = zeros((n, 1000))
    put(table[me], numpy.full(1000, me + 1.0), (me + 1) % n)
    shmem.shmem_barrier_all()
    print(f"PE {me}: the sum is {table.sum():.0f}", flush=True)

    row = table[0]  # a view keeps the memory
    del table
    early = shmem.shmemx_heap_collect()
    del row
    late = shmem.shmemx_heap_collect()
    if me == 0:
        lost = unused - shmem.shmemx_heap_free()
        print(f"{early} arrays ended while a view lived, {late} after it; "
              f"{lost} bytes are lost")
    shmem.shmem_finalize()


if __name__ == "__main__":
    main()
