"""Benchmarks of mrk: a daemon in a process of its own, driven over real sockets from here."""
