! The Fortran interface by its module: every kind of routine, with data of several
! types and ranks.
module fortran_tap
    use shmem
    implicit none
    integer, save :: mine, outcome, work(8)
    integer, save :: sync(SHMEM_REDUCE_SYNC_SIZE) = SHMEM_SYNC_VALUE
    integer :: facts = 0
contains
    ! Print whether a fact holds on all PEs. Collective.
    subroutine ok(holds, fact)
        logical, intent(in) :: holds
        character(*), intent(in) :: fact
        mine = merge(1, 0, holds)
        call shmem_int4_min_to_all(outcome, mine, 1, 0, 0, shmem_n_pes(), work, sync)
        facts = facts + 1
        if (shmem_my_pe() == 0) then
            if (outcome == 1) then
                write (*, '(a,i0,2a)') 'ok ', facts, ' - ', fact
            else
                write (*, '(a,i0,2a)') 'not ok ', facts, ' - ', fact
            end if
            flush (6)
        end if
        call shmem_barrier_all()
    end subroutine
end module

program fortran
    use shmem
    use fortran_tap
    implicit none
    integer, parameter :: n = 6, most = 16
    integer :: me, pes, right, left
    integer, save :: p_sync(SHMEM_SYNC_SIZE) = SHMEM_SYNC_VALUE
    integer, save :: numbers(n), got(n), matrix(2, 3)
    integer(8), save :: longs(n), all_longs(n * most)
    integer, save :: all_numbers(n * most)
    real, save :: reals(n)
    double precision, save :: doubles(n)
    complex, save :: complexes(n)
    logical, save :: logicals(n)
    character(8), save :: text(2)
    common /shared/ in_common
    integer :: in_common(n)

    call shmem_init()
    me = shmem_my_pe()
    pes = shmem_n_pes()
    right = mod(me + 1, pes)
    left = mod(me + pes - 1, pes)
    if (me == 0) print '(a)', '1..36'
    call query()
    call memory()
    call rma()
    call atomics()
    call collectives()
    call reductions()
    call waits()
    call locks()
    call shmem_finalize()
