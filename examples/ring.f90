! A halo exchange in Fortran: heat flows around a ring of cells. Each PE holds a part
! of the ring, with a ghost cell at either end, which is a copy of the neighbour's
! outermost cell. Variables with SAVE or in COMMON are symmetric.
!
!     oshfort ring.f90 -o ring
!     oshrun -n 4 ./ring
program ring
    use shmem
    implicit none
    integer, parameter :: cells = 1200, steps = 5000
    double precision, save :: now(0:cells + 1), hottest(1), total(1)
    double precision, save :: work(SHMEM_REDUCE_MIN_WRKDATA_SIZE)
    integer, save :: sync(SHMEM_REDUCE_SYNC_SIZE) = SHMEM_SYNC_VALUE
    integer :: me, pes, left, right, mine, step

    call shmem_init()
    me = shmem_my_pe()
    pes = shmem_n_pes()
    left = mod(me + pes - 1, pes)
    right = mod(me + 1, pes)
    if (mod(cells, pes) /= 0) then
        if (me == 0) print '(a,i0,a)', 'ring: the number of PEs has to divide ', cells
        call shmem_barrier_all()
        call shmem_global_exit(2)
    end if
    mine = cells / pes

    now = 0
    if (me == 0) now(1) = 1000
    call shmem_barrier_all()
    do step = 1, steps
        call shmem_double_put(now(0), now(mine), 1, right)
        call shmem_double_put(now(mine + 1), now(1), 1, left)
        call shmem_barrier_all()
        now(1:mine) = now(1:mine) + 0.25d0 * &
                      (now(0:mine - 1) - 2 * now(1:mine) + now(2:mine + 1))
        call shmem_barrier_all()
    end do

    total = sum(now(1:mine))
    hottest = maxval(now(1:mine))
    call shmem_barrier_all()
    call shmem_real8_sum_to_all(total, total, 1, 0, 0, pes, work, sync)
    call shmem_barrier_all()
    call shmem_real8_max_to_all(hottest, hottest, 1, 0, 0, pes, work, sync)
    if (me == 0) print '(a,i0,a,f0.3,a,f0.3,a)', 'after ', steps, ' steps: ', total(1), &
        ' in all, ', hottest(1), ' in the hottest cell'
    call shmem_finalize()
end program
