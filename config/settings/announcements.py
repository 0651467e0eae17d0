"""`[announcements]`: which feeds are read, and from where.

Feeds `moonraker` and `klipper` are always among them, and those of components that have one;
further ones may be added over the API. Read by `read_announcements`; a name that cannot be one
draws a warning and is skipped.
"""

import re

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from mrk.definitions.feeds import FEED_NAME

# Section -> the feed that Moonraker reads where it is written.
_OF_COMPONENTS = {"spoolman": "spoolman"}


class AnnouncementSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Feeds beyond the usual ones, and their source."""

    # Names in lower case.
    subscriptions: tuple[str, ...] = ()
    # False stops all requests to the network.
    enable_moonlight: bool = True
    # Read <data>/development/announcements/<feed>.xml instead of the network.
    dev_mode: bool = False


def read_announcements(reader: ConfigReader, paths: Paths) -> AnnouncementSettings:
    """Read `[announcements]`; mistakes and warnings go to `reader`."""
    section = reader.section("announcements")
    default = AnnouncementSettings()
    names: list[str] = []
    for written in section.entries("subscriptions", list(default.subscriptions)):
        name = written.lower()
        if re.fullmatch(FEED_NAME, name):
            names.append(name)
        else:
            section.warn("subscriptions", f"has a bad entry, skipped: {quoted(written)}")
    names += [feed for title, feed in _OF_COMPONENTS.items() if reader.has(title)]
    return AnnouncementSettings(
        subscriptions=tuple(dict.fromkeys(names)),
        enable_moonlight=section.boolean("enable_moonlight", default.enable_moonlight),
        dev_mode=section.boolean("dev_mode", default.dev_mode),
    )
