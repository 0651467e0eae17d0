"""`GET /metrics`: what monitoring systems read. `subsystem.py` answers, `process_files.py` looks
at this process."""
