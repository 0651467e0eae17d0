"""Announcements: feeds polled, entries kept, and clients told.

`announcements.py` is the subsystem, `source.py` where feeds come from, `poller.py` when.
"""

from nurseries.announcements.announcements import Announcements

__all__ = ["Announcements"]
