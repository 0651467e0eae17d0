"""A page for people over HTTP, and the process that renders it.

`Pages` stands from the start and is small. Quart-Trio and Jinja (`app.py`) run in a process of
their own, started for the first page and ended when none is asked for: the daemon's memory is as
before then.
"""
