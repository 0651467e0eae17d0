"""The query that nodes without an assigned id answer with their uuid.

Pure. Source: Klipper's "CANBUS protocol" page (admin messages), and the application ids with
which nodes say who shall assign them: Klipper 0x01, Katapult 0x11.
"""

import re

import msgspec

from mrk.can.bus import CanFrame

ADMIN_ID = 0x3F0
ANSWER_ID = ADMIN_ID + 1
_QUERY_UNASSIGNED = 0x00
_NEED_NODEID = 0x20
_UUID_BYTES = 6
_APPLICATION_AT = 1 + _UUID_BYTES
_CLASSIC_BYTES = 8
_APPLICATIONS = {0x01: "Klipper", 0x11: "Katapult"}
UNKNOWN = "Unknown"
# Klipper has as many ids to give (two CAN identifiers each, from 0x100 on).
MOST_NODES = 128

# What Linux takes as an interface's name (dev_valid_name), without spaces and colons.
_INTERFACE = r"[^/:\s\0]{1,15}\Z"

QUERY = CanFrame(ADMIN_ID, bytes([_QUERY_UNASSIGNED]))


class CanNode(msgspec.Struct, frozen=True):
    """A node without an id: uuid in 12 lower-case digits; Klipper, Katapult or Unknown."""

    uuid: str
    application: str


def is_interface_name(name: str) -> bool:
    """Whether Linux could have such an interface."""
    return re.match(_INTERFACE, name) is not None and name not in (".", "..")


def node_of(frame: CanFrame) -> CanNode | None:
    """The node that answered with this frame; None for all other frames."""
    data = frame.data
    if not frame.plain or frame.can_id != ANSWER_ID:
        return None
    if not _APPLICATION_AT <= len(data) <= _CLASSIC_BYTES or data[0] != _NEED_NODEID:
        return None
    told = data[_APPLICATION_AT] if len(data) > _APPLICATION_AT else None
    application = UNKNOWN if told is None else _APPLICATIONS.get(told, UNKNOWN)
    return CanNode(data[1:_APPLICATION_AT].hex(), application)


class Answers:
    """Nodes by uuid in the order in which they were first heard, at most `MOST_NODES`."""

    def __init__(self) -> None:
        self._nodes: dict[str, CanNode] = {}

    def feed(self, frame: CanFrame) -> None:
        """Note a node; it may repeat itself, and tell its application only later."""
        node = node_of(frame)
        if node is None:
            return
        known = self._nodes.get(node.uuid)
        wanted = not self.full if known is None else known.application == UNKNOWN
        if wanted:
            self._nodes[node.uuid] = node

    @property
    def full(self) -> bool:
        """Whether no further node would be noted."""
        return len(self._nodes) >= MOST_NODES

    @property
    def nodes(self) -> list[CanNode]:
        """Who answered."""
        return list(self._nodes.values())
