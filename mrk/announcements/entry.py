"""One announcement, as clients see it and as the database keeps it.

Times are Unix seconds. Pure.
"""

from datetime import UTC
from typing import Final, Literal

import msgspec

from mrk.announcements.feed_parser import FeedItem

REMOTE: Final = "moonlight"
INTERNAL: Final = "internal"
PRIORITIES = ("normal", "high")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An announcement; `dismiss_wake` is when a timed dismissal ends.

    `feed` names the feed, or the component that made an internal one.
    """

    entry_id: str
    url: str | None = None
    title: str | None = None
    description: str | None = None
    priority: str | None = "normal"
    date: float = 0.0
    dismissed: bool = False
    date_dismissed: float | None = None
    dismiss_wake: float | None = None
    source: Literal["moonlight", "internal"] = REMOTE
    feed: str = ""


def from_item(feed: str, item: FeedItem, now: float) -> Entry:
    """A new entry of a feed; what is not said, or makes no sense, gets a harmless value."""
    category = (item.category or "normal").lower()
    # Front ends make a link of it.
    safe = item.link is not None and item.link.lower().startswith(("https://", "http://"))
    return Entry(
        entry_id=item.guid,
        url=item.link if safe else None,
        title=item.title,
        description=item.description,
        priority=category if category in PRIORITIES else "normal",
        date=_unix_time(item.pub_date, now),
        feed=feed,
    )


def _unix_time(text: str | None, now: float) -> float:
    if text is None:
        return now
    from email.utils import parsedate_to_datetime  # not before it is needed: 0.3 MB

    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return now
