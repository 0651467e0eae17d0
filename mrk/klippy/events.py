"""What subsystems are told about the printer, in the order it happened.

Published by the Klippy link through a `Fanout`; each reader chooses the kinds it wants.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from mrk.status.update import StatusUpdate


class Identified(msgspec.Struct, frozen=True):
    """Klipper answered `info` for the first time on this connection."""

    info: Mapping[str, Any]


class EndpointsListed(msgspec.Struct, frozen=True):
    """Names from `list_endpoints`, such as `gcode/script`."""

    names: tuple[str, ...]


class Started(msgspec.Struct, frozen=True):
    """Klipper left its start-up; `state` is ready, error, shutdown, or what a fork says."""

    state: str


class Ready(msgspec.Struct, frozen=True):
    """Klipper is ready, and so is everything we registered with it."""


class Shutdown(msgspec.Struct, frozen=True):
    """Klipper went into shutdown while we were connected."""

    message: str = ""


class Disconnected(msgspec.Struct, frozen=True):
    """The connection is gone, with all subscriptions."""


class GcodeResponse(msgspec.Struct, frozen=True):
    """One line of terminal output."""

    text: str


# A status update has something of what subsystems subscribed to, and perhaps more: they read the
# objects of interest by `fields`.
KlippyEvent = (
    Identified
    | EndpointsListed
    | Started
    | Ready
    | Shutdown
    | Disconnected
    | GcodeResponse
    | StatusUpdate
)
