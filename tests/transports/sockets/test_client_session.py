"""What waits in a session, without a transport above it."""

import time

import msgspec
import trio
from trio.testing import lockstep_stream_pair

from mrk.api.caller import Transport
from mrk.clients.registry import Client
from mrk.clients.turns import Turns
from mrk.definitions.limits import Limits
from mrk.klippy.etx import EtxDecoder, etx_frame
from mrk.websocket.events import Ending
from tests.transports.sockets.conftest import Daemon
from transports.sockets.client_connection import ClientConnection
from transports.sockets.client_session import ClientSession
from transports.sockets.outbox_sender import OutboxSender
from transports.sockets.time_slice import TURN_S


def call(id: int, method: str, **params: object) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params, "id": id})


async def test_a_backlog_is_worked_off_once() -> None:
    """The last call of it takes long, and more come while others have their turn behind it."""
    for _ in range(10):  # who runs first then is Trio's choice
        daemon, answered = Daemon(Limits(outbox_bytes=40_000)), trio.Event()
        echoed: list[int] = []

        def on_echo(text: str, answered: trio.Event = answered, echoed: list[int] = echoed) -> None:
            echoed.append(len(text))
            time.sleep(TURN_S)
            answered.set()

        daemon.on_echo = on_echo
        theirs, ours = lockstep_stream_pair()
        sender = OutboxSender(ours, etx_frame, daemon.limits)
        connection = ClientConnection("client 1", sender, Turns())
        client = Client(1, Transport.UNIX, sender, authorized=True)
        session = ClientSession(daemon.hub, client, sender, connection, 1_000_000)

        async def hear(session: ClientSession = session, answered: trio.Event = answered) -> Ending:
            await session.hear(call(0, "test.big", size=100_000))
            await session.hear(call(1, "test.echo", text="a" * 20_000))
            await answered.wait()
            await session.hear(call(2, "test.echo", text="b" * 20_001))
            await session.hear(call(3, "test.echo", text="c"))
            return await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.run, hear)
            decoder = EtxDecoder(1_000_000)
            seen: list[int] = []
            while len(seen) < 4:
                data = await theirs.receive_some()
                seen += [msgspec.json.decode(one)["id"] for one in decoder.feed(bytes(data))]
            nursery.cancel_scope.cancel()
        assert (seen, echoed) == ([0, 1, 2, 3], [20_000, 20_001, 1])
