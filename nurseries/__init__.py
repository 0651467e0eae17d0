"""What runs: subsystems that own state, I/O, tasks and endpoints."""
