"""Job state, job queue and history: three parts that run side by side, a file each."""
