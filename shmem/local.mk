# shmem
