"""The ground: files that survive a crash, processes, shared memory, BLAS threads, plain JSON."""
