"""Announcements: feeds polled, entries kept, and clients told.

`subsystem.py` is the whole, `source.py` where feeds come from, `poller.py` when.
"""
