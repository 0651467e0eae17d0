"""Asks a CAN interface for nodes without an assigned id.

One query at a time, in a thread of its own; who asks for the same interface meanwhile shares the
answer, because each query costs nodes errors on their bus. No task. A cancelled query's thread
ends, and closes the bus, within 0.2 s.
"""

import threading
import time
from collections.abc import Callable

from mrk.can.bus import CanBus, CanFailed, NoCanInterface, OpenBus
from mrk.can.uuid_query import ANSWER_ID, QUERY, Answers, CanNode, is_interface_name
from mrk.errors import ClientError
from mrk.machine.netlink import BUS_OFF, CAN, Link
from nurseries.machine.netlink_socket import read_links
from nurseries.machine.python_can import open_socketcan
from nurseries.machine.shared_reading import SharedReading

# As long as Klipper's own tool listens.
LISTEN_S = 2.0
# With the import of python-can on a small board, and one query before this one.
DEADLINE_S = 8.0
_SEND_S = 0.5
# How soon the thread notices that nobody waits for it any more.
_LOOK_S = 0.2
_NOT_FOUND = 404
_FAILED = 500  # Moonraker's status for a bus that does not work


class CanbusQuery:
    """Queries buses. `open_bus` opens an interface; `read_links` lists them, and blocks as well."""

    def __init__(
        self,
        *,
        open_bus: OpenBus = open_socketcan,
        read_links: Callable[[], list[Link]] = read_links,
        listen_s: float = LISTEN_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._open_bus = open_bus
        self._read_links = read_links
        self._listen_s = listen_s
        self._reading = SharedReading[list[CanNode]]("The CAN interface", deadline_s)

    async def nodes(self, name: str) -> list[CanNode]:
        """Those that answer within 2 s on the interface `name`.

        Raises `ClientError`: 400 or 404 for a wrong name, 500 failed, 503 stuck.
        """
        if not is_interface_name(name):
            raise ClientError(
                f"'interface' is {name[:40]!r}, expected an interface's name of at most"
                " 15 characters, such as can0"
            )
        abandoned = threading.Event()
        try:
            nodes = await self._reading.get(lambda: self._query(name, abandoned), key=name)
        except NoCanInterface as exc:
            raise ClientError(str(exc), _NOT_FOUND) from exc
        except CanFailed as exc:
            raise ClientError(str(exc), _FAILED) from exc
        finally:
            abandoned.set()
        return nodes

    def _query(self, interface: str, abandoned: threading.Event) -> list[CanNode]:
        check_link(interface, self._read_links())
        bus = self._open_bus(interface, ANSWER_ID)
        try:
            return self._ask(bus, interface, abandoned)
        finally:
            bus.close()

    def _ask(self, bus: CanBus, interface: str, abandoned: threading.Event) -> list[CanNode]:
        answers = Answers()
        bus.send(QUERY, _SEND_S)
        end = time.monotonic() + self._listen_s
        while not abandoned.is_set() and not answers.full:
            left_s = end - time.monotonic()
            if left_s <= 0:
                break
            frame = bus.receive(min(left_s, _LOOK_S))
            if frame is not None and frame.bus_off:
                raise CanFailed(
                    f"CAN interface '{interface}' went bus off during the query, after"
                    f" {len(answers.nodes)} answers; check wiring, terminators and bitrate"
                )
            if frame is not None:
                answers.feed(frame)
        return answers.nodes


def check_link(interface: str, links: list[Link]) -> None:
    """Refuse an interface that cannot work; raises `CanFailed`.

    Without any link the kernel could not be asked: opening it will tell.
    """
    if not links:
        return
    link = next((link for link in links if link.name == interface), None)
    if link is None:
        others = ", ".join(link.name for link in links if link.kind == CAN) or "none"
        raise NoCanInterface(f"There is no interface '{interface}'; CAN interfaces here: {others}")
    if link.kind != CAN:
        raise NoCanInterface(f"Interface '{interface}' is not a CAN interface")
    if link.can_state == BUS_OFF:
        raise CanFailed(
            f"CAN interface '{interface}' is bus off: too many errors. Check wiring, terminators"
            f" and bitrate, then 'sudo ip link set {interface} down' and 'up'"
        )
    if not link.up:
        raise CanFailed(
            f"CAN interface '{interface}' is down; bring it up with"
            f" 'sudo ip link set {interface} up type can bitrate 1000000'"
        )
