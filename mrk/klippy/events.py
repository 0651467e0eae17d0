"""What subsystems are told about the printer, in the order it happened.

Published by the Klippy link through a `Fanout`; each reader chooses the kinds it wants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrk.outbox import StatusUpdate


@dataclass(frozen=True, slots=True)
class Identified:
    """Klipper answered `info` for the first time on this connection."""

    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EndpointsListed:
    """Names from `list_endpoints`, such as `gcode/script`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """Klipper left its start-up; `state` is ready, error, shutdown, or what a fork says."""

    state: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Klipper is ready, and so is everything we registered with it."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Klipper went into shutdown while we were connected."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone, with all subscriptions."""


@dataclass(frozen=True, slots=True)
class GcodeResponse:
    """One line of terminal output."""

    text: str


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """Changed fields of what subsystems subscribed to, all of them together."""

    update: StatusUpdate


KlippyEvent = (
    Identified
    | EndpointsListed
    | Started
    | Ready
    | Shutdown
    | Disconnected
    | GcodeResponse
    | StatusChanged
)
