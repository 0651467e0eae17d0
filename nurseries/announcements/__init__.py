"""Announcements: feeds polled, entries kept, and clients told.

`announcements.py` is the subsystem, `source.py` where feeds come from, `poller.py` when.
"""
