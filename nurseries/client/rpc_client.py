"""A JSON-RPC client of a running daemon: calls with answers, and notifications.

`open_rpc_client` owns the reader task; it ends with the block or when the daemon goes away, which
fails every waiting call. Used by `mrk call`, `mrk watch` and by test suites.
"""

import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import trio

from mrk import foreign_json
from mrk.errors import MrkError
from mrk.foreign_json import NotJson
from nurseries.client.channels import Channel, ChannelClosed

# Notifications nobody reads are dropped past this; a second of a busy printer is about 20.
_NOTIFICATIONS = 1000


class CallFailed(MrkError):
    """The daemon answered with an error; `code` and `message` are JSON-RPC's."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{message} (code {code})")
        self.code = code
        self.message = message
        self.data = data


class _Slot:
    """Where one waiting call finds its answer."""

    def __init__(self) -> None:
        self.event = trio.Event()
        self.answer: dict[str, Any] = {}


class RpcClient:
    """One connection to a daemon.

    `notifications` yields `{"method": ..., "params": [...]}` objects; it ends with the connection.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ids = itertools.count(1)
        self._waiting: dict[int, _Slot] = {}
        self._lost: ChannelClosed | None = None
        self._sending = trio.Lock()
        self._publish, self.notifications = trio.open_memory_channel[dict[str, Any]](_NOTIFICATIONS)
        self.dropped_notifications = 0

    @property
    def lost(self) -> ChannelClosed | None:
        """How the connection ended, None while it lasts."""
        return self._lost

    async def call(self, method: str, **params: Any) -> Any:
        """Call a method and return its result; raises `CallFailed` or `ChannelClosed`."""
        return await self.call_with(method, params)

    async def call_with(self, method: str, params: dict[str, Any]) -> Any:
        """Like `call`, for params whose names are no Python names."""
        if self._lost is not None:
            raise self._lost
        call_id, slot = next(self._ids), _Slot()
        message = {"jsonrpc": "2.0", "method": method, "params": params, "id": call_id}
        self._waiting[call_id] = slot
        try:
            await self.send_raw(msgspec.json.encode(message))
            await slot.event.wait()
        finally:
            self._waiting.pop(call_id, None)
        if self._lost is not None and not slot.answer:
            raise self._lost
        return _result(slot.answer)

    async def send_raw(self, message: bytes) -> None:
        """Send bytes as they are, for those who test what a daemon does with them."""
        async with self._sending:
            await self._channel.send(message)

    async def wait_for(self, method: str) -> list[Any]:
        """Wait for the next notification of that name; return its params.

        Raises `ChannelClosed`.
        """
        async for message in self.notifications:
            if message["method"] == method:
                return list(message.get("params", []))
        raise self._lost or ChannelClosed("the connection ended before the notification came")

    async def read(self) -> None:
        """Hand out what the daemon sends; returns when the connection ends."""
        try:
            while True:
                for message in await self._channel.receive():
                    self._on_message(_decoded(message))
        except ChannelClosed as exc:
            self._lost = exc
        finally:
            self._publish.close()
            for slot in self._waiting.values():
                slot.event.set()

    def _on_message(self, message: Any) -> None:
        if not isinstance(message, dict):
            return
        if "method" in message:
            try:
                self._publish.send_nowait(message)
            except trio.WouldBlock:
                self.dropped_notifications += 1
            return
        call_id = message.get("id")
        slot = self._waiting.get(call_id) if type(call_id) is int else None
        if slot is not None:
            slot.answer = message
            slot.event.set()


def _decoded(message: bytes | str) -> Any:
    """Anybody may be at an address; raises `ChannelClosed` for who does not speak JSON."""
    try:
        return foreign_json.decode(message)
    except NotJson as exc:
        raise ChannelClosed(f"what came is no JSON: {exc}") from exc


def _result(answer: dict[str, Any]) -> Any:
    error = answer.get("error")
    if error is not None and not isinstance(error, dict):
        raise CallFailed(0, str(error), None)
    if error is not None:
        raise CallFailed(error.get("code", 0), error.get("message", ""), error.get("data"))
    return answer.get("result")


@contextlib.asynccontextmanager
async def open_rpc_client(channel: Channel) -> AsyncIterator[RpcClient]:
    """Run a client over a channel for as long as the block lasts."""
    client = RpcClient(channel)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.read, name="rpc client reader")
        yield client
        nursery.cancel_scope.cancel()
