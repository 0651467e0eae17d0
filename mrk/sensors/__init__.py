"""Measurements from outside: what is kept of them, and what of them becomes fields of jobs."""
