"""The same through Trio's streams, with msgspec decoding what came and encoding what goes.

`python -m benchmarks.floor.stream PORT KLIPPY_SOCKET`: the price of the usual way to write it.
"""

from typing import Any

import msgspec
import trio

from benchmarks.floor.clients import Clients, run
from mrk.klippy.etx import ETX
from mrk.websocket.frames import text_frame


class _Params(msgspec.Struct):
    eventtime: float
    status: dict[str, dict[str, Any]]


class _Push(msgspec.Struct):
    method: str
    params: _Params


async def serve(klippy: trio.SocketStream, clients: Clients) -> None:
    """Carry pushes until Klipper closes."""
    decode = msgspec.json.Decoder(_Push).decode
    encode = msgspec.json.Encoder().encode
    while data := await klippy.receive_some(65536):
        for push in bytes(data[:-1]).split(ETX):
            params = decode(push).params
            notification = {
                "jsonrpc": "2.0",
                "method": "notify_status_update",
                "params": [params.status, params.eventtime],
            }
            frame = text_frame(encode(notification))
            for client in clients:
                await client.send_all(frame)


if __name__ == "__main__":
    run(serve)
