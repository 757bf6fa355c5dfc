C     The Fortran interface as programs of old use it: fixed form,
C     shmem.fh, START_PES without an end, implicit types, COMMON, and
C     Cray pointers.
      PROGRAM FIXED
      INCLUDE 'mpp/shmem.fh'
      INTEGER MY_PE, NUM_PES, SHMEM_SWAP
      INTEGER*8 SHMEM_INT8_FINC, COUNTER
      COMMON /SYMM/ COUNTER, DATA(8), K(4), WORDS(2), LOCK
      REAL DATA
      DOUBLE PRECISION WORDS
      INTEGER PSYNC(SHMEM_REDUCE_SYNC_SIZE)
      INTEGER*8 WIDE(SHMEM_REDUCE_SYNC_SIZE)
      REAL PWRK(SHMEM_REDUCE_MIN_WRKDATA_SIZE)
      COMMON /WORK/ PWRK, PSYNC, WIDE
      DATA PSYNC /SHMEM_REDUCE_SYNC_SIZE*SHMEM_SYNC_VALUE/
      DATA WIDE /SHMEM_REDUCE_SYNC_SIZE*SHMEM_SYNC_VALUE/
      REAL BLOCK(100)
      POINTER (IBLOCK, BLOCK)
      LOGICAL GOOD, MORE

      CALL START_PES(0)
      ME = MY_PE()
      NPES = NUM_PES()
      NEXT = MOD(ME + 1, NPES)
      LAST = MOD(ME + NPES - 1, NPES)
      IF (ME .EQ. 0) PRINT '(A)', '1..5'
      CALL SHMEM_BARRIER_ALL

C     The same routine with arguments of two types.
      CALL SHMEM_PUT32(DATA, 1.0 * ME, 1, NEXT)
      CALL SHMEM_PUT32(K, ME, 1, NEXT)
      CALL SHMEM_PUT(WORDS, 0.5D0 + ME, 1, NEXT)
      CALL SHMEM_BARRIER_ALL
      GOOD = DATA(1) .EQ. LAST .AND. K(1) .EQ. LAST
      GOOD = GOOD .AND. WORDS(1) .EQ. 0.5D0 + LAST .AND. DATA(2) .EQ. 0
      CALL FACT(GOOD, 1, 'COMMON is symmetric')

      CALL SHPALLOC(IBLOCK, 100, IERR, 1)
      BLOCK(100) = -1
      CALL SHMEM_BARRIER_ALL
      CALL SHMEM_REAL_PUT(BLOCK(100), DATA, 1, NEXT)
      CALL SHMEM_BARRIER_ALL
      GOOD = IERR .EQ. 0 .AND. BLOCK(100) .EQ. MOD(LAST+NPES-1, NPES)
      CALL SHPDEALLC(IBLOCK, IERR, 1)
      GOOD = GOOD .AND. IERR .EQ. 0
      CALL FACT(GOOD, 2, 'SHPALLOC with a Cray pointer')

      I = SHMEM_SWAP(K(2), ME + 1, NEXT)
      DO 10 J = 1, 10
         IF (SHMEM_INT8_FINC(COUNTER, 0) .LT. 0) I = -1
   10 CONTINUE
      CALL SHMEM_BARRIER_ALL
      MORE = ME .NE. 0 .OR. COUNTER .EQ. 10 * NPES
      GOOD = MORE .AND. I .EQ. 0 .AND. K(2) .EQ. LAST + 1
      CALL FACT(GOOD, 3, 'functions that the program declares')

      DATA(3) = 1 + ME
      CALL SHMEM_REAL4_SUM_TO_ALL(DATA(4), DATA(3), 1, 0, 0, NPES,
     &                            PWRK, PSYNC)
      CALL SHMEM_REAL4_SUM_TO_ALL(DATA(5), DATA(3), 1, 0, 0, NPES,
     &                            PWRK, WIDE)
      GOOD = DATA(4) .EQ. NPES * (NPES + 1) / 2
      GOOD = GOOD .AND. DATA(5) .EQ. DATA(4)
      CALL FACT(GOOD, 4, 'work arrays not aligned, of INTEGER*8')

      DO 20 J = 1, 10
         CALL SHMEM_SET_LOCK(LOCK)
         CALL SHMEM_GET4(I, K(3), 1, 0)
         CALL SHMEM_PUT4(K(3), I + 1, 1, 0)
         CALL SHMEM_CLEAR_LOCK(LOCK)
   20 CONTINUE
      CALL SHMEM_BARRIER_ALL
      GOOD = ME .NE. 0 .OR. K(3) .EQ. 10 * NPES
      CALL FACT(GOOD, 5, 'a lock in COMMON')
      END

C     Prints whether a fact holds on all PEs.
      SUBROUTINE FACT(GOOD, N, TEXT)
      INCLUDE 'shmem.fh'
      LOGICAL GOOD
      CHARACTER*(*) TEXT
      INTEGER MY_PE, BAD
      COMMON /FACTS/ BAD
      CALL SHMEM_BARRIER_ALL
      IF (.NOT. GOOD) CALL SHMEM_INT4_ADD(BAD, 1, 0)
      CALL SHMEM_BARRIER_ALL
      IF (MY_PE() .NE. 0) RETURN
      IF (BAD .EQ. 0) PRINT '(A,I1,A,A)', 'ok ', N, ' - ', TEXT
      IF (BAD .NE. 0) PRINT '(A,I1,A,A)', 'not ok ', N, ' - ', TEXT
      BAD = 0
      END
