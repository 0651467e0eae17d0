"""Announcement feeds, RSS 2.0: bytes in, items out; nothing of a feed is trusted.

One parser for one reading. Documents with a DTD are refused, so no entity unfolds; depth, number
of items and length of texts are bounded. The caller bounds the bytes, and feeds them in slices.
"""

from typing import Any

import msgspec

from mrk.errors import MrkError

MOST_DEPTH = 16
# Moonlight, the service behind Moonraker's feeds, writes 20 items of at most 512 characters.
MOST_ITEMS = 100
MOST_TEXT_CHARS = 4096
_ITEM = ["rss", "channel", "item"]
_FIELDS = frozenset({"guid", "link", "title", "description", "category", "pubDate"})


class FeedError(MrkError):
    """The document is no feed, or a hostile one."""


class FeedItem(msgspec.Struct, frozen=True):
    """One item's texts; `guid` is never empty, the others are None where absent."""

    guid: str
    link: str | None = None
    title: str | None = None
    description: str | None = None
    category: str | None = None
    pub_date: str | None = None


class _Target:
    """What the XML parser calls; keeps the path and the item it is in."""

    def __init__(self) -> None:
        self.items: list[FeedItem] = []
        self._path: list[str] = []
        self._item: dict[str, str] = {}

    def start(self, tag: str, _attributes: Any) -> None:
        self._path.append(tag)
        if len(self._path) > MOST_DEPTH:
            raise FeedError("it is nested too deeply")
        if self._path[0] != "rss":
            raise FeedError(f"it is not an RSS feed, but <{self._path[0][:40]}>")
        if self._path == _ITEM:
            self._item = {}

    def data(self, text: str) -> None:
        if len(self._path) == 4 and self._path[:3] == _ITEM and self._path[3] in _FIELDS:
            field = self._path[3]
            self._item[field] = (self._item.get(field, "") + text)[:MOST_TEXT_CHARS]

    def end(self, _tag: str) -> None:
        if self._path == _ITEM and len(self.items) < MOST_ITEMS:
            said = {field: text.strip() or None for field, text in self._item.items()}
            guid = said.get("guid")
            if guid is not None:
                self.items.append(
                    FeedItem(
                        guid,
                        said.get("link"),
                        said.get("title"),
                        said.get("description"),
                        said.get("category"),
                        said.get("pubDate"),
                    )
                )
        self._path.pop()

    def close(self) -> list[FeedItem]:
        return self.items


class FeedParser:
    """`feed` slices in order, then `close`; both raise `FeedError`."""

    def __init__(self) -> None:
        # Imported at the first feed that is read: 10 ms and 1 MB.
        from defusedxml.ElementTree import DefusedXMLParser, ParseError

        # ValueError: a DTD, or an encoding that is none; LookupError: an unknown one.
        self._errors = (ParseError, ValueError, LookupError)
        self._parser = DefusedXMLParser(target=_Target(), forbid_dtd=True)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        try:
            self._parser.feed(data)
        except self._errors as exc:
            raise _not_xml(exc) from exc

    def close(self) -> list[FeedItem]:
        """All items, in the feed's order; those without a guid are left out."""
        try:
            items: Any = self._parser.close()
        except self._errors as exc:
            raise _not_xml(exc) from exc
        return list(items)


def _not_xml(error: Exception) -> FeedError:
    return FeedError(f"it is not XML that mrk reads ({type(error).__name__})")
