"""SSDP's sockets: searches are answered, and we say that we are there, and that we go.

`serve` ends when cancelled. It hears what is sent to the group only, never a datagram to the host.
"""

import logging
import random
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.utils import formatdate
from ipaddress import ip_address

import trio

from mrk.extensions.token_bucket import TokenBucket
from mrk.zeroconf.ssdp import DATAGRAM_BYTES, GROUP, PORT, SsdpDevice, answer, notices, read_search
from nurseries.zeroconf.network import address_towards

logger = logging.getLogger(__name__)
TTL = 2
# Between two announcements, at random.
EACH_S = (300.0, 600.0)
GOODBYE_S = 0.2
MOST_ANSWERS_S = 10


class SsdpResponder:
    """`location` makes the URL of the description at one of our addresses."""

    def __init__(
        self, device: SsdpDevice, location: Callable[[str], str], addresses: Sequence[str]
    ) -> None:
        self._device = device
        self._location = location
        self._addresses = [one for one in addresses if ip_address(one).version == 4]
        self._pending = False
        self._bucket = TokenBucket(MOST_ANSWERS_S, MOST_ANSWERS_S, trio.current_time())

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Answer and announce. Where the port cannot be had, only announce."""
        with _sending_socket() as sender:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._answer_all, sender, nursery, name="ssdp searches")
                try:
                    await self._tell(sender)
                    task_status.started()
                    await self._announce(sender)
                finally:
                    with trio.move_on_after(GOODBYE_S, shield=True):
                        await self._tell(sender, gone=True)

    async def _announce(self, sender: trio.socket.SocketType) -> None:
        turn = 0
        while True:
            await trio.sleep(random.uniform(*EACH_S))
            await self._tell(sender, only=turn % 3)
            turn += 1

    async def _tell(
        self, sender: trio.socket.SocketType, *, gone: bool = False, only: int | None = None
    ) -> None:
        for address in self._addresses:
            with suppress(OSError):  # an interface that is down
                sender.setsockopt(
                    socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address)
                )
                location = None if gone else self._location(address)
                for number, message in enumerate(notices(self._device, location)):
                    if only is None or number == only:
                        await sender.sendto(message, (GROUP, PORT))

    async def _answer_all(self, sender: trio.socket.SocketType, nursery: trio.Nursery) -> None:
        receiver = await self._open_receiver()
        if receiver is None:
            return
        with receiver:
            while True:
                datagram, peer = await receiver.recvfrom(DATAGRAM_BYTES + 1)
                search = read_search(datagram)
                if search is None or self._pending:
                    continue
                if not self._bucket.take(1, trio.current_time()):
                    continue
                self._pending = True
                delay_s = random.uniform(0, search.mx_s)
                nursery.start_soon(self._answer, sender, peer, delay_s, name="ssdp answer")

    async def _answer(
        self, sender: trio.socket.SocketType, peer: tuple[str, int], delay_s: float
    ) -> None:
        try:
            await trio.sleep(delay_s)
        finally:
            self._pending = False
        location = self._location(address_towards(peer[0]))
        date = formatdate(time.time(), usegmt=True)
        with suppress(OSError):
            await sender.sendto(answer(self._device, location, date), peer)

    async def _open_receiver(self) -> trio.socket.SocketType | None:
        receiver = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            await receiver.bind((GROUP, PORT))
        except OSError as exc:
            receiver.close()
            logger.warning("SSDP: searches cannot be heard: %s", exc)
            return None
        for address in self._addresses:
            member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(address))
            with suppress(OSError):
                receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        return receiver


def _sending_socket() -> trio.socket.SocketType:
    sender = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, TTL)
    return sender
