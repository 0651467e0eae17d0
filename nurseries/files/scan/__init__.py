"""The scan of g-code files: worker process, its queue, and the records that result."""
