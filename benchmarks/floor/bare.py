"""The floor: readiness awaited once, read into a kept buffer, Klipper's bytes spliced, and sent.

`python -m benchmarks.floor.bare PORT KLIPPY_SOCKET`. Nothing is decoded; a read is
expected to end with a frame, and what the kernel does not take at once is lost.
"""

import trio

from benchmarks.floor.clients import NOTIFICATION, Clients, plain, run
from mrk.klippy.etx import ETX
from mrk.websocket.frames import text_frame

_STATUS = b'"status":'
_TIME = b'"eventtime":'


def spliced(data: bytes) -> bytes:
    """One notification frame from one of Klipper's pushes (`eventtime` stands first)."""
    time_at = data.index(_TIME) + len(_TIME)
    status_at = data.index(_STATUS, time_at)
    eventtime = data[time_at : status_at - 1]
    status = data[status_at + len(_STATUS) : -2]
    return text_frame(b"".join((NOTIFICATION, status, b",", eventtime, b"]}")))


async def serve(klippy: trio.SocketStream, clients: Clients) -> None:
    """Carry pushes until Klipper closes."""
    source = plain(klippy)
    buffer = memoryview(bytearray(65536))
    while True:
        await trio.lowlevel.wait_readable(source)
        size = source.recv_into(buffer)
        if not size:
            return
        for push in bytes(buffer[: size - 1]).split(ETX):
            frame = spliced(push)
            for client in clients.values():
                client.send(frame)


if __name__ == "__main__":
    run(serve)
