"""The websocket to the cloud: one connection, from its opening to its loss.

`serve` ends when cancelled, after it has said so to the cloud, or with `WebsocketFailed`, and the
supervisor begins anew.
"""

import contextlib
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import trio

from mrk.errors import ClientError, leaves
from mrk.simplyprint.demands import Demand, read_demand
from mrk.simplyprint.identity import SERVICE, CloudIdentity, address, word
from mrk.simplyprint.intervals import Intervals
from mrk.simplyprint.messages import MOST_BYTES, CloudMessage, encode_message, read_message
from mrk.websocket.client_protocols import WebsocketConnection, WebsocketFailed, Websockets
from nurseries.simplyprint.cloud import Cloud, CloudOutbox
from nurseries.simplyprint.stored import StoredIdentity

logger = logging.getLogger(__name__)
WELCOME_S = 30.0
SEND_S = 30.0
GOODBYE_S = 0.3
# The cloud said that something is wrong.
AFTER_ERROR_S = 30.0
_TEXT_LENGTH = 200


class CloudRefused(WebsocketFailed):
    """The cloud sent an error."""

    retry_after_s = AFTER_ERROR_S


class CloudConnection:
    """`take_demand` is given what the cloud demands, and must not block."""

    def __init__(
        self,
        websockets: Websockets,
        stored: StoredIdentity,
        cloud: Cloud,
        take_demand: Callable[[Demand], None],
        *,
        url: str | None = None,
        service: str = SERVICE,
        welcome_s: float = WELCOME_S,
    ) -> None:
        self._websockets = websockets
        self._stored = stored
        self._cloud = cloud
        self._take_demand = take_demand
        self._url = url
        self._service = service
        self._welcome_s = welcome_s
        self._plain_http = (url or service).startswith("ws:")
        self._reconnect_token: str | None = None
        self._outgoing = CloudOutbox()
        self._welcomed = trio.Event()
        self._pong = trio.Event()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """One connection."""
        task_status.started()
        try:
            await self._stored.load()
        except ClientError as exc:
            raise WebsocketFailed(f"who the printer is cannot be read: {exc.message}") from exc
        url = self._url or address(self._stored.identity, self._reconnect_token, self._service)
        # A token is good for one attempt.
        self._reconnect_token = None
        self._outgoing, self._welcomed, self._pong = CloudOutbox(), trio.Event(), trio.Event()
        try:
            async with self._websockets.opened(url, most_bytes=MOST_BYTES) as websocket:
                await self._converse(websocket)
        except* WebsocketFailed as group:
            raise _worst(group) from group
        finally:
            self._cloud.end()

    async def _converse(self, websocket: WebsocketConnection) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, websocket, name="simplyprint messages")
                nursery.start_soon(self._ping, name="simplyprint pings")
                nursery.start_soon(self._watch_welcome, name="simplyprint welcome")
                nursery.start_soon(self._watch_stuck, name="simplyprint flow")
                while True:
                    message = read_message(await websocket.receive())
                    if message is not None:
                        await self._take(message)
        finally:
            if trio.current_effective_deadline() == -math.inf:  # it is our end, not the cloud's
                with (
                    trio.move_on_after(GOODBYE_S, shield=True),
                    contextlib.suppress(WebsocketFailed),
                ):
                    await websocket.send(encode_message("shutdown"))

    # What runs beside the reading

    async def _write(self, websocket: WebsocketConnection) -> None:
        async for text in self._outgoing.messages:
            with trio.move_on_after(SEND_S) as scope:
                await websocket.send(text)
            if scope.cancelled_caught:
                raise WebsocketFailed(f"the cloud took nothing for {SEND_S:g} s")

    async def _ping(self) -> None:
        await self._welcomed.wait()
        while True:
            wait_s = self._cloud.intervals.seconds("ping")
            await trio.sleep(wait_s)
            began, self._pong = trio.current_time(), trio.Event()
            self._outgoing.put(encode_message("ping"))
            with trio.move_on_after(wait_s) as scope:
                await self._pong.wait()
            if scope.cancelled_caught:
                raise WebsocketFailed(f"no answer to a ping within {wait_s:g} s")
            self._cloud.send("latency", {"ms": round((trio.current_time() - began) * 1000)})

    async def _watch_welcome(self) -> None:
        with trio.move_on_after(self._welcome_s) as scope:
            await self._welcomed.wait()
        if scope.cancelled_caught:
            raise WebsocketFailed(f"the cloud said nothing for {self._welcome_s:g} s")

    async def _watch_stuck(self) -> None:
        await self._outgoing.is_stuck.wait()
        raise WebsocketFailed("the cloud takes less than it is told")

    # What the cloud says

    async def _take(self, message: CloudMessage) -> None:
        data = message.data
        match message.type:
            case "connected":
                await self._on_connected(data)
            case "new_token":
                await self._on_new_token(data)
            case "complete_setup":
                await self._on_complete_setup(data)
            case "interval_change":
                self._cloud.intervals = self._cloud.intervals.changed(data)
            case "pong":
                self._pong.set()
            case "demand":
                self._take_demand(read_demand(data, plain_http=self._plain_http))
            case "error":
                self._reconnect_token = None
                raise CloudRefused(f"the cloud says: {str(data.get('msg', data))[:_TEXT_LENGTH]}")

    async def _on_connected(self, data: Mapping[str, Any]) -> None:
        changes = _words(data, "name", "short_id")
        in_setup = data.get("in_setup") in (True, 1)
        if in_setup and self._url is None:
            changes["printer_id"] = None
        await self._keep(**changes)
        self._reconnect_token = word(data.get("reconnect_token"))
        wanted = data.get("interval", data.get("intervals"))
        self._cloud.intervals = Intervals().changed(wanted if isinstance(wanted, dict) else {})
        is_set_up = not in_setup and (self._url is not None or self._stored.identity.is_set_up)
        self._cloud.begin(self._outgoing, is_set_up=is_set_up)
        self._welcomed.set()

    async def _on_new_token(self, data: Mapping[str, Any]) -> None:
        token = word(data.get("token"))
        if token is None:
            logger.warning("simplyprint: the cloud sent a token that is none")
            return
        changes = {"token": token, **_words(data, "short_id")}
        if data.get("no_exist") in (True, 1):
            logger.warning("simplyprint: the printer was deleted there, and has to be set up again")
            changes["printer_id"] = None
            self._cloud.is_set_up = False
        await self._keep(**changes)

    async def _on_complete_setup(self, data: Mapping[str, Any]) -> None:
        printer_id = word(data.get("printer_id"))
        if printer_id is None:
            logger.warning("simplyprint: the cloud completes the set-up without a printer_id")
            return
        await self._keep(printer_id=printer_id, short_id=None)
        self._cloud.is_set_up = True

    async def _keep(self, **changes: Any) -> None:
        identity: CloudIdentity = msgspec.structs.replace(self._stored.identity, **changes)
        await self._stored.keep(identity)


def _words(data: Mapping[str, Any], *names: str) -> dict[str, str | None]:
    """Of members that may be missing, those that are words."""
    found = {name: word(data.get(name)) for name in names}
    return {name: said for name, said in found.items() if said is not None}


def _worst(group: BaseExceptionGroup[WebsocketFailed]) -> WebsocketFailed:
    """What the cloud said tells more than what followed."""
    found = leaves(group)
    said = next((one for one in found if isinstance(one, CloudRefused)), found[0])
    kind = CloudRefused if isinstance(said, CloudRefused) else WebsocketFailed
    return kind(str(said))
