"""Resolves a webcam's address from where mrk stands, and tries whether a snapshot comes.

Owns no task: it works in the request that asked. Nothing is sent but the request for the snapshot.
"""

import socket
from collections.abc import Callable
from pathlib import Path

import trio

from mrk.http.client import FetchFailed, HttpGet
from mrk.webcams import addresses
from mrk.webcams.snapshots import NoSnapshot, Snapshot
from mrk.webcams.webcam import Webcam

# Of a name look-up, and of the whole attempt at a snapshot; the first one on a slow board
# spends 1 s on importing the client.
LOOKUP_S = 1.0
SNAPSHOT_S = 3.0
# The first bytes prove that it is there; a stream in the place of a snapshot never ends.
SNAPSHOT_BYTES = 1024
# Of a whole picture; 1080p is some 0.5 MB.
PICTURE_BYTES = 4 * 1024 * 1024
# Attempts at once; others wait for their turn.
MOST_AT_ONCE = 8
# Never reached: asking for the route to it (RFC 5737) sends nothing.
_FAR_AWAY = "192.0.2.1"


def host_address() -> str | None:
    """The address by which others reach this host; None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_FAR_AWAY, 9))
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address


def is_ours(address: str) -> bool:
    """Whether an IP address belongs to this host: only then can a socket be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def listeners() -> tuple[bytes, bytes]:
    """Tables of TCP sockets over IPv4 and IPv6; of any size, so read it in a thread."""
    return _read(Path("/proc/net/tcp")), _read(Path("/proc/net/tcp6"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


class Resolver:
    """`host_address` and `listeners` say what the operating system knows of this host.

    `camera_address` gives the camera's own address of a path that mrk itself passes on.
    """

    def __init__(
        self,
        http: HttpGet,
        *,
        host_address: Callable[[], str | None] = host_address,
        listeners: Callable[[], tuple[bytes, bytes]] = listeners,
        is_ours: Callable[[str], bool] = is_ours,
        camera_address: Callable[[str], str] = str,
    ) -> None:
        self._http = http
        self._host_address = host_address
        self._listeners = listeners
        self._is_ours = is_ours
        self._camera_address = camera_address
        self._attempts = trio.CapacityLimiter(MOST_AT_ONCE)

    async def resolve(self, url: str) -> str:
        """A whole URL as mrk reaches it; the host's own address becomes loopback if served there.

        Empty for a URL that is empty or points nowhere.
        """
        url = addresses.completed(self._camera_address(url), self._host_address())
        place = addresses.place_of(url)
        if place is None:
            return url if "://" in url else ""
        address = await self._look_up(place)
        if address is None or addresses.is_loopback(address) or not self._is_ours(address):
            return url
        tcp, tcp6 = await trio.to_thread.run_sync(self._listeners, abandon_on_cancel=True)
        loopback = addresses.listening_loopback(place.port, tcp, tcp6)
        return url if loopback is None else addresses.moved(url, loopback, place.port)

    async def _look_up(self, place: addresses.CameraLocation) -> str | None:
        with trio.move_on_after(LOOKUP_S):
            try:
                found = await trio.socket.getaddrinfo(
                    place.host, place.port, type=trio.socket.SOCK_STREAM
                )
            except (OSError, UnicodeError):
                return None
            return str(found[0][4][0])
        return None

    async def reachable(self, url: str) -> bool:
        """Whether an http or https URL answers with success and some bytes in time."""
        if not url.lower().startswith(("http://", "https://")):
            return False
        async with self._attempts:
            with trio.move_on_after(SNAPSHOT_S):
                try:
                    got = await self._http.get(url, most_bytes=SNAPSHOT_BYTES, local=True)
                except FetchFailed:
                    return False
                return 200 <= got.status < 300 and bool(got.body)
        return False

    async def fetch(self, url: str) -> Snapshot:
        """One picture; the caller's deadline ends it. Raises `NoSnapshot`."""
        if not url.lower().startswith(("http://", "https://")):
            raise NoSnapshot("the webcam's snapshot_url is not a web address")
        async with self._attempts:
            try:
                got = await self._http.get(url, most_bytes=PICTURE_BYTES, local=True)
            except FetchFailed as exc:
                raise NoSnapshot(f"the webcam cannot be reached: {exc}") from exc
        kind = got.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not 200 <= got.status < 300:
            raise NoSnapshot(f"the webcam answered with {got.status}")
        if not got.whole:
            raise NoSnapshot(f"the webcam's picture has more than {PICTURE_BYTES} bytes")
        if not kind.startswith("image/") or not got.body:
            raise NoSnapshot("the webcam answered with something that is not a picture")
        return Snapshot(got.body, kind)

    async def test(self, webcam: Webcam) -> tuple[str, str, bool]:
        """Snapshot and stream URL as mrk reaches them, and whether the snapshot came."""
        snapshot = await self.resolve(webcam.snapshot_url)
        stream = await self.resolve(webcam.stream_url)
        return snapshot, stream, await self.reachable(snapshot)