contains
    subroutine query()
        integer :: major, minor
        integer, target :: local
        character(SHMEM_MAX_NAME_LEN) :: name
        character(4) :: short
        call shmem_info_get_version(major, minor)
        call shmem_info_get_name(name)
        call shmem_info_get_name(short)
        call ok(major == SHMEM_MAJOR_VERSION .and. minor == SHMEM_MINOR_VERSION .and. &
                name == SHMEM_VENDOR_STRING .and. short == name(1:4), &
                'the name and the version are those of the constants')
        call ok(my_pe() == me .and. num_pes() == pes, 'MY_PE and NUM_PES work')
        call ok(shmem_pe_accessible(right) .and. .not. shmem_pe_accessible(pes), &
                'PEs of the job are accessible')
        call ok(shmem_addr_accessible(numbers, right) .and. &
                shmem_addr_accessible(in_common, right) .and. &
                .not. shmem_addr_accessible(local, right), &
                'variables in COMMON or with SAVE are symmetric, others are not')
        call ok(shmem_ptr(numbers, me) == loc(numbers), 'SHMEM_PTR returns an address')
    end subroutine

    subroutine memory()
        integer(8) :: block, moved, wrong
        integer :: errcode, first, code, i
        integer, pointer :: words(:)
        call shpalloc(block, 10, errcode, 0)
        first = errcode
        call c_words(block, words)
        words = me
        call shmem_barrier_all()
        call shmem_integer_put(words, [me, me], 2, right)
        call shmem_barrier_all()
        call ok(first == 0 .and. all(words(1:2) == left) .and. all(words(3:) == me), &
                'SHPALLOC allocates words of 32 bits')
        moved = block
        call shpclmove(moved, 100000, errcode, 0)
        call c_words(moved, words)
        call ok(errcode == merge(0, 1, moved == block) .and. all(words(3:10) == me), &
                'SHPCLMOVE keeps the contents, and tells whether the block moved')
        wrong = moved + 4
        call shpdeallc(wrong, errcode, 0)
        first = errcode
        wrong = loc(numbers)
        call shpdeallc(wrong, errcode, 0)
        call ok(first == -5 .and. errcode == -3, 'SHPDEALLC has codes for wrong addresses')
        call shpdeallc(moved, errcode, 0)
        first = errcode
        call shpdeallc(moved, errcode, 0)
        call ok(first == 0 .and. errcode == -4, 'SHPDEALLC frees once')
        call shpalloc(block, 0, errcode, 0)
        first = errcode
        call shpclmove(moved, -1, errcode, 0)
        call ok(first == -1 .and. errcode == -1, 'a length has to be greater than 0')
        call shpclmove(moved, 1, errcode, 0)
        call ok(errcode == -4, 'SHPCLMOVE refuses a free block')
        ! More than the blocks of the list at first.
        first = 0
        do i = 1, 50
            call shpalloc(block, 4, code, 0)
            first = first + code
        end do
        call ok(first == 0, 'many blocks are allocated')
    end subroutine

    ! Let a pointer refer to ten words at an address.
    subroutine c_words(address, words)
        use, intrinsic :: iso_c_binding
        integer(8), intent(in) :: address
        integer, pointer, intent(out) :: words(:)
        type(c_ptr) :: place
        place = transfer(address, place)
        call c_f_pointer(place, words, [10])
    end subroutine

    subroutine rma()
        integer :: i
        integer(8), target :: copy(n)
        numbers = 0
        matrix = 0
        longs = 0
        reals = 0
        doubles = 0
        complexes = 0
        logicals = .false.
        text = ''
        in_common = 0
        call shmem_barrier_all()
        call shmem_integer_put(numbers, [(me + i, i=1, n)], n, right)
        call shmem_put32(in_common, [me, me], 2, right)
        call shmem_put4(matrix(1, 2), me, 1, right)
        call shmem_put8(longs, [10_8 + me], 1, right)
        call shmem_real_put(reals, [1.5, 2.5], 2, right)
        call shmem_double_put(doubles, [1d300, 2d300], 2, right)
        call shmem_complex_put(complexes, [(1.0, 2.0), (3.0, 4.0)], 2, right)
        call shmem_logical_put(logicals, [.true., .true.], 2, right)
        call shmem_character_put(text, 'remote x', 7, right)
        call shmem_barrier_all()
        call ok(all(numbers == [(left + i, i=1, n)]) .and. all(in_common(1:2) == left) &
                .and. all(in_common(3:) == 0), 'integers are put, into COMMON too')
        call ok(matrix(1, 2) == left .and. sum(abs(matrix)) == left .and. &
                longs(1) == 10 + left .and. longs(2) == 0, &
                'elements by size are put, into a matrix too')
        call ok(reals(2) == 2.5 .and. reals(3) == 0 .and. doubles(2) == 2d300 .and. &
                doubles(3) == 0 .and. complexes(2) == (3.0, 4.0) .and. &
                complexes(3) == 0, 'reals and complex numbers are put')
        call ok(logicals(2) .and. .not. logicals(3) .and. text(1) == 'remote' .and. &
                text(2) == '', 'logicals and characters are put')
        got = 0
        copy = 0
        call shmem_integer_get(got, numbers, 2, right)
        call shmem_get64_nbi(copy, longs, 1, right)
        call shmem_quiet()
        call ok(all(got(1:2) == [me + 1, me + 2]) .and. got(3) == 0 .and. &
                copy(1) == 10 + me .and. copy(2) == 0, 'elements are got')
        call get_late()
        call shmem_barrier_all()
        numbers = -1
        complexes = 0
        call shmem_barrier_all()
        call shmem_integer_iput(numbers, [(i, i=1, n)], 2, 3, 2, right)
        call shmem_complex_iput(complexes(2), [(1.0, 1.0), (2.0, 2.0)], 3, 1, 2, right)
        call shmem_barrier_all()
        call ok(all(numbers == [1, -1, 4, -1, -1, -1]) .and. complexes(2) == (1.0, 1.0) &
                .and. complexes(5) == (2.0, 2.0) .and. complexes(3) == 0, &
                'strides count elements')
        got = 0
        call shmem_iget32(got, numbers, 1, 2, 2, right)
        call ok(all(got(1:3) == [1, 4, 0]), 'elements are got by strides')
        numbers = 0
        call shmem_barrier_all()
        call shmem_put128_nbi(numbers, [1, 2, 3, 4], 1, right)
        call shmem_putmem_nbi(numbers(5), [5], 4, right)
        call shmem_fence()
        call shmem_barrier_all()
        call ok(all(numbers == [1, 2, 3, 4, 5, 0]), 'puts complete in a barrier')
    end subroutine

    ! The compiler must not keep in a register what arrives after the call. Over
    ! UCX, so many elements do.
    recursive subroutine get_late()
        integer, parameter :: many = 200000
        integer, save :: source(many)
        integer :: dest(many), before
        source = me + 100
        dest(many) = -1
        call shmem_barrier_all()
        call shmem_get32_nbi(dest, source, many, right)
        before = dest(many)
        call shmem_quiet()
        call ok(dest(many) == right + 100 .and. (before == -1 .or. before == right + 100), &
                'what arrives after the call of a get is seen')
    end subroutine

    subroutine atomics()
        integer(4), save :: a4
        integer(8), save :: a8
        real(4), save :: r4
        real(8), save :: r8
        integer(4) :: old4
        integer(8) :: old8
        a4 = 1
        a8 = 2_8**40
        r4 = 0.5
        r8 = 0.25d0
        call shmem_barrier_all()
        call shmem_int4_add(a4, 5_4, 0)
        call shmem_int8_inc(a8, 0)
        call shmem_barrier_all()
        call ok(shmem_int4_fetch(a4, 0) == 1 + 5 * pes .and. &
                shmem_int8_fetch(a8, 0) == 2_8**40 + pes, 'every atomic update counts')
        call shmem_barrier_all()
        old4 = shmem_int4_fadd(a4, 2_4, 0) + shmem_int4_finc(a4, 0)
        old8 = shmem_int8_fadd(a8, 2_8, 0) - shmem_int8_finc(a8, 0)
        call shmem_barrier_all()
        call ok(old4 > 2 .and. a4 == merge(1 + 8 * pes, 1, me == 0) .and. &
                a8 == merge(2_8**40 + 4 * pes, 2_8**40, me == 0), &
                'atomic updates return the old value')
        call shmem_int4_set(a4, 7_4, right)
        call shmem_real4_set(r4, 1.5, right)
        call shmem_barrier_all()
        old4 = shmem_int4_cswap(a4, 6_4, 8_4, right) + shmem_int4_cswap(a4, 7_4, 9_4, right)
        old8 = shmem_int8_swap(a8, 3_8, right)
        call ok(old4 == 14 .and. shmem_swap(a4, 1, right) == 9 .and. &
                shmem_int8_cswap(a8, 3_8, 4_8, right) == 3 .and. &
                shmem_real4_swap(r4, 2.5, right) == 1.5 .and. &
                shmem_real4_fetch(r4, right) == 2.5 .and. &
                shmem_real8_swap(r8, 4.25d0, right) == 0.25d0, &
                'swaps return the old value')
        call shmem_barrier_all()
        call ok(a4 == 1 .and. a8 == 4 .and. r8 == 4.25d0, 'swaps store the new value')
    end subroutine

    subroutine collectives()
        integer :: i, k
        logical :: right_place
        numbers = me
        got = -1
        call shmem_barrier_all()
        call shmem_broadcast32(got, numbers, 3, pes - 1, 0, 0, pes, p_sync)
        call ok(all(got(1:3) == merge(-1, pes - 1, me == pes - 1)) .and. got(4) == -1, &
                'a broadcast leaves the root out')
        longs = [(100_8 * me + i, i=1, n)]
        all_longs = -1
        call shmem_fcollect64(all_longs, longs, 2, 0, 0, pes, p_sync)
        call ok(all(all_longs(1:2 * pes:2) == [(100_8 * i + 1, i=0, pes - 1)]) .and. &
                all_longs(2 * pes + 1) == -1, 'FCOLLECT concatenates')
        all_numbers = -1
        call shmem_collect4(all_numbers, numbers, mod(me, 2) + 1, 0, 0, pes, p_sync)
        k = pes + pes / 2
        call ok(all(all_numbers(1:k) == [(merge((i - 1) / 3 * 2, (i - 1) / 3 * 2 + 1, &
                mod(i, 3) == 1), i=1, k)]) .and. all_numbers(k + 1) == -1, &
                'COLLECT concatenates different lengths')
        all_numbers(1:pes) = [(10 * me + i, i=0, pes - 1)]
        all_numbers(pes + 1:) = -1
        call shmem_barrier_all()
        call shmem_alltoall32(all_numbers(pes + 1), all_numbers, 1, 0, 0, pes, p_sync)
        right_place = all(all_numbers(pes + 1:2 * pes) == [(10 * i + me, i=0, pes - 1)])
        all_longs = 0
        call shmem_barrier_all()
        all_longs(1:2 * pes:2) = [(10_8 * me + i, i=0, pes - 1)]
        call shmem_barrier_all()
        call shmem_alltoalls64(all_longs(2 * pes + 1), all_longs, 1, 2, 1, 0, 0, pes, p_sync)
        call ok(right_place .and. all(all_longs(2 * pes + 1:3 * pes) == &
                [(10_8 * i + me, i=0, pes - 1)]), 'ALLTOALL exchanges elements')
        ! The PEs with even numbers.
        if (mod(me, 2) == 0) then
            call shmem_barrier(0, 1, (pes + 1) / 2, p_sync)
            call shmem_sync(0, 1, (pes + 1) / 2, p_sync)
            call shmem_int4_sum_to_all(got, numbers, 1, 0, 1, (pes + 1) / 2, work, p_sync)
        end if
        call shmem_sync_all()
        call ok(mod(me, 2) == 1 .or. got(1) == ((pes + 1) / 2) * ((pes - 1) / 2), &
                'an active set has a stride')
    end subroutine

    subroutine reductions()
        integer(4), save :: i4(2), i4_work(8)
        integer(8), save :: i8(2), i8_work(8)
        real(4), save :: r4(2), r4_work(8)
        real(8), save :: r8(2), r8_work(8)
        real(16), save :: r16(600), r16_work(8)
        complex(4), save :: c4(2), c4_work(8)
        complex(8), save :: c8(2), c8_work(8)
        integer :: i
        logical :: equal
        i4 = [ior(me, 8), me]
        i8 = [int(me + 1, 8), 2_8**40 * me]
        r4 = [me + 0.5, -real(me)]
        r8 = [2d0, me * 1d0]
        c4 = (1.0, 2.0)
        c8 = [(0d0, 1d0), (1d0, 0d0)]
        call shmem_barrier_all()
        call shmem_int4_and_to_all(i4, i4, 1, 0, 0, pes, i4_work, p_sync)
        call shmem_barrier_all()
        call shmem_int8_max_to_all(i8, i8, 2, 0, 0, pes, i8_work, p_sync)
        call shmem_barrier_all()
        call shmem_real4_min_to_all(r4, r4, 2, 0, 0, pes, r4_work, p_sync)
        call shmem_barrier_all()
        call shmem_real8_prod_to_all(r8, r8, 1, 0, 0, pes, r8_work, p_sync)
        call shmem_barrier_all()
        call ok(i4(1) == 8 .and. all(i8 == [int(pes, 8), 2_8**40 * (pes - 1)]) .and. &
                all(r4 == [0.5, -real(pes - 1)]) .and. r8(1) == 2d0**pes, &
                'reductions of integers and reals')
        call shmem_comp4_sum_to_all(c4, c4, 2, 0, 0, pes, c4_work, p_sync)
        call shmem_barrier_all()
        call shmem_comp8_prod_to_all(c8, c8, 2, 0, 0, pes, c8_work, p_sync)
        call ok(all(c4 == pes * (1.0, 2.0)) .and. abs(c8(1) - (0d0, 1d0)**pes) < 1d-9 &
                .and. c8(2) == 1, 'reductions of complex numbers')
        ! More bits than a double precision or a long double of C has, in more than
        ! one piece.
        r16 = [(2q0**(100 * mod(me, 2)) + i, i=1, 600)]
        call shmem_real16_sum_to_all(r16, r16, 600, 0, 0, pes, r16_work, p_sync)
        equal = .true.
        do i = 1, 600
            equal = equal .and. r16(i) == 2q0**100 * (pes / 2) + (pes - pes / 2) + pes * i
        end do
        r16 = me
        call shmem_barrier_all()
        call shmem_real16_max_to_all(r16(2), r16, 1, 0, 0, pes, r16_work, p_sync)
        call shmem_real16_min_to_all(r16(3), r16, 1, 0, 0, pes, r16_work, p_sync)
        r16(1) = 3
        call shmem_real16_prod_to_all(r16(4), r16, 1, 0, 0, pes, r16_work, p_sync)
        call ok(equal .and. all(r16(1:5) == [real(16) :: 3, pes - 1, 0, 3**pes, me]), &
                'reductions of REAL(16)')
    end subroutine

    subroutine waits()
        integer(4), save :: flag4 = 0, plain = 0
        integer(8), save :: flag8 = 0
        call shmem_int4_add(flag4, 3_4, right)
        call shmem_int4_wait(flag4, 0_4)
        call shmem_int8_set(flag8, 2_8**40, right)
        call shmem_int8_wait_until(flag8, SHMEM_CMP_GT, 5_8)
        call shmem_integer_put(plain, [-5], 1, right)
        call shmem_wait_until(plain, SHMEM_CMP_LE, -5)
        call ok(flag4 == 3 .and. flag8 == 2_8**40 .and. &
                shmem_int4_test(flag4, SHMEM_CMP_EQ, 3_4) .and. &
                .not. shmem_int8_test(flag8, SHMEM_CMP_LT, 5_8), 'waits and tests see a put')
    end subroutine

    subroutine locks()
        integer, save :: lock(3) = 0
        integer, save :: counter = 0, tries = 0
        integer :: i, value
        do i = 1, 20
            call shmem_set_lock(lock(2))
            call shmem_integer_get(value, counter, 1, 0)
            call shmem_integer_put(counter, [value + 1], 1, 0)
            call shmem_clear_lock(lock(2))
        end do
        do i = 1, 20
            do while (shmem_test_lock(lock(2)) /= 0)
            end do
            call shmem_integer_get(value, counter, 1, 0)
            call shmem_integer_put(counter, [value + 1], 1, 0)
            call shmem_clear_lock(lock(2))
        end do
        call shmem_barrier_all()
        call ok(me /= 0 .or. counter == 40 * pes, 'a lock excludes the other PEs')
        if (me == 0) call shmem_set_lock(lock(2))
        call shmem_barrier_all()
        tries = shmem_test_lock(lock(2))
        call shmem_barrier_all()
        if (me == 0) call shmem_clear_lock(lock(2))
        call shmem_barrier_all()
        call ok(tries == 1 .and. lock(1) == 0 .and. lock(3) == 0, &
                'a test of a set lock returns, and no other word changes')
    end subroutine
end program
